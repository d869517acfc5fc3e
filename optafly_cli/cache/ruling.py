"""A miss that takes no vector: the rules are against every entry that other words could reach.

Exact: the look-up serves nothing that a rule is against, however near it is (`walk`). It is for who has to wait for the
embedding, and is given up where the rules could take longer than that.
"""

import sqlite3
import time
from typing import TYPE_CHECKING

from optafly_cli.cache.types import Miss
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.lookup import Asked

MOST = 64
"""Entries of a scope that are held against a question: literals tell most apart, in microseconds."""
MOST_ALIKE = 4
"""Those that literals do not tell apart, which takes up to 0.3 ms each: with more of them something is seldom left."""
PATIENCE_S = 0.001
"""Some hold readings that are to be made first: a quarter of a millisecond each, after a start."""
_REACHABLE = """
    SELECT instruction FROM entry WHERE partition = ? AND embedder IS NOT NULL AND created > ? AND key <> ? LIMIT ?
"""


def ruled_out(connection: sqlite3.Connection, ask: "Asked", settings: CacheSettings, patience_s: float) -> Miss | None:
    """A miss with a rule that is against one of the entries; None where it takes more than rules, or longer."""
    if settings.max_error_rate <= 0:
        return None
    rows = connection.execute(_REACHABLE, (ask.partition, ask.since, ask.key, MOST + 1)).fetchall()
    if not 0 < len(rows) <= MOST:
        return None
    from optafly_cli.cache.guard.vetoes import compare, literal_veto

    instruction = ask.question.instruction
    give_up = time.perf_counter() + patience_s
    found = None
    alike = []
    for (stored,) in rows:
        veto = literal_veto(instruction, stored)
        found = veto or found
        if veto is None:
            alike.append(stored)
        if len(alike) > MOST_ALIKE or time.perf_counter() > give_up:
            return None
    for stored in alike:
        found = compare(instruction, stored).veto
        if found is None or time.perf_counter() > give_up:
            return None
    return found and Miss(f"veto:{found.name}", f"the rules are against each stored prompt: {found.detail}")
