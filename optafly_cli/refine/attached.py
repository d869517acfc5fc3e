"""What comes with a prompt besides the user's words, as far as rules and score care."""

import re
from dataclasses import dataclass

from optafly_cli.refine.markup import Structure
from optafly_cli.workspace.types import NamedContext

LOCATION = "Location: "
FAILURE = "Can fail at "
_LINE = re.compile(r":\d+")
_NUMBERED = re.compile(r"^1\. \S", re.M)


@dataclass(frozen=True, slots=True)
class Attached:
    """`code`: code, a diff or piped text; `located`: a line of it is pointed at; `error`: an error text or a place
    that can fail; `expectations`: what an answer must have.
    """

    code: bool = False
    located: bool = False
    error: bool = False
    expectations: bool = False


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
    tail = structure.tail[:20_000]
    place = next((line for line in tail.split("\n") if line.startswith(LOCATION)), "")
    return Attached(
        code=bool(code),
        located=bool(_LINE.search(place)) or any(part.tag == "diff" or "at" in part.attributes for part in code),
        error=FAILURE in tail or "<error" in tail,
        expectations=bool(_NUMBERED.search(tail)),
    )


def both(one: Attached, other: Attached) -> Attached:
    """What is in either."""
    return Attached(
        one.code or other.code,
        one.located or other.located,
        one.error or other.error,
        one.expectations or other.expectations,
    )
