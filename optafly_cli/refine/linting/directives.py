"""Comments that switch rules off: for a line, for the next one, or for the file.

`<!-- optafly: disable=OPF005 -->`, `# optafly: disable-next-line=OPF005,OPF006`, `// optafly: disable-file`; without
rules all are meant. A `disable` that stands alone on its line is meant for the next one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache


@dataclass(frozen=True, slots=True)
class Directive:
    """One disable comment: its 1-based line, its span in it, the line that it is for (None: the whole file), and the
    prefixes of its rules (none: all).
    """

    line: int
    start: int
    end: int
    target: int | None
    rules: tuple[str, ...]


def directives_in(text: str) -> tuple[Directive, ...]:
    """The disable comments of a file."""
    if "optafly:" not in text:
        return ()
    lines = text.split("\n")
    found: list[Directive] = []
    for number, line in enumerate(lines, 1):
        for match in _comment().finditer(line) if "optafly:" in line else ():
            target = None if match["reach"] == "-file" else number
            if match["reach"] == "-next-line" or (not match["reach"] and _comment().sub("", line).strip() == ""):
                target = number + 1
            rules = tuple(part.strip().upper() for part in (match["rules"] or "").split(",") if part.strip())
            found.append(Directive(number, *match.span(), target, rules))
    return tuple(replace(one, target=_past_comments(lines, one.target)) if one.target else one for one in found)


def silenced(rule: str, line: int, directives: Sequence[Directive]) -> bool:
    """Whether a finding of that rule on that line is switched off."""
    return any(one.target in (None, line) and (not one.rules or rule.startswith(one.rules)) for one in directives)


def _past_comments(lines: Sequence[str], target: int) -> int:
    """The first line from `target` on that is more than a disable comment."""
    while (
        target <= len(lines) and "optafly:" in lines[target - 1] and not _comment().sub("", lines[target - 1]).strip()
    ):
        target += 1
    return target


@cache
def _comment() -> re.Pattern[str]:
    rules = r"\w+(?:\s*,\s*\w+)*"
    # What follows the rules is a reason, for people
    return re.compile(
        rf"(?:<!--|/\*|\{{#|(?:(?<=\s)|^)(?:#|//))\s*optafly:\s*disable(?P<reach>-next-line|-file)?(?![\w-])"
        rf"(?:\s*=\s*(?P<rules>{rules}))?[^\n]*?(?:-->|\*/|#\}}|$)",
        re.I,
    )
