"""Why a question is answered from the store or not: the look-up again, but to the end. Reads the store, writes nothing.

The decision is the look-up's own: the same tiers, the same walk, the same fold over what was considered.
"""

import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optafly_cli.cache.lookup import (
    NOTHING_STORED,
    Asked,
    exact_tier,
    load,
    look_around,
    more_telling,
    unless_unavailable,
)
from optafly_cli.cache.types import Hit, Lookup, Miss
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.loaded import Loaded
    from optafly_cli.cache.promise.force import Standing
    from optafly_cli.cache.walk import Considered

MAX_ELSEWHERE = 64


@dataclass(frozen=True, slots=True)
class Explanation:
    """A look-up at `now` (Unix seconds), with everything that it rests on.

    `lookup` is what `Store.look_up` says. `gate` is the cosine that other words need. `same_prompt` is the entry of
    the very same prompt. `considered` are the nearest others of the question's scope, `elsewhere` those of other
    scopes, where asked for; nearest first. `standing` is what the verifier promises now; None without one, and where
    nothing was compared.
    """

    now: float
    gate: float
    lookup: Lookup
    same_prompt: "Considered | None" = None
    considered: "tuple[Considered, ...]" = ()
    elsewhere: "tuple[Considered, ...]" = ()
    standing: "Standing | None" = None


def explain(
    connection: sqlite3.Connection | None,
    ask: Asked,
    settings: CacheSettings,
    loaded: "Loaded",
    *,
    neighbours: bool = False,
    everywhere: bool = False,
) -> Explanation:
    """The explanation of a look-up; without a connection there is no store yet.

    After an exact hit nothing is compared, and no model loaded, unless `neighbours` are wanted all the same.
    `everywhere` looks into the other scopes too.
    """
    plain = Explanation(ask.now, settings.similarity, NOTHING_STORED)
    if connection is None:
        return plain
    exact = exact_tier(connection, ask)
    same = _same_prompt(connection, exact)
    if isinstance(exact, Hit) and not (neighbours or everywhere):
        return replace(plain, lookup=exact, same_prompt=same)
    seen = unless_unavailable(lambda: _compared(connection, ask, settings, loaded, plain))
    if isinstance(seen, Miss):
        seen = replace(plain, lookup=seen)
    if everywhere:
        others = unless_unavailable(lambda: _elsewhere(connection, ask, settings, loaded))
        seen = replace(seen, lookup=others) if isinstance(others, Miss) else replace(seen, elsewhere=others)
    lookup = exact if isinstance(exact, Hit) else more_telling(exact, seen.lookup)
    return replace(seen, lookup=lookup, same_prompt=same)


def _same_prompt(connection: sqlite3.Connection, exact: Lookup | None) -> "Considered | None":
    from optafly_cli.cache.walk import Considered

    if isinstance(exact, Hit):
        return Considered(exact.entry.id, exact.entry.instruction, exact.entry.created, 1.0)
    entry = load(connection, exact.nearest) if exact is not None and exact.nearest is not None else None
    return None if entry is None else Considered(entry.id, entry.instruction, entry.created, 1.0, against=exact)


def _compared(
    connection: sqlite3.Connection, ask: Asked, settings: CacheSettings, loaded: "Loaded", plain: Explanation
) -> Explanation:
    view = look_around(connection, ask, settings, loaded)
    if isinstance(view, Miss):
        return replace(plain, lookup=view)
    from optafly_cli.cache.walk import decided, walk

    considered = tuple(walk(view, thorough=True))
    return replace(plain, lookup=decided(view, considered), considered=considered, standing=view.judge.standing)


def _elsewhere(
    connection: sqlite3.Connection, ask: Asked, settings: CacheSettings, loaded: "Loaded"
) -> "tuple[Considered, ...]":
    from optafly_cli.cache.promise.judge import Judge
    from optafly_cli.cache.vectors import Wanted, scan_elsewhere
    from optafly_cli.cache.walk import View, walk

    embedding = loaded.embedding(ask.question.instruction)
    wanted = Wanted(ask.partition, embedding.index.embedder, ask.since, ask.key)
    found = scan_elsewhere(connection, wanted, embedding.vector, MAX_ELSEWHERE)
    view = View(connection, ask, settings.similarity, Judge(connection, None), found, elsewhere=True)
    return tuple(walk(view, thorough=True))
