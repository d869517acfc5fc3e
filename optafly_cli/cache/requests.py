"""The log of requests that were sent: when, how long, and digests of their prefixes. No text; standard library only.

Written after the answer. It is bounded, and a prefix is forgotten with the last request that began with it.
"""

import sqlite3
import struct
from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace
from typing import Any, Self

from optafly_cli.cache.connections import Connections
from optafly_cli.cache.database import transaction
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.history import Account, Age, Group, Past, Sent, Tally, Turn, after, tallied
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import LIFETIME, BlockShape, Prefix, RequestShape

MOST_REQUESTS = 5_000
MOST_BLOCKS = 100_000
"""Of all requests in the log together; with their prefixes that is some 7 MB."""
LONGEST = 1_000
"""Blocks of one request that are logged; what comes after them is taken for new every time."""

_TRIM_EVERY = 32
_AT_ONCE = 500
_BLOCK = struct.Struct("<qIBBB")
"""Prefix, the block's own tokens, and the places of its kind, its type and its breakpoint in what follows."""
_KINDS: tuple[BlockKind, ...] = (
    "tools",
    "system",
    "project_context",
    "file_reference",
    "code_block",
    "conversation",
    "tool_results",
    "instruction",
    "opening",
)
"""Only ever appended to, as `_TYPES`: the log holds their places."""
_TYPES = ("text", "tool_use", "tool_result", "thinking", "other")
_AGES: tuple[Age, ...] = ("new", "going on", "minutes", "an hour", "old")
_MARKS: tuple[Ttl | None, ...] = (None, "5m", "1h")

_PAST = """
    SELECT p.key, p.uses, p.first, p.last, p.returned, p.later, p.branches, p.kind, p.age, p.written, p.lives_until,
           r.at, r.size, r.tokens, r.output, r.number, r.gap, r.soon
    FROM prefix p JOIN request r ON r.id = p.request WHERE p.key IN ({marks})
"""
_ACCOUNT = "SELECT total(read), total(written_5m), total(written_1h), total(tokens) FROM request WHERE at > ?"
_REQUEST = """
    INSERT INTO request (at, model, tokens, output, read, written_5m, written_1h, number, gap, soon, size, blocks)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PREFIX = "INSERT OR REPLACE INTO prefix VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TALLIES = "SELECT kind, age, sent, soon, later FROM tally"
_TALLY = """
    INSERT INTO tally VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, age)
    DO UPDATE SET sent = sent + excluded.sent, soon = soon + excluded.soon, later = later + excluded.later
"""
_TRACE = "SELECT at, model, output, blocks FROM request ORDER BY at, id"
_FIRST_KEPT = """
    SELECT max(id) FROM (SELECT id, row_number() OVER newest AS place, sum(size) OVER newest AS blocks FROM request
                         WINDOW newest AS (ORDER BY id DESC))
    WHERE place > ? OR blocks > ?
"""


class RequestLog(Connections):
    """A `History` in the store's folder. A store that does not exist is an empty one; only `add` creates it.

    Every method raises `StoreError` when the store cannot be used. For one thread.
    """

    _store: Connections | None = None

    @classmethod
    def beside(cls, store: Connections) -> Self:
        """The log of a store that is open: it reads through that one's connection, and writes through its own."""
        log = cls(store.folder)
        log._store = store
        return log

    def _reader(self) -> sqlite3.Connection | None:
        return super()._reader() if self._store is None else self._store._reader()

    def past(self, ends: Sequence[Prefix]) -> list[Past]:
        """Those of the prefixes that were sent before."""
        connection = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            return _past(connection, ends[:LONGEST])

    def tallies(self) -> dict[Group, Tally]:
        """What came again, by kind and age. What is forgotten of the requests stays in it."""
        connection = self._reader()
        if connection is None:
            return {}
        with self._reported("read"):
            rows = connection.execute(_TALLIES).fetchall()
        return {(_KINDS[kind], _AGES[age]): Tally(*counts) for kind, age, *counts in rows}

    def account(self, now: float) -> Account:
        """What was billed in the hour before `now`."""
        connection = self._reader()
        if connection is None:
            return Account()
        with self._reported("read"):
            row = connection.execute(_ACCOUNT, (now - LIFETIME["1h"],)).fetchone()
        return Account(*(int(value) for value in row))

    def add(self, sent: Sent) -> None:
        """Remember a request that was sent, and forget the oldest where there are too many."""
        with self._reported("written"):
            connection = self._writer()
            # A power cut may cost the last of them, and nobody waits for the disk
            connection.execute("PRAGMA synchronous = NORMAL")
            with transaction(connection):
                number = _add(connection, sent)
                if number % _TRIM_EVERY == 0:
                    trim(connection)

    def trace(self) -> list[tuple[RequestShape, int]]:
        """Every request that is remembered, in the order of their times, with the tokens of its answer.

        A block's digest stands for all of the prompt up to its end. Prefixes are equal where they were.
        """
        connection = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            rows = connection.execute(_TRACE).fetchall()
        return [(RequestShape(model, tuple(_blocks(blocks)), at), output) for at, model, output, blocks in rows]


def trim(connection: sqlite3.Connection, requests: int = MOST_REQUESTS, blocks: int = MOST_BLOCKS) -> None:
    """Forget the oldest requests over the limits, and the prefixes that no later one began with."""
    (last,) = connection.execute(_FIRST_KEPT, (requests, blocks)).fetchone()
    if last is not None:
        connection.execute("DELETE FROM prefix WHERE request <= ?", (last,))
        connection.execute("DELETE FROM request WHERE id <= ?", (last,))


def _past(connection: sqlite3.Connection, ends: Sequence[Prefix]) -> list[Past]:
    keys = [_key(end) for end in ends]
    found: dict[int, Past] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        rows = connection.execute(_PAST.format(marks=",".join("?" * len(some))), some).fetchall()
        found |= {row[0]: _of_row(row) for row in rows}
        if len(rows) < len(some):
            break
    past: list[Past] = []
    for key in keys:
        if key not in found:
            break
        past.append(found[key])
    return past


def _of_row(row: tuple[Any, ...]) -> Past:
    _, uses, first, last, returned, later, branches, kind, age, written, lives_until, *turn = row
    group = _KINDS[kind], _AGES[age]
    return Past(uses, first, last, returned, later, branches, Turn(*turn), group, _MARKS[written], lives_until)


def _row_of(end: Prefix, past: Past, request: int) -> tuple[Any, ...]:
    counts = (past.uses, past.first, past.last, past.returned, past.later, past.branches)
    kind, age = past.group
    return (
        _key(end),
        *counts,
        _KINDS.index(kind),
        _AGES.index(age),
        _MARKS.index(past.written),
        past.lives_until,
        request,
    )


def _add(connection: sqlite3.Connection, sent: Sent) -> int:
    ends = sent.ends[:LONGEST]
    request, billed = sent.request, sent.billed
    request = replace(request, blocks=request.blocks[:LONGEST])
    past = _past(connection, ends)
    known = after(past, Sent(request, ends, sent.marks, sent.output, billed))
    for (kind, age), more in tallied(past, request).items():
        connection.execute(_TALLY, (_KINDS.index(kind), _AGES.index(age), *astuple(more)))
    turn = known[-1].turn if known else Turn(request.at, 0, 0, sent.output, 0, 0.0)
    packed = b"".join(
        _BLOCK.pack(
            _key(end),
            min(block.tokens, 2**32 - 1),
            _KINDS.index(block.kind),
            _TYPES.index(block.type if block.type in _TYPES else "other"),
            _MARKS.index(sent.marks.get(i)),
        )
        for i, (block, end) in enumerate(zip(request.blocks, ends, strict=True))
    )
    values = (
        request.at,
        request.model,
        sent.request.tokens,
        sent.output,
        billed.read,
        billed.written_5m,
        billed.written_1h,
        turn.number,
        turn.gap,
        turn.soon,
        len(ends),
        packed,
    )
    number = connection.execute(_REQUEST, values).lastrowid or 0
    connection.executemany(_PREFIX, [_row_of(end, past, number) for end, past in zip(ends, known, strict=True)])
    return number


def _blocks(packed: bytes) -> Iterator[BlockShape]:
    for key, tokens, kind, shape, mark in _BLOCK.iter_unpack(packed):
        yield BlockShape(f"{key:x}", tokens, _KINDS[kind], _TYPES[shape], _MARKS[mark])


def _key(end: Prefix) -> int:
    return int.from_bytes(bytes.fromhex(end.key[:16]), "little", signed=True)
