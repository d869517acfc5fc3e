"""Places in code that can fail at run time, as far as one line shows: what to look at when a bug has no error text."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from optafly_cli.workspace.types import LineRange

_RUST = (
    (r"\.unwrap\(\)", ".unwrap() panics on Err or None"),
    (r"\.expect\(", ".expect() panics on Err or None"),
    (r"\b(?:panic|todo|unimplemented|unreachable)!\s*[(\[{]", "a panic macro"),
)
_PYTHON = (
    (r"\braise\s+\w", "an exception is raised"),
    (r"^\s*except(?:\s+\w+)?\s*:\s*pass\b", "an exception is swallowed"),
)
_JAVASCRIPT = (
    (r"\bthrow\s+\w", "an exception is thrown"),
    (r"\bcatch\s*(?:\([^)]{0,40}\))?\s*\{\s*\}", "an exception is swallowed"),
)
_BY_LANGUAGE = {
    "rust": _RUST,
    "python": _PYTHON,
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "java": _JAVASCRIPT,
    "kotlin": ((r"!!(?:\.|\b|\))", "!! throws on null"), *_JAVASCRIPT),
    "csharp": _JAVASCRIPT,
    "go": ((r"\bpanic\(", "panic() is called"),),
    "swift": ((r"\btry!", "try! traps on an error"), (r"\bfatalError\(", "fatalError() is called")),
}


def failing_lines(lines: Sequence[str], at: LineRange, language: str) -> Iterator[tuple[int, str]]:
    """Lines of the range that can fail, each with how; line numbers are 1-based. Comments do not count."""
    patterns = _compiled(language)
    for number in range(at.start, min(at.end, len(lines)) + 1) if patterns else ():
        line = lines[number - 1][:500]
        if line.lstrip().startswith(("//", "#", "*", "/*")):
            continue
        for pattern, what in patterns:
            if pattern.search(line):
                yield number, what
                break


@cache
def _compiled(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), what) for pattern, what in _BY_LANGUAGE.get(language, ()))
