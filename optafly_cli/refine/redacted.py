"""Lines of a text with secrets taken out, line numbers kept."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from optafly_cli.workspace.secrets import redact


@dataclass(frozen=True, slots=True)
class Redacted:
    """The same number of lines as before; `changed` are the indices (0-based) whose text is not the original's."""

    lines: Sequence[str]
    changed: frozenset[int]

    def text(self, start: int, end: int) -> str:
        """Lines `start` to `end`, 1-based and inclusive."""
        return "\n".join(self.lines[start - 1 : end])

    def is_blank(self, start: int, end: int) -> bool:
        """Whether lines `start` to `end` say nothing."""
        return not any(map(str.strip, self.lines[start - 1 : end]))

    def sentence(self, start: int, end: int, label: str) -> str | None:
        """What was redacted in these lines ("redacted 1 AWS key in src/config.py"); None when nothing was."""
        lines = [self.lines[index] for index in sorted(self.changed) if start - 1 <= index < end]
        return f"redacted {describe(' '.join(lines))} in {label}" if lines else None


def redacted(lines: Sequence[str], *, clean: bool = False) -> Redacted:
    """The lines without secrets. `redact` keeps the number of lines, so that numbers stay true; `clean`: as there."""
    text = "\n".join(lines)
    result = redact(text, clean=clean)
    if result.text == text:
        return Redacted(lines, frozenset())
    shown = result.text.split("\n")
    changed = frozenset(index for index, (old, new) in enumerate(zip(lines, shown, strict=True)) if old != new)
    return Redacted(shown, changed)


def describe(text: str) -> str:
    """What the notes in a redacted text stand for ("1 AWS key and 2 GitHub tokens")."""
    counts = Counter(_note().findall(text))
    parts = [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in counts.items()]
    if not parts:
        return "a part of a secret"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


@cache
def _note() -> re.Pattern[str]:
    return re.compile(r"\[redacted: ([^\]\n]{1,60})\]")
