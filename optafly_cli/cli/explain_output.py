"""Why the store answers as it does, in words for people: `ask --explain` and `cache search`."""

import textwrap
from collections.abc import Iterator
from math import floor
from typing import TYPE_CHECKING

from optafly_cli.cache.guard.vetoes import every_veto
from optafly_cli.cache.types import Hit, Miss
from optafly_cli.cache.walk import Considered, near_enough
from optafly_cli.cli.columns import Line, clipped, fitting, flat
from optafly_cli.wording import age

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation
    from optafly_cli.cache.promise.force import Standing

SHOWN = 5
_SCREEN = 24
"""Lines of a screen: up to four for each entry, at least four for what is said above them."""
_WORDS = {
    "similarity": "none is near enough",
    "unsure": "it is not sure enough that the nearest one does",
    "no_certificate": "other words are not answered now",
    "drift": "other words are not answered any more",
}
"""What the decision says of a reason that the lines below explain."""
_STATUS = {
    "similarity": "too far",
    "rejected": "rejected",
    "evidence": "changed",
    "another_line": "another line",
    "unnamed": "other context",
    "expired": "expired",
    "unsure": "unsure",
    "no_certificate": "no promise",
    "drift": "no promise",
    "scope": "elsewhere",
}


def explained(explanation: "Explanation", width: int = 80) -> list[Line]:
    """The whole of it: the decision, what is promised, and the nearest entries with all that was looked at."""
    found = _shown(explanation)
    if isinstance(explanation.lookup, Hit) and explanation.lookup.tier == "exact" and len(found) <= 1:
        return [*_exact(explanation.lookup)]
    blocks = [
        fitting(line, width) for number, one in enumerate(found, 1) for line in _block(explanation, number, one, width)
    ]
    room = max(2, (_SCREEN - len(blocks)) // 2)
    lines = _wrapped("Decision: ", decision(explanation), width, room)
    if explanation.considered:
        lines += _wrapped("Promise: ", _promise(explanation.standing), width, room)
    return [*lines, *blocks]


def listed(explanation: "Explanation", width: int = 80, *, titled: bool = False) -> list[Line]:
    """One line for each of the nearest entries: id, age, nearness, whether it fits, its instruction."""
    titles = f"{'id':>6}  {'age':>7}  near  {'its answer':<16}  instruction"
    lines: list[Line] = [((titles, "bold"),)] if titled and _shown(explanation) else []
    for one in _shown(explanation):
        when = age(explanation.now - one.created)
        style = "good" if one.against is None else "dim"
        lead = f"{one.id:>6}  {when:>7}  {_two_digits(one.similarity)}  "
        status = f"{_status(one, same=one is explanation.same_prompt):<16}"
        lines.append(fitting(((lead, None), (status, style), (f"  {flat(one.instruction)}", None)), width))
        if one.elsewhere:
            lines.append(fitting(((" " * len(lead), None), (", ".join(one.elsewhere), "dim")), width))
    return lines


def _shown(explanation: "Explanation") -> list[Considered]:
    """The nearest entries, one for each instruction and scope: the one that may be served, else the newest."""
    near = sorted((*explanation.considered, *explanation.elsewhere), key=lambda one: -one.similarity)
    best: dict[tuple[str, tuple[str, ...]], Considered] = {}
    for one in near:
        key = (one.instruction, one.elsewhere)
        if key not in best or (best[key].against and one.against is None):
            best[key] = one
    first = [explanation.same_prompt] if explanation.same_prompt else []
    return [*first, *best.values()][:SHOWN]


def _exact(hit: Hit) -> Iterator[Line]:
    yield (("Decision: ", "bold"), (f"entry {hit.entry.id}, {age(hit.age_s)} old, answers the very same prompt", None))
    yield (("Nothing that it was drawn from has changed; nothing else had to be compared", None),)


def decision(explanation: "Explanation") -> str:
    """Whether a stored answer fits, and why not, in a sentence."""
    lookup, same = explanation.lookup, explanation.same_prompt
    if isinstance(lookup, Hit):
        how = "answers the very same prompt" if lookup.tier == "exact" else "fits: it asks the same in other words"
        return f"entry {lookup.entry.id} {how}"
    if same is not None:
        return f"no stored answer fits. The very same prompt was answered (entry {same.id}): {lookup.detail}"
    return f"no stored answer fits: {_why(lookup)}"


def _why(miss: Miss) -> str:
    if miss.reason.startswith("veto:"):
        return f"a rule is against the nearest ({miss.reason[5:]}: {miss.detail})"
    if miss.reason in ("no_embedder", "no_verifier") and miss.warnings:
        return f"{miss.detail}: {miss.warnings[0]}"
    return _WORDS.get(miss.reason, miss.detail)


def _promise(standing: "Standing | None") -> str:
    if standing is None:
        return "none, as there is no verifier: nearness and the rules decide alone"
    certificate = standing.certificate
    if standing.state == "drift":
        return f"suspended, as {standing.reason}; `optafly cache reject --forget` begins anew"
    if standing.threshold is None or certificate.bound is None:
        return f"none, as {standing.reason}"
    asked, bound = (_percent(share) for share in (certificate.max_error_rate, certificate.bound))
    checked = f"Of {certificate.served:,} checked {certificate.wrong:,} {'was' if certificate.wrong == 1 else 'were'}"
    return f"at most {asked} wrong. {checked}: 95% sure of at most {bound}"


def _block(explanation: "Explanation", number: int, one: Considered, width: int) -> Iterator[Line]:
    about = f" (entry {one.id}, {age(explanation.now - one.created)} old)"
    lead = f"{number}. "
    yield ((lead + clipped(flat(one.instruction), width - len(lead) - len(about)), "bold"), (about, "dim"))
    if one is explanation.same_prompt:
        yield _facts(("How near: ", "the very same prompt", True))
        yield _facts(("Against it: ", one.against.detail if one.against else "nothing", one.against is None))
        return
    near = (
        "How near: ",
        f"{_two_digits(one.similarity)} of 1 ({explanation.gate:g} is needed)",
        near_enough(one.similarity, explanation.gate),
    )
    rules, drawn = _rules(one), _drawn_from(one)
    if rules:
        yield _facts(near, drawn) if drawn[2] else _facts(near)
        for rule in _in_lines(rules, 2 if drawn[2] else 1):
            yield _facts(("Rule against it: ", rule, False))
    else:
        yield _facts(near, _words(one))
        yield (
            _facts(("Rule against it: ", "none", True), drawn)
            if drawn[2]
            else _facts(("Rule against it: ", "none", True))
        )
    if not drawn[2]:
        yield _facts(drawn)
    if one.probability is not None and explanation.standing is not None:
        yield _facts(_sure(one.probability, explanation.standing.threshold))


Fact = tuple[str, str, bool | None]
"""A label, a value, and whether that speaks for the entry (None: neither)."""


def _facts(*facts: Fact) -> Line:
    parts: list[tuple[str, str | None]] = [("   ", None)]
    for at, (label, value, good) in enumerate(facts):
        parts.append(((". " if at else "") + label, "dim"))
        parts.append((flat(value), None if good is None else "good" if good else "warning"))
    return tuple(parts)


def _rules(one: Considered) -> list[tuple[str, str]]:
    """Everything that forbids it, by name and with the reason; empty when nothing does."""
    found = [(veto.name, veto.detail) for veto in (every_veto(one.comparison) if one.comparison else ())]
    return [*found, *([("rejected", "you rejected its answer for these words")] if one.rejected else [])]


def _in_lines(rules: list[tuple[str, str]], room: int) -> Iterator[str]:
    """A line for each rule; where there is no room for all of them, the last line names the others."""
    for at, (name, detail) in enumerate(rules[:room], 1):
        more = [other for other, _ in rules[room:]] if at == room else []
        yield f"{name}: {detail}" + (f" (and {', '.join(more)})" if more else "")


def _words(one: Considered) -> Fact:
    difference = one.comparison.difference if one.comparison else None
    if difference is None:
        return ("Words: ", "read as the same", True)
    return ("Words: ", difference.detail, None)


def _drawn_from(one: Considered) -> Fact:
    if one.elsewhere:
        return ("It was asked with: ", ", ".join(one.elsewhere), False)
    if one.verdict is None or one.verdict.holds:
        return ("What it was drawn from: ", "unchanged", True)
    return ("What it was drawn from: ", one.verdict.detail, False)


def _sure(probability: float, threshold: float | None) -> Fact:
    sure = f"{floor(probability * 10_000 + 1e-6) / 100:g}%"
    if threshold is None:
        return ("Sure that the same answer fits: ", f"{sure} (how sure is enough is not known)", None)
    return ("Sure that the same answer fits: ", f"{sure} ({_percent(threshold)} is needed)", probability >= threshold)


def _status(one: Considered, *, same: bool) -> str:
    if one.against is None:
        return "the same" if same else "fits"
    reason = one.against.reason
    return f"rule: {reason[5:]}" if reason.startswith("veto:") else _STATUS.get(reason, reason)


def _two_digits(similarity: float) -> str:
    """Rounded down: what is below a gate must not look as if it reached it."""
    return f"{floor(similarity * 100 + 1e-4) / 100:.2f}"


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%" if share > 0.1 else f"{share * 100:.2g}%"


def _wrapped(label: str, text: str, width: int, room: int) -> list[Line]:
    """A label and a sentence, in at most `room` lines."""
    rows = textwrap.wrap(
        label + flat(text), width, subsequent_indent="  ", break_on_hyphens=False, max_lines=room, placeholder=" …"
    )
    first: Line = ((label, "bold"), (rows[0][len(label) :], None))
    return [first, *(((row, None),) for row in rows[1:])]
