"""Words for messages: durations, and what others wrote made fit for one line of ours."""

import math
import re
from collections.abc import Sequence

_KEY_SHAPE = re.compile(r"\bsk-ant-[\w-]{4,}")
LONGEST_QUOTE = 300


def duration(seconds: float) -> str:
    """Rounded up: "0.5 s", "12 s", "4 min", "1 h 5 min"."""
    if seconds < 10:
        return f"{math.ceil(seconds * 10) / 10:.1f}".removesuffix(".0") + " s"
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def quoted(text: str, secrets: Sequence[str]) -> str:
    """An endpoint's or a library's text: one line, printable, at most 300 characters, without any credential."""
    for secret in secrets:
        text = text.replace(secret, "[key]")
    text = _KEY_SHAPE.sub("[key]", text)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"
