"""How lately files changed, which ones change together, and what for, from git's log."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optafly_cli.workspace.index.building import History
from optafly_cli.workspace.index.words import counted

if TYPE_CHECKING:
    from optafly_cli.workspace.git import Git

COMMITS = 1500
_LARGEST_COMMIT = 20
_HALF_LIFE = 60.0
_MOST_TOGETHER = 8
_LOG = ("--format=%x01%B%x02", "--name-only", "--no-renames", "--no-merges", "-z")
_MESSAGE = 4_000
_NUMBER = re.compile(r"(?i)(?:#|\bgh-|\b(?:issues?|pull|pr|bug)[/ -]#?)(\d{2,7})\b")
_CAP = 64 * 1024 * 1024


def read_history(git: "Git") -> History:
    """The history of the last `COMMITS` commits; empty where git says nothing."""
    return parsed_log(git.run("log", f"--max-count={COMMITS}", *_LOG, cap=_CAP, partial=True) or b"")


def parsed_log(output: bytes) -> History:
    """The history in what `git log` printed: for each commit a mark, its message, a mark, then the files' names."""
    recency: dict[str, float] = defaultdict(float)
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    changes: dict[str, Counter[str]] = defaultdict(Counter)
    for age, record in enumerate(output.decode("utf-8", "replace").split("\x01")[1:]):
        message, _, listed = record.partition("\x02")
        names = [name.strip("\n") for name in listed.split("\0") if name.strip("\n")]
        weight = 0.5 ** (age / _HALF_LIFE) / max(1.0, len(names) / 4)
        for name in names:
            recency[name] += weight
        if len(names) > _LARGEST_COMMIT:
            continue
        said = {**counted(message.strip().partition("\n")[0]), **dict.fromkeys(references(message[:_MESSAGE]), 1)}
        for name in names:
            changes[name].update(said)
        if len(names) > 1:
            for name in names:
                pairs[name].update(names)
    top = max(recency.values(), default=1.0)
    together = {
        name: [other for other, times in counts.most_common(_MOST_TOGETHER + 1) if other != name and times > 1]
        for name, counts in pairs.items()
    }
    return History({name: value / top for name, value in recency.items()}, together, changes)


def references(text: str) -> Iterator[str]:
    """The issues and requests that a text refers to, as the terms of the field `changes`: "#123"."""
    return (f"#{match[1]}" for match in _NUMBER.finditer(text))
