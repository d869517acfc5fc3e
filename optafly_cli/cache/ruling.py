"""A miss that takes no vector: the rules are against every entry that other words could reach.

Exact: the look-up serves nothing that a rule is against, however near it is (`walk`). It is for who has to wait for the
embedding, and is given up where the rules could take longer than that.
"""

import re
import sqlite3
import time
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from optafly_cli.cache.types import Miss
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.guard.veto import Veto
    from optafly_cli.cache.lookup import Asked

MOST = 64
"""Entries of a scope that are held against a question: literals tell most apart, in microseconds."""
MOST_ALIKE = 4
"""Those that literals do not tell apart, which takes up to 0.3 ms each: with more of them something is seldom left."""
PATIENCE_S = 0.001
"""Some hold readings that are to be made first: a quarter of a millisecond each, after a start."""
_SIGNS = re.compile(r"[^a-zA-Z\s.,?!'-]|[a-zA-Z][A-Z]|\.\w|(?<!\w)['-]\w")
_COUNTS = frozenset(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "first", "second"])
_COUNTS |= {"third", "once", "twice", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year"}
"""What a text with a literal mostly has: two without are not told apart by literals, and need not be read for that."""
_REACHABLE = """
    SELECT instruction FROM entry WHERE partition = ? AND embedder IS NOT NULL AND created > ? AND key <> ? LIMIT ?
"""


def ruled_out(connection: sqlite3.Connection, ask: "Asked", settings: CacheSettings, patience_s: float) -> Miss | None:
    """A miss with a rule that is against one of the entries; None where it takes more than rules, or longer."""
    if settings.max_error_rate <= 0:
        return None
    rows = connection.execute(_REACHABLE, (ask.partition, ask.since, ask.key, MOST + 1)).fetchall()
    if len(rows) > MOST:
        return None
    veto = told_apart(ask.question.instruction, [stored for (stored,) in rows], patience_s)
    return None if veto is None else Miss(f"veto:{veto.name}", f"a rule is against each stored prompt: {veto.detail}")


def told_apart(instruction: str, stored: Sequence[str], patience_s: float) -> "Veto | None":
    """A veto, where the rules have one against each of the stored instructions; None where that is not known."""
    plain = islice(filter(_is_plain, stored), MOST_ALIKE + 1)
    if _is_plain(instruction) and len(list(plain)) > MOST_ALIKE:
        return None
    from optafly_cli.cache.guard.vetoes import literal_veto, veto

    give_up = time.perf_counter() + patience_s
    found = None
    alike = []
    for one in stored:
        refused = literal_veto(instruction, one)
        found = refused or found
        if refused is None:
            alike.append(one)
        if len(alike) > MOST_ALIKE or time.perf_counter() > give_up:
            return None
    for one in alike:
        found = veto(instruction, one)
        if found is None or time.perf_counter() > give_up:
            return None
    return found


def _is_plain(instruction: str) -> bool:
    return _SIGNS.search(instruction) is None and _COUNTS.isdisjoint(instruction.lower().split())
