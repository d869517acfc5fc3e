"""What is known of prefixes that were sent before: how often, when, by which turn, and what of them is in the cache.

No texts, and no clock of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import LIFETIME, Marks, Prefix, RequestShape

FIVE_MINUTES = LIFETIME["5m"]

Age = Literal["new", "going on", "minutes", "an hour", "old"]
"""When a prefix was sent last: never, never but in a session that goes on, within 5 minutes, within an hour, before."""

Group = tuple[BlockKind, Age]
"""Prefixes that are taken to be alike: the kind of their last block, and how old they were when they were sent."""

_EVERYONES = frozenset({"tools", "system"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a session. `number` counts those before it in the session, `gap` is the mean time between them.

    `soon` are the turns, this one among them, that came within five minutes of the one before.

    `blocks` and `tokens` are those of the whole request, `output` the tokens of its answer, 0 where that is unknown.
    """

    at: float
    blocks: int
    tokens: int
    output: int
    number: int
    gap: float
    soon: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was sent, and how often it came again within five minutes and within an hour."""

    sent: int = 0
    soon: int = 0
    later: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(self.sent + other.sent, self.soon + other.soon, self.later + other.later)


@dataclass(frozen=True, slots=True)
class Past:
    """What became of one prefix so far; times in seconds.

    `uses` are the requests that began with it, `returned` those of them that came within five minutes of the one
    before, `later` those that came within an hour of it, `branches` the different blocks that followed it. `turn` is
    the request that used it last, `group` what it was then. `written` is the TTL that its entry in the prompt cache was
    last written for, and `lives_until` how long that can be read.
    """

    uses: int
    first: float
    last: float
    returned: int
    later: int
    branches: int
    turn: Turn
    group: Group
    written: Ttl | None = None
    lives_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """Tokens by how they were billed: read, and written with each TTL; `sent` are all that an hour's requests had."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was sent: its breakpoints, how many tokens were answered, and what it was billed."""

    request: RequestShape
    ends: Sequence[Prefix]
    marks: Marks
    output: int
    billed: Account


class History(Protocol):
    """The requests that were sent before, as far as they are remembered."""

    def past(self, ends: Sequence[Prefix]) -> Sequence[Past]:
        """Those of the prefixes that were sent before: the first ones, since a prefix was sent with all its own."""
        ...

    def tallies(self) -> Mapping[Group, Tally]:
        """What came again, by kind and age."""
        ...

    def account(self, now: float) -> Account:
        """What was billed in the hour before `now`."""
        ...

    def add(self, sent: Sent) -> None:
        """Remember a request that was sent at `sent.request.at`; they come in order."""
        ...


class Memory:
    """A history in memory, for replays: of prefixes it forgets nothing."""

    def __init__(self) -> None:
        self._known: dict[str, Past] = {}
        self._bills: list[tuple[float, Account, int]] = []
        self._tallies: dict[Group, Tally] = {}

    def past(self, ends: Sequence[Prefix]) -> list[Past]:
        """Those of the prefixes that were sent before."""
        found: list[Past] = []
        for end in ends:
            known = self._known.get(end.key)
            if known is None:
                break
            found.append(known)
        return found

    def tallies(self) -> Mapping[Group, Tally]:
        """What came again, by kind and age."""
        return self._tallies

    def account(self, now: float) -> Account:
        """What was billed in the hour before `now`."""
        self._bills = [bill for bill in self._bills if bill[0] > now - LIFETIME["1h"]]
        bills = [bill for _, bill, _ in self._bills]
        return Account(
            sum(bill.read for bill in bills),
            sum(bill.written_5m for bill in bills),
            sum(bill.written_1h for bill in bills),
            sum(tokens for _, _, tokens in self._bills),
        )

    def add(self, sent: Sent) -> None:
        """Remember a request that was sent."""
        past = self.past(sent.ends)
        for group, more in tallied(past, sent.request).items():
            self._tallies[group] = self._tallies.get(group, Tally()).plus(more)
        for end, known in zip(sent.ends, after(past, sent), strict=True):
            self._known[end.key] = known
        self._bills.append((sent.request.at, sent.billed, sent.request.tokens))


def live(past: Sequence[Past], now: float) -> dict[int, Ttl]:
    """The prefixes whose entries can be read now, by number, and the TTLs that they were written for."""
    return {i: known.written for i, known in enumerate(past) if known.written and known.lives_until > now}


def bill(past: Sequence[Past], request: RequestShape, ends: Sequence[Prefix], marks: Marks) -> Account:
    """What a request with these breakpoints reads and writes, by what is known of its prefixes."""
    last = max(marks, default=-1)
    hit = max((i for i in live(past, request.at) if i <= last), default=-1)
    read = ends[hit].tokens if hit >= 0 else 0
    hour = max([read, *(ends[i].tokens for i, ttl in marks.items() if ttl == "1h")])
    return Account(read, max(read, ends[last].tokens) - hour if marks else 0, hour - read)


def reported(sent: Sent, *, output: int, read: int, written: int) -> Sent:
    """The request with the tokens that the endpoint reported. Up to the last 1h breakpoint was written with 1h."""
    upto = max((sent.ends[i].tokens for i, ttl in sent.marks.items() if ttl == "1h"), default=0)
    hour = max(0, min(written, upto - read))
    return replace(sent, output=output, billed=Account(read, written - hour, hour))


def after(past: Sequence[Past], sent: Sent) -> list[Past]:
    """What is known of each of the request's prefixes once it was sent; `past` is what was known before."""
    request, ends, at = sent.request, sent.ends, sent.request.at
    before = session(past, request)
    turn = Turn(at, len(ends), ends[-1].tokens if ends else 0, sent.output, 0, 0.0)
    if before is not None:
        number = before.number + 1
        gap = (before.gap * before.number + max(0.0, at - before.at)) / number
        soon = before.soon + (at - before.at <= FIVE_MINUTES)
        turn = Turn(turn.at, turn.blocks, turn.tokens, turn.output, number, gap, soon)
    entries = _entries(past, sent)
    groups = groups_of(past, request)
    known = []
    for i, old in enumerate(past):
        grown = old.branches + (i == len(past) - 1 and len(ends) > len(past))
        returned = old.returned + (at - old.last <= FIVE_MINUTES)
        later = old.later + (at - old.last <= LIFETIME["1h"])
        entry = entries.get(i, (old.written, old.lives_until))
        known.append(Past(old.uses + 1, old.first, at, returned, later, grown, turn, groups[i], *entry))
    last = len(ends) - 1
    new = (
        Past(1, at, at, 0, 0, int(i < last), turn, groups[i], *entries.get(i, (None, 0.0)))
        for i in range(len(past), len(ends))
    )
    return [*known, *new]


def groups_of(past: Sequence[Past], request: RequestShape) -> list[Group]:
    """What each of the request's prefixes is when it is sent."""
    fresh: Age = "new" if session(past, request) is None else "going on"
    ages = [_age(request.at - known.last) for known in past]
    return [(block.kind, ages[i] if i < len(ages) else fresh) for i, block in enumerate(request.blocks)]


def tallied(past: Sequence[Past], request: RequestShape) -> dict[Group, Tally]:
    """What the request adds to the tallies: what came again with it, and what is to come again."""
    added: dict[Group, Tally] = {}
    for known in past:
        pause = request.at - known.last
        came = Tally(0, int(pause <= FIVE_MINUTES), int(pause <= LIFETIME["1h"]))
        added[known.group] = added.get(known.group, Tally()).plus(came)
    for group in groups_of(past, request):
        added[group] = added.get(group, Tally()).plus(Tally(1))
    return added


def _age(pause: float) -> Age:
    return "minutes" if pause <= FIVE_MINUTES else "an hour" if pause <= LIFETIME["1h"] else "old"


def _entries(past: Sequence[Past], sent: Sent) -> dict[int, tuple[Ttl, float]]:
    """The entries that the request made or renewed: at its breakpoints, and where it read."""
    at = sent.request.at
    alive = live(past, at)
    last = max(sent.marks, default=-1)
    made = {i: (alive.get(i, ttl), at + LIFETIME[alive.get(i, ttl)]) for i, ttl in sent.marks.items()}
    hit = max((i for i in alive if i <= last), default=-1)
    if hit >= 0:
        made[hit] = (alive[hit], at + LIFETIME[alive[hit]])
    return made


def session(past: Sequence[Past], request: RequestShape) -> Turn | None:
    """The turn before this one: the last request that shares more with it than tools and system prompt."""
    if past and request.blocks[len(past) - 1].kind not in _EVERYONES:
        return past[-1].turn
    return None
