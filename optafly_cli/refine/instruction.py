"""The instruction section: the original, and what it needs beside it, each part with the change that it is.

Parts in the order of what is given up last: what the user said when asked, where the code is, what error there is, what
an answer must have.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from optafly_cli.refine.attached import FAILURE, LOCATION
from optafly_cli.refine.data import templates
from optafly_cli.refine.errors_in_text import ErrorText
from optafly_cli.refine.hazards import failing_lines
from optafly_cli.refine.markup import ANSWER, ERROR, REQUEST, wrap
from optafly_cli.refine.mentions import MAX_MENTIONS
from optafly_cli.refine.named_pieces import PIPED
from optafly_cli.refine.naming import unit_name
from optafly_cli.refine.result import Answer, Change
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.completeness import says_expected
from optafly_cli.refine.sections import Chosen, Count
from optafly_cli.workspace.types import LineRange

SURE = 0.4
"""Intent confidence from which an action's expectations are added."""
MAX_LOCATIONS = 6
MAX_ERROR_LINES = 12
LONG_INPUT = 30
"""Lines of piped text above which the error in it is repeated beside the request."""
MAX_HAZARDS = 3
FOR_ERROR = 32
"""Tokens kept for an error in the code or what can fail there, which only the code tells: it takes none or some 60."""


@dataclass(frozen=True, slots=True)
class Part:
    """A text to put after the request, and the change that it makes."""

    text: str
    change: Change


def wrapped(original: str) -> str:
    """The request between its tags."""
    return wrap(REQUEST, original)


def beside(subject: Subject, answers: Sequence[Answer], count: Count) -> int:
    """Tokens of all that may stand around the request when code goes with it."""
    parts = [*answer_parts(answers, count), *place_parts(subject, count, ())]
    parts += expectation_parts(subject, count, (), grounded=True)
    original = subject.view.prompt
    base = count(original, "")
    each = count(wrapped(original), "") - base + sum(part.change.tokens_added for part in parts)
    whole = count("\n\n".join([wrapped(original), *(part.text for part in parts)]), "") - base
    return max(each, whole) + (FOR_ERROR if _lacks_error(subject) else 0)


def answer_parts(answers: Sequence[Answer], count: Count) -> Iterator[Part]:
    """What the user said, verbatim, each with the question that it answers."""
    for answer in answers:
        question = answer.question
        text = wrap(ANSWER, answer.text, {"to": question.text})
        yield Part(
            text,
            Change(
                "added_file_location" if question.choices else "added_expected_behavior",
                f"Put your answer beside the request: {question.text}",
                _cost(text, count),
                rule=question.rule,
                evidence=question.evidence,
                id=answer_id(answer),
            ),
        )


def answer_id(answer: Answer) -> str:
    """The id of the change that puts the answer beside the request."""
    return f"answer {answer.question.rule} {answer.question.text}"


def place_parts(subject: Subject, count: Count, rules: Collection[str]) -> Iterator[Part]:
    """Where the code is that the user named.

    `rules` are those that found something in the prompt alone: what is added says which of them asked for it.
    """
    places = _places(subject)
    if places:
        more = f"; and {len(places) - MAX_LOCATIONS} more" if len(places) > MAX_LOCATIONS else ""
        location = "; ".join(list(places.values())[:MAX_LOCATIONS]) + more
        text = LOCATION + location
        yield Part(
            text,
            Change(
                "added_file_location",
                f"Said where the code is: {location}",
                _cost(text, count),
                rule=asked_by(rules, "OPF002", "OPF018", "location"),
                evidence=", ".join(list(places)[:MAX_LOCATIONS]),
                id="location",
            ),
        )


def asked_by(rules: Collection[str], *names: str) -> str:
    """The first of the names that is one of the rules that found something, else the last."""
    return next((name for name in names if name in rules), names[-1])


def _places(subject: Subject) -> dict[str, str]:
    """The named places that the prompt does not say itself: "src/main.rs:12" as "src/main.rs:12, in fn parse_port"."""
    typed = subject.view.text
    places: dict[str, str] = {}
    for file in subject.named.files[:MAX_MENTIONS]:
        place = f"{file.label}:{file.lines}" if file.lines else file.label
        if place in typed:
            continue
        name = unit_name(file.source.lines, file.unit) if file.lines and file.unit else ""
        places.setdefault(place, f"{place}, in {name}" if name else place)
    return places


def error_parts(subject: Subject, chosen: Sequence[Chosen], count: Count, rules: Collection[str]) -> Iterator[Part]:
    """For a bug, the error that the prompt does not show: from a long input or the code; else what can fail."""
    if not _lacks_error(subject):
        return
    rule = asked_by(rules, "OPF003", "error")
    found = _piped_error(subject) if subject.piped_errors else next(_errors_in_code(subject, chosen), None)
    if found is not None:
        text, place = found
        markup = wrap(ERROR, text, {"from": place})
        description = f"Put the error found in {place} beside the request"
        evidence = place.replace("the input", "piped text") if subject.piped_errors else place
        yield Part(markup, Change("improved_clarity", description, _cost(markup, count), rule, evidence, id="error"))
    elif not subject.piped_errors:
        hazards = list(islice(_hazards(subject, chosen), MAX_HAZARDS))
        if hazards:
            text = FAILURE + "; ".join(f"{label}:{number} ({what})" for label, number, what in hazards)
            evidence = ", ".join(f"{label}:{number}" for label, number, _ in hazards)
            description = "Pointed out what can fail in the code"
            yield Part(text, Change("improved_clarity", description, _cost(text, count), rule, evidence, id="failure"))


def _lacks_error(subject: Subject) -> bool:
    return subject.intent.action == "debug" and not subject.view.errors


def _piped_error(subject: Subject) -> tuple[str, str] | None:
    if subject.piped is None or not subject.piped_errors or len(subject.piped.lines) <= LONG_INPUT:
        return None
    error = subject.piped_errors[0]
    return _text_of(subject.piped.lines, error), f"the input, line {error.start_line}"


def _errors_in_code(subject: Subject, chosen: Sequence[Chosen]) -> Iterator[tuple[str, str]]:
    """Errors in the lines that were chosen, such as in a comment above the line, without their comment marks."""
    for one in chosen:
        piece = one.piece
        if piece.kind not in ("file", "code"):
            continue
        for error in subject.files.errors(piece.path):
            if piece.start_line <= error.start_line and error.end_line <= piece.end_line:
                lines = piece.text.split("\n")[
                    error.start_line - piece.start_line : error.end_line - piece.start_line + 1
                ]
                text = "\n".join(_uncommented(line) for line in lines[:MAX_ERROR_LINES])
                yield text, f"{piece.path}:{LineRange(error.start_line, error.end_line)}"


def _text_of(lines: Sequence[str], error: ErrorText) -> str:
    return "\n".join(lines[error.start_line - 1 : min(error.end_line, error.start_line - 1 + MAX_ERROR_LINES)])


def _uncommented(line: str) -> str:
    return line.strip().lstrip("/#*;! ").rstrip()


def _hazards(subject: Subject, chosen: Sequence[Chosen]) -> Iterator[tuple[str, int, str]]:
    """What can fail on the lines pointed at, else in the units around them."""
    spots = [(one, at) for one in chosen if one.piece.path != PIPED for at in _pointed(subject, one)]
    nothing = True
    for one, at in spots:
        for number, what in _failing(one, at):
            nothing = False
            yield one.piece.path, number, what
    for one in chosen if nothing else ():
        if one.piece.kind in ("file", "code"):
            whole = LineRange(one.piece.start_line, one.piece.end_line)
            for number, what in _failing(one, whole):
                yield one.piece.path, number, what


def _pointed(subject: Subject, one: Chosen) -> Iterator[LineRange]:
    for file in subject.named.files:
        if file.label == one.piece.path and file.lines is not None:
            yield file.lines


def _failing(one: Chosen, at: LineRange) -> Iterator[tuple[int, str]]:
    offset = one.piece.start_line - 1
    inside = LineRange(max(at.start - offset, 1), at.end - offset)
    for number, what in _failing_in(one.piece.text, inside, one.piece.language):
        yield number + offset, what


@lru_cache(maxsize=64)
def _failing_in(text: str, at: LineRange, language: str) -> tuple[tuple[int, str], ...]:
    """What can fail there; the same pieces are asked about for every rewrite of a prompt."""
    return tuple(failing_lines(text.split("\n"), at, language))


def expectation_parts(subject: Subject, count: Count, rules: Collection[str], *, grounded: bool) -> Iterator[Part]:
    """What an answer must have. `grounded`: it is plain what the prompt is about."""
    template = templates().get(subject.intent.action)
    if template is None or subject.intent.confidence < SURE:
        return
    if subject.intent.action == "explain" and not grounded:
        # A general question needs no form for its answer
        return
    lines = ["Expected:", *(f"{number}. {text}" for number, text in enumerate(template.expectations, 1))]
    text = "\n".join(lines)
    evidence = f"the prompt, line {_first_line(subject)}"
    rule = asked_by(rules, "OPF013", "expectations")
    description = f"Said what is expected: {len(template.expectations)} points"
    yield Part(
        text,
        Change("added_expected_behavior", description, _cost(text, count), rule, evidence, id="expectations"),
    )
    question = template.question if grounded else template.ungrounded
    told = says_expected(subject.view) or subject.attached.answered & {"OPF003", "OPF013"}
    if question and not (grounded and told):
        rule = asked_by(rules, *(("OPF003", "OPF013") if grounded else ("OPF002",)), "question")
        description = "Asked for what is missing instead of assuming it"
        yield Part(
            question, Change("improved_clarity", description, _cost(question, count), rule, evidence, id="question")
        )


def _first_line(subject: Subject) -> int:
    """The first line of the prompt that has words in it."""
    text = subject.view.text
    return subject.view.position(len(text) - len(text.lstrip())).line


def _cost(text: str, count: Count) -> int:
    """Tokens of a part with the blank line before it."""
    return count("\n\n" + text, "")
