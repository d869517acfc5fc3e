"""The walk of the semantic tier: stored entries held against the question one after another, nearest first.

The look-up stops at the first that may be served; an explanation goes on. Both see the same `Considered`, and the
same `decided` makes the decision of it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optafly_cli.cache.evidence import Verdict, still_holds
from optafly_cli.cache.guard.vetoes import Comparison, compare
from optafly_cli.cache.promise.judge import Judge, Trust
from optafly_cli.cache.promise.labels import are_apart, pair_of
from optafly_cli.cache.rows import ENTRY_COLUMNS, entry_from, evidence_from, scope_from
from optafly_cli.cache.scope import differences
from optafly_cli.cache.types import Hit, Lookup, Miss

if TYPE_CHECKING:
    from optafly_cli.cache.lookup import Asked
    from optafly_cli.cache.vectors import Candidate

MAX_INSTRUCTIONS = 5
"""Different instructions that are held against a question; entries that share one count once."""
_ROUNDING = 1e-6
_ROW = "SELECT partition, instruction, created, prompt, evidence, scope FROM entry WHERE id = ? AND created > ?"


@dataclass(frozen=True, slots=True)
class Considered:
    """A stored entry held against the question. `similarity` is a cosine, `created` Unix seconds.

    `against` is what keeps its answer back, the first thing in the order of the look-up; None: it may be served.
    The rest is None where it was not looked at, because something was against the entry already. `trust` is None
    too where the promise kept the entry back: then `against.near` has the verifier's probability. `rejected`: the
    user told the two instructions apart. `elsewhere` says what differs of the scope, for an entry of another one.
    """

    id: int
    instruction: str
    created: float
    similarity: float
    against: Miss | None = None
    comparison: Comparison | None = None
    rejected: bool = False
    verdict: Verdict | None = None
    trust: Trust | None = None
    elsewhere: tuple[str, ...] = ()

    @property
    def probability(self) -> float | None:
        """The verifier's, that the stored answer fits; None when it was not asked."""
        if self.trust is not None and self.trust.verifier is not None:
            return self.trust.confidence
        return self.against.near.probability if self.against and self.against.near else None


@dataclass(frozen=True, slots=True)
class View:
    """What a question is held against: the entries that were `found`, nearest first, and who judges them.

    `gate` is the lowest cosine that can be a hit. `notices` are for stderr. `elsewhere`: entries of other scopes are
    looked at instead of those of the question's own; none of them may be served. `expect` hears of the pair that the
    judge will probably be asked about.
    """

    connection: sqlite3.Connection
    ask: "Asked"
    gate: float
    judge: Judge
    found: "list[Candidate]"
    notices: tuple[str, ...] = ()
    elsewhere: bool = False
    expect: "Callable[[str, str], None] | None" = None


@dataclass(frozen=True, slots=True)
class _Source:
    """What else of an entry is needed: its prompt, and its evidence and scope as stored."""

    prompt: str
    evidence: str
    scope: str


def walk(view: View, *, thorough: bool = False) -> Iterator[Considered]:
    """The entries, each looked at until something is against it.

    `thorough`: on to rules and evidence all the same. The verifier is asked in either case only about what nothing
    else is against: what it says of others was never checked.
    """
    expect = view.expect
    for found, source in _rows(view):
        for check in (_scope, _near, _rules, _told_apart, _evidence, _judged):
            if found.against is None or (thorough and check is not _judged):
                found = check(view, found, source)  # noqa: PLW2901 (each check adds to it)
            if expect and check is _rules and _takes_a_model(found):
                # Of one only: what was computed for nothing has to be waited for
                expect(view.ask.question.instruction, found.instruction)
                expect = None
        yield found


def decided(view: View, considered: Iterable[Considered]) -> Lookup:
    """The first that may be served, or a miss with the reason of the nearest."""
    failure: Miss | None = None
    kept_back = None
    for one in considered:
        if one.against is None:
            if hit := _hit(view, one):
                return hit
            continue
        failure = failure or one.against
        kept_back = kept_back or one.against.near
        if one.against.reason == "similarity":
            break
    failure = failure or Miss("empty", "no answer is stored for this scope")
    if failure.reason == "similarity":
        detail = f"the nearest stored prompt has similarity {failure.similarity:.2f}, below {view.gate:g}"
        failure = replace(failure, detail=detail)
    return replace(failure, near=kept_back, warnings=view.notices)


def _takes_a_model(found: Considered) -> bool:
    """Whether the rules left it to the judge, and the judge will have to ask the cross-encoder."""
    return found.against is None and found.comparison is not None and not found.comparison.same


def near_enough(similarity: float, gate: float) -> bool:
    """Whether the cosine reaches the gate."""
    return similarity >= gate - _ROUNDING


def _rows(view: View) -> Iterator[tuple[Considered, _Source]]:
    """The candidates that are still where they were looked for, for at most `MAX_INSTRUCTIONS` instructions."""
    seen: set[str] = set()
    for candidate in view.found:
        row = view.connection.execute(_ROW, (candidate.id, view.ask.since)).fetchone()
        if row is None or (row[0] != view.ask.partition) is not view.elsewhere:
            continue
        instruction, created, *source = row[1:]
        if instruction in seen or len(seen) < MAX_INSTRUCTIONS:
            seen.add(instruction)
            yield Considered(candidate.id, instruction, created, candidate.similarity), _Source(*source)


def _scope(view: View, found: Considered, source: _Source) -> Considered:
    if not view.elsewhere:
        return found
    differs = differences(scope_from(source.scope), view.ask.question.scope)
    return _refused(replace(found, elsewhere=differs), Miss("scope", f"it was answered with {', '.join(differs)}"))


def _near(view: View, found: Considered, _: _Source) -> Considered:
    if near_enough(found.similarity, view.gate):
        return found
    return _refused(found, Miss("similarity", f"its similarity is {found.similarity:.2f}, below {view.gate:g}"))


def _rules(view: View, found: Considered, _: _Source) -> Considered:
    compared = compare(view.ask.question.instruction, found.instruction)
    found = replace(found, comparison=compared)
    veto = compared.veto
    return found if veto is None else _refused(found, Miss(f"veto:{veto.name}", veto.detail))


def _told_apart(view: View, found: Considered, _: _Source) -> Considered:
    if are_apart(view.connection, pair_of(view.ask.question.instruction, found.instruction)):
        return _refused(
            replace(found, rejected=True), Miss("rejected", "you rejected the answer to those words for these")
        )
    return found


def _evidence(view: View, found: Considered, source: _Source) -> Considered:
    if view.elsewhere:
        return found
    verdict = still_holds(evidence_from(source.evidence), view.ask.question, source.prompt)
    found = replace(found, verdict=verdict)
    return found if verdict.holds else _refused(found, Miss(verdict.reason, verdict.detail))


def _judged(view: View, found: Considered, _: _Source) -> Considered:
    trust = view.judge.judge(view.ask.question.instruction, found.instruction, found.id, found.similarity)
    return _refused(found, trust) if isinstance(trust, Miss) else replace(found, trust=trust)


def _refused(found: Considered, why: Miss) -> Considered:
    """The same with that against it, unless something was before."""
    return replace(found, against=found.against or replace(why, nearest=found.id, similarity=found.similarity))


def _hit(view: View, one: Considered) -> Hit | None:
    """The entry as a hit; None when it was deleted meanwhile."""
    query = f"SELECT {ENTRY_COLUMNS} FROM entry WHERE id = ?"  # noqa: S608 (a constant)
    row = view.connection.execute(query, (one.id,)).fetchone()
    if row is None or one.trust is None or one.verdict is None:
        return None
    reason = f"the same in other words, similarity {one.similarity:.2f}"
    if one.trust.verifier is not None:
        reason += f", probability {one.trust.confidence:.4f}"
    return Hit(
        entry=entry_from(row),
        tier="semantic",
        similarity=one.similarity,
        confidence=one.trust.confidence,
        age_s=max(0.0, view.ask.now - one.created),
        reason=reason,
        notices=(*one.verdict.notices, *view.notices),
        verifier=one.trust.verifier,
    )
