"""Secrets that were typed or pasted into the prompt."""

import re
from collections.abc import Iterator
from itertools import accumulate

from optafly_cli.refine.rules.base import ALL, Rule, Spot, Subject

_NOTE = "[redacted"


def secrets(subject: Subject) -> Iterator[Spot]:
    """A key or token in the user's own words; the fix is the text without it."""
    text = subject.view.text
    result = subject.view.redaction
    if not result.kinds:
        return
    # `redact` keeps the number of lines: a changed line without a note belongs to a secret that began above it
    old, new = text.split("\n"), result.text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in old)]
    number = 0
    while number < len(old):
        if old[number] == new[number]:
            number += 1
            continue
        last = number
        while last + 1 < len(old) and old[last + 1] != new[last + 1] and _NOTE not in new[last + 1]:
            last += 1
        before, after = "\n".join(old[number : last + 1]), "\n".join(new[number : last + 1])
        yield _spot(before, after, offsets[number])
        number = last + 1


def _spot(before: str, after: str, offset: int) -> Spot:
    """The stretch that was redacted, from the first to the last character that differs."""
    shorter = min(len(before), len(after))
    start = next((index for index in range(shorter) if before[index] != after[index]), shorter)
    rest = shorter - start
    tail = next((index for index in range(rest) if before[-1 - index] != after[-1 - index]), rest)
    what = " and ".join(dict.fromkeys(re.findall(r"\[redacted: ([^\]\n]+)\]", after))) or "a key"
    message = f"The prompt holds a secret ({what}): take it out, and replace it where it is in use."
    return Spot(offset + start, offset + len(before) - tail, message, after[start : len(after) - tail])


RULES = (
    Rule(
        "OPF015",
        "error",
        "secret in the prompt",
        "A key, token or password in a prompt leaves the machine with it and may be logged on the way. Take it "
        "out; it is "
        "also best replaced where it is in use.",
        secrets,
        bad="Why is AKIAQ3EGUZ4X7NJW2B5T refused by the API?",
        better="Why is my AWS access key refused by the API?",
        kinds=ALL,
    ),
)
