"""Entries held against their own digests: the partition, the keys and the vector that their text gives."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from optafly_cli.cache import rows
from optafly_cli.cache.evidence import evidence_key
from optafly_cli.cache.failures import UnreadableRowError
from optafly_cli.cache.lookup import asked_digest
from optafly_cli.cache.scope import exact_key, partition_of
from optafly_cli.cache.text import exact_form
from optafly_cli.cache.transfer import BATCH, check_embedding, scope_of

_PAGE = """
    SELECT id, key, partition, evidence_key, asked, embedder, vector, prompt, scope, evidence, answer
    FROM entry WHERE id > ? ORDER BY id LIMIT ?
"""


def check(connection: sqlite3.Connection, progress: Callable[[int], None] | None) -> Iterator[str]:
    """One sentence for each entry that is not what optafly writes, or whose digests are not those of its text."""
    last = 0
    while page := connection.execute(_PAGE, (last, BATCH)).fetchall():
        for number, *row in page:
            if said := _wrong(*row):
                yield f"entry {number}: {said}"
        last = page[-1][0]
        if progress:
            progress(len(page))


def _wrong(
    key: bytes,
    partition: bytes,
    evidence_digest: bytes,
    asked: bytes,
    embedder: object,
    vector: bytes | None,
    *texts: Any,
) -> str:
    """What is wrong with an entry, empty when nothing is."""
    prompt, scope_text, evidence_text, answer_text = texts
    try:
        scope = partition_of(scope_of(rows.scope_from(scope_text)))
        evidence = evidence_key(rows.evidence_from(evidence_text))
        rows.answer_from(answer_text)
        check_embedding(embedder, vector)
    except (UnreadableRowError, KeyError, TypeError, ValueError) as error:
        return str(error) or "a column of it cannot be read"
    exact = exact_form(prompt)
    said = {
        "its scope is not that of its partition": scope == partition,
        "its evidence is not that of its digest": evidence == evidence_digest,
        # Bytes that are no text were replaced in the prompt, and are in the keys
        "its prompt is not that of its keys": "?" in exact
        or (exact_key(partition, exact), asked_digest(exact)) == (key, asked),
    }
    return "; ".join(wrong for wrong, right in said.items() if not right)
