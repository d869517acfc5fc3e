"""Entries as lines of JSON: out of a store and into one. What can be recomputed from a line is, and is not believed.

A line (`optafly.entry/1`) holds the prompt, the scope, the evidence, the answer, the times in Unix seconds, the cost in
US dollars, and the vector as base64 of little-endian float32 with the embedder that made it. Ids are not in it.
"""

import base64
import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from optafly_cli.cache import rows
from optafly_cli.cache.database import transaction
from optafly_cli.cache.evidence import evidence_key
from optafly_cli.cache.failures import UnreadableRowError
from optafly_cli.cache.lookup import asked_digest, exact_only
from optafly_cli.cache.scope import exact_key, partition_of
from optafly_cli.cache.text import exact_form, instruction_of, storable
from optafly_cli.cache.types import Scope
from optafly_cli.cache.writing import COMPLETE, is_newer, put_newer, used_a_tool
from optafly_cli.errors import Interrupted
from optafly_cli.provider.result import Answer
from optafly_cli.wording import entries

if TYPE_CHECKING:
    from optafly_cli.cache.vectors import Vector

SCHEMA = "optafly.entry/1"
BATCH = 500
"""Rows of one transaction."""
COLUMNS = "id, key, created, last_used, hits, cost, seconds, embedder, vector, prompt, scope, evidence, answer"
_PAGE = f"SELECT {COLUMNS} FROM entry WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 (constants)
_TUPLES = ("named", "versions")
_UNIT_LENGTH = 1e-3

Embed = Callable[[list[str]], "Iterable[Vector]"]


class RefusedLineError(Exception):
    """A line that is no entry; the message says why. It costs that line only."""


@dataclass(slots=True)
class Imported:
    """What came of an import: entries that are new or newer, that were there already, and lines that were refused."""

    new: int = 0
    known: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line that was understood: a value for each column of `entry` but its id, and what has to be embedded."""

    values: dict[str, object]
    to_embed: str | None


def lines_of(connection: sqlite3.Connection, skipped: Callable[[int, str], None]) -> Iterator[str]:
    """The entries, oldest first, one line each. `skipped` hears of an entry that cannot be written down, and why."""
    last = 0
    while page := connection.execute(_PAGE, (last, BATCH)).fetchall():
        for row in page:
            try:
                yield line_of(row)
            except (UnreadableRowError, ValueError, TypeError, KeyError) as error:
                skipped(row[0], str(error) or "it cannot be read")
        last = page[-1][0]


def line_of(row: tuple[Any, ...]) -> str:
    """The line of a row of `COLUMNS`. Raises UnreadableRowError."""
    _, key, created, last_used, hits, cost, seconds, embedder, vector, prompt, scope, evidence, answer = row
    if exact_key(partition_of(scope_of(rows.scope_from(scope))), exact_form(prompt)) != key:
        raise UnreadableRowError("its prompt is not text")
    head = {
        "schema": SCHEMA,
        "prompt": prompt,
        "created": created,
        "last_used": last_used,
        "hits": hits,
        "cost": cost,
        "seconds": seconds,
        "embedder": embedder,
        "vector": None if vector is None else base64.b64encode(vector).decode("ascii"),
    }
    text = json.dumps(head, ensure_ascii=False)
    # The columns are JSON already, and stay as they are letter by letter
    return f'{text[:-1]}, "scope": {scope}, "evidence": {evidence}, "answer": {answer}}}'


def row_of(line: bytes) -> Row:
    """The row that a line stands for.

    Raises:
        RefusedLineError: it is no entry.
    """
    try:
        plain = json.loads(line)
    except ValueError as error:
        raise RefusedLineError("it is not JSON, or cut off") from error
    if not isinstance(plain, dict) or not str(plain.get("schema")).startswith(SCHEMA.partition("/")[0]):
        raise RefusedLineError("it is no entry of `optafly cache export`")
    if plain["schema"] != SCHEMA:
        raise RefusedLineError(f"it was written by another version of optafly ({plain['schema']})")
    try:
        return _row(plain)
    except KeyError as error:
        raise RefusedLineError(f"{error.args[0]!r} is missing") from error
    except (UnreadableRowError, TypeError, ValueError, AttributeError) as error:
        raise RefusedLineError(str(error) or "a part of it is not what it should be") from error


def add(
    connection: sqlite3.Connection,
    lines: Iterable[tuple[int, bytes]],
    *,
    embedder: str | None,
    embed: Embed | None,
    refuse: Callable[[int, str], None],
) -> Imported:
    """Put lines, given with their numbers, into the store; again, nothing changes. Commits every `BATCH` rows.

    A row without a vector is embedded by `embed` when it may be reached by other words; `embedder` names the model.
    `refuse` hears of each line that is no entry. Raises Interrupted on Ctrl-C, with how many are in.
    """
    total = Imported()
    batch: list[Row] = []

    def flush() -> None:
        if batch:
            _embed([row for row in batch if is_newer(connection, row.values)], embedder, embed)
            with transaction(connection):
                for row in batch:
                    if put_newer(connection, row.values):
                        total.new += 1
                    else:
                        total.known += 1
            batch.clear()

    try:
        for number, line in lines:
            if not line.strip():
                continue
            try:
                batch.append(row_of(line))
            except RefusedLineError as why:
                total.refused += 1
                refuse(number, str(why))
            if len(batch) >= BATCH:
                flush()
        flush()
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {entries(total.new)} came in; the same again goes on from there") from None
    return total


def scope_of(plain: Mapping[str, Any]) -> Scope:
    """The scope from its JSON object. Raises ValueError, TypeError, KeyError."""
    values: dict[str, Any] = {}
    for item in fields(Scope):
        value = plain[item.name]
        if item.name in _TUPLES:
            value = tuple((_text(one, item.name), _text(other, item.name)) for one, other in value)
        else:
            value = _text(value, item.name)
        values[item.name] = value
    if unknown := plain.keys() - values.keys():
        raise ValueError(f"the scope has {min(unknown)!r}, which this optafly does not know")
    return Scope(**values)


def _row(plain: dict[str, Any]) -> Row:
    prompt = _text(plain["prompt"], "prompt")
    scope = scope_of(plain["scope"])
    evidence = rows.evidence_of(plain["evidence"])
    answer = rows.answer_of(plain["answer"])
    _check_answer(answer)
    partition, exact, instruction = partition_of(scope), exact_form(prompt), instruction_of(prompt)
    embedder, vector = _embedding(plain["embedder"], plain["vector"])
    values: dict[str, object] = {
        "key": exact_key(partition, exact),
        "partition": partition,
        "evidence_key": evidence_key(evidence),
        "asked": asked_digest(exact),
        "created": _number(plain["created"], "created"),
        "last_used": _number(plain["last_used"], "last_used"),
        "hits": _count(plain["hits"]),
        "cost": None if plain["cost"] is None else _number(plain["cost"], "cost"),
        "seconds": None if plain["seconds"] is None else _number(plain["seconds"], "seconds"),
        "model": answer.model,
        "embedder": embedder,
        "vector": vector,
        "instruction": instruction,
        "evidence": rows.evidence_text(evidence),
        "prompt": prompt,
        "scope": rows.scope_text(scope),
        "answer": rows.answer_text(answer),
    }
    reachable = vector is None and not used_a_tool(answer) and exact_only(instruction, prompt) is None
    return Row(values, instruction if reachable else None)


def _check_answer(answer: Answer) -> None:
    _text(answer.text, "answer")
    if answer.stop_reason not in COMPLETE or not answer.text.strip():
        raise ValueError(f"its answer is not complete (stop_reason {answer.stop_reason!r})")
    _text(answer.model, "model")
    if not isinstance(answer.message, dict):
        raise TypeError("its message is no object")


def _embedding(embedder: object, vector: object) -> tuple[str | None, bytes | None]:
    """The embedder's name and the vector's bytes, from what a line has. Raises ValueError, TypeError."""
    data = None if vector is None else base64.b64decode(_text(vector, "vector"), validate=True)
    return check_embedding(embedder, data), data


def check_embedding(embedder: object, vector: bytes | None) -> str | None:
    """The embedder's name, where there is a float32 vector of length 1 with it, or neither. Raises ValueError."""
    if embedder is None or vector is None:
        if embedder is not vector:
            raise ValueError("it has an embedder or a vector, not both")
        return None
    if not vector or len(vector) % 4:
        raise ValueError("its vector is not of float32")
    import numpy as np

    with np.errstate(all="ignore"):
        length = float(np.linalg.norm(np.frombuffer(vector, dtype="<f4").astype(np.float64)))
    if not abs(length - 1) < _UNIT_LENGTH:
        raise ValueError(f"its vector has the length {length:.4g}, not 1")
    return _text(embedder, "embedder")


def _embed(batch: list[Row], embedder: str | None, embed: Embed | None) -> None:
    wanting = [row for row in batch if row.to_embed is not None]
    if not wanting or embed is None or embedder is None:
        return
    for row, vector in zip(wanting, embed([row.to_embed or "" for row in wanting]), strict=True):
        row.values.update(embedder=embedder, vector=vector.tobytes())


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or storable(value) != value:
        raise ValueError(f"{name!r} is no text")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name!r} is no number from 0 on")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError("'hits' is no count")
    return value
