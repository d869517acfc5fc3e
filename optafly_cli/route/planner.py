"""Which blocks get a breakpoint: those that are expected to save the most, within the prompt cache's rules.

A breakpoint writes the prompt up to its block, at a premium of w - 1 for what is not in the cache yet, and leaves an
entry that spares the next request money if that begins with all of it in time. R expected reads are a chance of
q = R / (1 + R) for that, taken in 64ths: no estimate is better. An entry is worth q (w - r) per token where its TTL is
the one that saves most in the long run (`pricing.Rates.saving` is this less the premium), and in proportion to
q / (1 - q) with another; w and r are the prices of writing and reading over that of input (decision 19).
Nothing is written up to the deepest entry that is read, and an entry is read only from a breakpoint at most 20
positions behind it. For these figures the choice is exact (`route.program`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from optafly_cli.models import Model
from optafly_cli.route.pricing import Rates, rates
from optafly_cli.route.program import SPARE, Chain, Program, Stop
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import Reads
from optafly_cli.route.shape import LOOK_BACK, MAX_ANCHORS, Marks, Prefix, RequestShape, minimum_for

TtlChoice = Literal["5m", "1h", "auto"]
NOTHING: Marks = {}
_STEPS = 64
"""Of a chance. Blocks that differ by less are taken to be read alike, and of a run of them the last is enough."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a choice depends on: the request with the client's own breakpoints, its prefixes and their expected reads.

    `live` are the entries that are believed to be in the cache, `ttls` those that a breakpoint behind each block may
    have, `price` the multiples that hold for a request of this length. Estimates never rise from block to block.
    """

    request: RequestShape
    ends: Sequence[Prefix]
    expected: Sequence[Reads]
    model: Model
    price: Rates
    ttls: Sequence[Sequence[Ttl]]
    live: Marks


class _Worth(NamedTuple):
    """What an entry spares the next request, per token; `pays` has the TTLs with which writing one pays."""

    spared: dict[Ttl, float]
    pays: dict[Ttl, float]


class _Place(NamedTuple):
    """A block that may carry a breakpoint, or has one of the client's own."""

    block: int
    position: int
    worth: _Worth
    own: bool


def situation(
    request: RequestShape,
    ends: Sequence[Prefix],
    expected: Sequence[Reads],
    *,
    model: Model,
    ttls: Sequence[Sequence[Ttl]],
    live: Marks = NOTHING,
) -> Situation:
    """`ttls` are those that may be used behind each block; `expected` may rise and is held to what it says earlier."""
    price = rates(model, ends[-1].tokens if ends else 0)
    return Situation(request, ends, _steadied(expected), model, price, _in_order(ttls, request.own_marks), live)


def place(
    request: RequestShape,
    ends: Sequence[Prefix],
    expected: Sequence[Reads],
    *,
    model: Model,
    live: Marks = NOTHING,
    ttl: TtlChoice = "auto",
    max_anchors: int = MAX_ANCHORS,
) -> dict[int, Ttl]:
    """The breakpoints of the request: the client's own, and of those that may be added the ones that save the most.

    `expected` are the reads of each prefix (`reuse.Reuse.expected`), `live` the entries that are believed to be in the
    cache. Nothing is added at or behind an instruction, on what takes no marker, or below the model's minimum.
    """
    ttls = [allowed(ttl)] * len(ends)
    return choose(situation(request, ends, expected, model=model, ttls=ttls, live=live), max_anchors)


def allowed(ttl: TtlChoice) -> tuple[Ttl, ...]:
    """The TTLs that a choice leaves open."""
    return ("5m", "1h") if ttl == "auto" else (ttl,)


def choose(given: Situation, max_anchors: int = MAX_ANCHORS) -> dict[int, Ttl]:
    """The breakpoints of a situation, in the order of the blocks."""
    own = given.request.own_marks
    room = max(0, min(max_anchors, MAX_ANCHORS - len(own)))
    if not room:
        return own
    places = _places(given, own)
    best: Chain | None = None
    for hit in (*sorted(_readable(given), reverse=True), None):
        if best is not None and best.value >= _most(given, places, hit):
            continue
        chain = _best_with(given, places, room, hit)
        if chain is not None and (best is None or chain.value > best.value):
            best = chain
    return dict(sorted({**(best.marks() if best else {}), **own}.items()))


def placeable(given: Situation) -> list[int]:
    """The blocks behind which a breakpoint may be added."""
    minimum = minimum_for(given.model)
    found: list[int] = []
    for i, (block, end) in enumerate(zip(given.request.blocks, given.ends, strict=True)):
        if block.kind == "instruction":
            break
        if end.tokens >= minimum and block.markable and given.ttls[i]:
            found.append(i)
    return found


def _places(given: Situation, own: Marks) -> list[_Place]:
    minimum = minimum_for(given.model)
    least: dict[Ttl, float] = {"5m": 0.0, "1h": 0.0}
    found: list[_Place] = []
    before: tuple[float, float, Sequence[Ttl]] | None = None
    worth = _Worth(least, {})
    for i in sorted({*placeable(given), *(i for i in own if given.ends[i].tokens >= minimum)}, reverse=True):
        reads = given.expected[i]
        alike = (reads.five_minutes, reads.one_hour, given.ttls[i])
        if alike != before:
            before, worth = alike, _worth(reads, given.ttls[i], given.price, least)
            least = worth.spared
        found.append(_Place(i, given.ends[i].position, worth, i in own))
    return found[::-1]


def _worth(reads: Reads, ttls: Sequence[Ttl], price: Rates, least: Mapping[Ttl, float]) -> _Worth:
    """What an entry is worth to the next request, per token (see above), and no less than `least`.

    That is its worth in a longer prefix: the shorter one is read whenever the longer one is.
    """
    chance: dict[Ttl, float] = {"5m": _in_steps(reads.five_minutes), "1h": _in_steps(reads.one_hour)}
    # What is never written is paid at the input price when it is not read
    scale = 1 - price.read
    best = max(ttls, key=lambda ttl: chance[ttl] * (price.write(ttl) - price.read) - price.write(ttl))
    if reads.within(best) > price.threshold(best):
        scale = (price.write(best) - price.read) * (1 - chance[best])
    spared = {ttl: max(scale * one / (1 - one), least[ttl]) for ttl, one in chance.items()}
    return _Worth(spared, {ttl: spared[ttl] for ttl in ttls if reads.within(ttl) > price.threshold(ttl)})


def _in_steps(reads: float) -> float:
    """The chance of the next read, rounded up so that what pays still does; less the last digits of floats."""
    return min(math.ceil(_STEPS - _STEPS / (1 + reads) - 1e-9), _STEPS - 1) / _STEPS


def _most(given: Situation, places: Sequence[_Place], hit: int | None) -> float:
    """More than any breakpoints are worth that find the entry behind `hit`: as if every place had one."""
    price = given.price
    premium = min(price.write_5m, price.write_1h) - 1
    read = before = 0 if hit is None else given.ends[hit].tokens
    worth = before * (1 - price.read)
    before = 0
    for place in places:
        upto = given.ends[place.block].tokens
        gain = max(place.worth.spared.values())
        worth += (upto - before) * gain - min(gain * (upto - before), max(0, upto - max(before, read)) * premium)
        before = upto
    return worth + MAX_ANCHORS * SPARE


def _best_with(given: Situation, places: Sequence[_Place], room: int, hit: int | None) -> Chain | None:
    """The best breakpoints whose deepest find is the entry behind block `hit`, or, with None, that find nothing."""
    stops = _stops(given, places, hit)
    if stops is None:
        return None
    price = given.price
    read = 0 if hit is None else given.ends[hit].tokens
    premium: dict[Ttl, float] = {"5m": price.write_5m - 1, "1h": price.write_1h - 1}
    return Program(premium, room, read, read * (1 - price.read)).best(_thinned(given, stops, hit))


def _stops(given: Situation, places: Sequence[_Place], hit: int | None) -> list[Stop] | None:
    """The places that find no deeper entry than `hit`; None where one of the client's own does."""
    entry = -1 if hit is None else hit
    reached = -1 if hit is None else _reached_from(given, hit)
    deeper = [(i, _reached_from(given, i)) for i in _readable(given) if i > entry]
    # What is read, or has to be written for the client, is no reason against an anchor
    paid = max([entry, *(place.block for place in places if place.own)])
    # Nor is it where what is read lives for 5m only: an hour behind it carries that on, at no charge
    carried = hit is not None and given.live[hit] == "5m"
    stops = []
    for place in places:
        i = place.block
        if deeper and any(i >= other and place.position <= last for other, last in deeper):
            if place.own:
                return None
            continue
        later = place.worth.pays
        if i <= paid:
            later = {ttl: place.worth.spared[_lasting(given, i, ttl, entry)] for ttl in given.ttls[i]}
        elif carried and "1h" in given.ttls[i]:
            later = {**later, "1h": place.worth.spared["1h"]}
        if later:
            finds = i >= entry and place.position <= reached
            stops.append(Stop(i, given.ends[i].tokens, later, place.own, i < entry, finds))
    return stops


def _reached_from(given: Situation, entry: int) -> int:
    """The last position from which a read comes to the entry behind a block."""
    return given.ends[entry].position + LOOK_BACK - 1


def _lasting(given: Situation, index: int, ttl: Ttl, hit: int) -> Ttl:
    """The TTL that an entry has after this request: what is read keeps its own, and what lies within it has no more."""
    if index > hit and index not in given.live:
        return ttl
    return given.live.get(index, "5m" if given.live[hit] == "5m" else ttl)


def _thinned(given: Situation, stops: Sequence[Stop], hit: int | None) -> list[Stop]:
    """Without those that the next one of the same kind replaces: it is read as often and has more tokens.

    Of a run that costs more per token than it spares, written for what it carries on, the first may be best.
    """
    blocks, price = given.request.blocks, given.price

    def alike(one: Stop, other: Stop) -> bool:
        kinds = (blocks[one.index].kind, one.later, one.within, one.finds)
        return kinds == (blocks[other.index].kind, other.later, other.within, other.finds)

    def is_replaced(i: int) -> bool:
        stop = stops[i]
        if stop.own or stop.index == hit or i + 1 == len(stops) or not alike(stop, stops[i + 1]):
            return False
        costs = any(spared < price.write(ttl) - 1 for ttl, spared in stop.later.items())
        return not costs or (i > 0 and alike(stops[i - 1], stop))

    return [stop for i, stop in enumerate(stops) if not is_replaced(i)]


def _readable(given: Situation) -> list[int]:
    minimum = minimum_for(given.model)
    return [i for i in given.live if given.ends[i].tokens >= minimum]


def _steadied(expected: Sequence[Reads]) -> list[Reads]:
    """The estimates, none higher than that of the prefix before it, nor than that of a longer time."""
    five_minutes = one_hour = math.inf
    figures = []
    for reads in expected:
        if not 0 <= reads.five_minutes <= min(five_minutes, reads.one_hour) or reads.one_hour > one_hour:
            five = max(0.0, min(five_minutes, reads.five_minutes))
            reads = Reads(five, max(five, min(one_hour, reads.one_hour)), reads.held)  # noqa: PLW2901 - held to those before
        five_minutes, one_hour = reads.five_minutes, reads.one_hour
        figures.append(reads)
    return figures


def _in_order(asked: Sequence[Sequence[Ttl]], own: Marks) -> Sequence[Sequence[Ttl]]:
    """The TTLs that the API takes beside the client's own breakpoints: no 1h behind 5m, no 5m before 1h."""
    if not own:
        return asked
    short = min((i for i, ttl in own.items() if ttl == "5m"), default=len(asked))
    long = max((i for i, ttl in own.items() if ttl == "1h"), default=-1)
    return [
        (own[i],)
        if i in own
        else tuple(ttl for ttl in ttls if (ttl == "5m" or i < short) and (ttl == "1h" or i > long))
        for i, ttls in enumerate(asked)
    ]
