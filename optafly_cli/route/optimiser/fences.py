"""Where code stands in fences: it is never touched. Pure."""

import re
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"\s{0,3}(?P<mark>`{3,}|~{3,})(?P<rest>.*)\Z", re.DOTALL)


def stretches(lines: Sequence[str]) -> Iterator[tuple[bool, Sequence[str]]]:
    """The lines in turns: whether they are in a fence (its marks included), and they. An open fence has no end."""
    start = 0
    mark = ""
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if match is None:
            continue
        if not mark:
            if match["mark"][0] == "`" and "`" in match["rest"]:
                continue
            if start < number:
                yield False, lines[start:number]
            start, mark = number, match["mark"]
        elif match["mark"].startswith(mark) and not match["rest"].strip():
            yield True, lines[start : number + 1]
            start, mark = number + 1, ""
    if start < len(lines):
        yield bool(mark), lines[start:]
