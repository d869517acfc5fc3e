"""Entries without their answers, chosen and in order: what a list of the store shows. Reads only."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from optafly_cli.cache import rows
from optafly_cli.cache.backends.protocol import Stored
from optafly_cli.cache.pruning import SHARE, SIZE
from optafly_cli.cache.types import Evidence

Order = Literal["created", "used", "hits", "size"]
ORDERS: tuple[Order, ...] = get_args(Order)
_BY = {"created": "created", "used": "last_used", "hits": "hits", "size": SIZE}
_COLUMNS = f"""
    id, prompt, instruction, model, created, last_used, hits, cost, {SIZE} AS bytes, vector IS NOT NULL, scope, evidence
"""
_CONDITIONS = {
    "number": "id = :number",
    "since": "created >= :since",
    "model": "(model = :model OR substr(model, 1, length(:model) + 1) = :model || '-')",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody looks from: the root of a workspace, and what else scopes call it (`git:` and a commit)."""

    root: str
    name: str | None = None

    def is_of(self, workspace: str) -> bool:
        """Whether an entry's workspace is this one."""
        return workspace in (self.root, self.name)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are meant; what is None, any.

    `path`: absolute, a file that was named or a folder of such files. `model`: an id, or the beginning of one up to a
    dash. `since`: Unix seconds, when it was made. `here`: only entries of that place; `path` needs it, too.
    """

    number: int | None = None
    path: str | None = None
    model: str | None = None
    since: float | None = None
    here: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry without its answer. Times are Unix seconds; `bytes` is its row with a share of the indexes.

    `files` are the named ones as they were typed (`src/main.rs:12`), relative to the workspace; `besides` says in a
    word each what else the question had: piped text, a diff, pasted code, a system prompt, selected files.
    `reworded`: other words may reach it. In a store that a team shares an entry has no number.
    """

    id: int | None
    prompt: str
    instruction: str
    model: str
    created: float
    last_used: float
    expires: float
    hits: int
    cost: float | None
    bytes: int
    reworded: bool
    workspace: str = ""
    files: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """The first of the entries that are meant, and how many there are in all."""

    total: int = 0
    entries: tuple[Listed, ...] = ()


def listing(
    connection: sqlite3.Connection, wanted: Filter, place: Place, lifetime: float, *, order: Order, limit: int | None
) -> Listing:
    """The entries that are meant, the newest (last used, most used, largest) first. `lifetime` in seconds.

    Raises UnreadableRowError: the scope or the evidence of one that is shown cannot be read.
    """
    values = {"number": wanted.number, "since": wanted.since, "model": wanted.model}
    conditions = [_CONDITIONS[name] for name, value in values.items() if value is not None]
    where = f"FROM entry WHERE {' AND '.join(conditions) or 'TRUE'}"
    order_by = f"ORDER BY {_BY[order]} DESC, id DESC"
    if wanted.path is None and not wanted.here:
        total = connection.execute(f"SELECT count(*) {where}", values).fetchone()[0]
        # Only the rows that are shown are read as a whole
        shown = f"SELECT id {where} {order_by} LIMIT :limit"
        query = f"SELECT {_COLUMNS} FROM entry WHERE id IN ({shown}) {order_by}"  # noqa: S608 (constants)
        found = connection.execute(query, {**values, "limit": -1 if limit is None else limit})
        return Listing(total, tuple(_listed(row, lifetime) for row in found))
    rows_of_all = connection.execute(f"SELECT {_COLUMNS} {where} {order_by}", values)
    kept = [one for one in (_listed(row, lifetime) for row in rows_of_all) if _is_meant(one, wanted, place)]
    return Listing(len(kept), tuple(kept[:limit]))


def of_shared(found: Sequence[Stored], lifetime: float) -> Listing:
    """Entries of the team's store as a list shows them. Raises UnreadableRowError."""
    return Listing(len(found), tuple(_listed(_row(one), lifetime) for one in found))


def _row(one: Stored) -> tuple[Any, ...]:
    texts = (one.instruction, one.evidence, one.prompt, one.scope, one.answer)
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) + len(one.vector or b"") + SHARE
    plain = (None, one.prompt, one.instruction, one.model, one.created, one.last_used, one.hits, one.cost)
    return (*plain, size, one.vector is not None, one.scope, one.evidence)


def _listed(row: tuple[Any, ...], lifetime: float) -> Listed:
    *plain, scope_text, evidence_text = row
    number, prompt, instruction, model, created, last_used, hits, cost, size, reworded = plain
    one = Listed(
        number, prompt, instruction, model, created, last_used, created + lifetime, hits, cost, size, bool(reworded)
    )
    scope, evidence = rows.scope_from(scope_text), rows.evidence_from(evidence_text)
    return replace(
        one, workspace=str(scope.get("workspace", "")), files=_files(evidence), besides=tuple(_besides(scope, evidence))
    )


def _files(evidence: Evidence) -> tuple[str, ...]:
    units = [f"{unit.path}:{_range(*unit.typed)}" for unit in evidence.units]
    return tuple(dict.fromkeys((*(file.path for file in evidence.files), *units)))


def _range(start: int, end: int) -> str:
    return str(start) if start == end else f"{start}-{end}"


def _besides(scope: dict[str, Any], evidence: Evidence) -> Iterator[str]:
    for field, word in (("piped", "stdin"), ("diff", "diff"), ("pasted", "pasted"), ("system", "system")):
        if scope.get(field):
            yield word
    if evidence.auto is not None and evidence.auto.unnamed == "sent":
        yield "selected"


def _is_meant(one: Listed, wanted: Filter, place: Place) -> bool:
    here = place.is_of(one.workspace)
    if wanted.here and not here:
        return False
    root = place.root if here else one.workspace
    return wanted.path is None or any(_is_under(wanted.path, root, file) for file in one.files)


def _is_under(path: str, root: str, file: str) -> bool:
    """Whether a named file, typed perhaps with a range, is at the path or below it."""
    full = file if file.startswith("/") else f"{root.rstrip('/')}/{file}"
    name, _, lines = full.rpartition(":")
    return any(one == path or one.startswith(f"{path.rstrip('/')}/") for one in (full, name if lines else full))
