"""Long stretches that are no text: base64, hexadecimal, minified code. A note says what they were and how long."""

import re
from collections.abc import Callable
from itertools import pairwise

from optafly_cli.route.optimiser.notes import MARK, note

SHORTEST = 512
"""Characters of an unbroken run from which it can be a blob: a hash, a path or a key is shorter."""

MINIFIED = 2_000
"""Characters of a line from which it is minified, if it is code or data without spaces."""

_HEAD, _TAIL = 24, 8
_RUN = re.compile(rf"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/_=-]{{{SHORTEST},}}")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")


def without_blobs(line: str, *, minified: bool) -> str:
    """The line with each blob cut to its ends. `minified`: a very long line of code or data is one too."""
    if len(line) < SHORTEST or MARK in line:
        return line
    line = _RUN.sub(_shortened, line)
    if minified and len(line) >= MINIFIED and line.count(" ") < len(line) / 12:
        return f"{line[:120]} {note(f'{len(line) - 160:,} characters of one minified line left out')} {line[-40:]}"
    return line


def _shortened(match: re.Match[str]) -> str:
    run = match[0]
    kind = _kind(run)
    if kind is None:
        return run
    said = note(f"{len(run) - _HEAD - _TAIL:,} characters of {kind} left out")
    return f"{run[:_HEAD]} {said} {run[-_TAIL:]}"


def _kind(run: str) -> str | None:
    """What a run of letters and digits is; None for a ruler, a path or a name that only looks like one."""
    body = run.partition(",")[2] or run
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("hexadecimal", lambda text: _HEX.match(text) is not None and len(set(text.lower())) >= 10),
        ("base64", lambda text: len(set(text)) >= 20 and any(map(str.isdigit, text)) and _mixed(text)),
    )
    return next((name for name, test in tests if test(body)), None)


def _mixed(text: str) -> bool:
    """Capitals amid small letters all over, as no name has them."""
    turns = sum(1 for a, b in pairwise(text) if a.islower() and b.isupper())
    return turns * 20 > len(text)
