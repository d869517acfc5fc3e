"""What comes with a prompt besides the user's words, as far as rules and score care."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from optafly_cli.refine.markup import Structure
from optafly_cli.workspace.types import NamedContext

LOCATION = "Location: "
FAILURE = "Can fail at "
QUESTIONS = {
    "OPF002": "Which file is meant?",
    "OPF003": "What happens, and what should happen instead?",
    "OPF013": "How will you tell that it is done?",
}
"""What is asked when a rule finds that the prompt does not say it; part of the refined prompt, as the tags are."""
_LINE = re.compile(r":\d+")
_NUMBERED = re.compile(r"^1\. \S", re.M)


@dataclass(frozen=True, slots=True)
class Attached:
    """`code`: code, a diff or piped text; `located`: a line of it is pointed at; `error`: an error text or a place
    that can fail; `expectations`: what an answer must have; `answered`: rules whose questions the user answered.
    """

    code: bool = False
    located: bool = False
    error: bool = False
    expectations: bool = False
    answered: frozenset[str] = frozenset()


def attached_of(named: NamedContext) -> Attached:
    """What the user named, before any of it is chosen from."""
    return Attached(
        code=bool(named.files or named.diff or named.piped),
        located=any(file.lines is not None for file in named.files) or bool(named.diff),
    )


def attached_in(structure: Structure | None) -> Attached:
    """What a refined prompt holds around the request."""
    if structure is None:
        return Attached()
    code = [part for part in structure.parts if part.tag != "project"]
    pointed = any(part.tag == "diff" or "at" in part.attributes for part in code)
    answered = (question for question, _ in structure.answers)
    return attached_around(structure.tail, answered, code=bool(code), pointed=pointed)


def attached_around(tail: str, answered: Iterable[str], *, code: bool, pointed: bool) -> Attached:
    """The same of a refined prompt's parts: what follows the request, the questions that were answered, and whether
    there is `code` before the request, a line of which is `pointed` at.
    """
    tail = tail[:20_000]
    place = next((line for line in tail.split("\n") if line.startswith(LOCATION)), "")
    held = Attached(
        code=code,
        located=bool(_LINE.search(place)) or pointed,
        error=FAILURE in tail or "<error" in tail,
        expectations=bool(_NUMBERED.search(tail)),
    )
    return both(held, attached_answers(answered))


def attached_answers(questions: Iterable[str]) -> Attached:
    """What answers to these questions supply: a symptom is as good as an error text."""
    rules = frozenset(rule for text in questions for rule, asked in QUESTIONS.items() if asked == text)
    return Attached(error="OPF003" in rules, expectations=bool(rules & {"OPF003", "OPF013"}), answered=rules)


def both(one: Attached, other: Attached) -> Attached:
    """What is in either."""
    return Attached(
        one.code or other.code,
        one.located or other.located,
        one.error or other.error,
        one.expectations or other.expectations,
        one.answered | other.answered,
    )
