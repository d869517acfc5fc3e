"""What the store writes: entries, the record of hits. What takes a connection runs inside the caller's transaction."""

import sqlite3
from collections.abc import Mapping
from dataclasses import astuple

from optafly_cli.cache import rows
from optafly_cli.cache.evidence import evidence_key
from optafly_cli.cache.lookup import Asked, Embedding, asked_digest
from optafly_cli.cache.text import storable
from optafly_cli.cache.types import Evidence, Hit
from optafly_cli.provider.result import Answer

COMPLETE = frozenset({"end_turn", "stop_sequence"})
"""Why a complete answer stopped; no other is stored."""


def entry_values(
    ask: Asked,
    answer: Answer,
    evidence: Evidence,
    embedding: Embedding | None,
    cost: float | None,
    seconds: float | None,
) -> dict[str, object]:
    """A value for each column of `entry` but its id."""
    question = ask.question
    return {
        "key": ask.key,
        "partition": ask.partition,
        "evidence_key": evidence_key(evidence),
        "asked": asked_digest(question.exact),
        "created": ask.now,
        "last_used": ask.now,
        "hits": 0,
        "cost": cost,
        "seconds": seconds,
        "model": answer.model,
        "embedder": embedding.index.embedder if embedding else None,
        "vector": embedding.blob if embedding else None,
        "instruction": question.instruction,
        "evidence": rows.evidence_text(evidence),
        "prompt": storable(question.prompt),
        "scope": rows.scope_text(question.scope),
        "answer": rows.answer_text(answer),
    }


def used_a_tool(answer: Answer) -> bool:
    """Whether the model looked something up: a block of the message is neither text nor thinking."""
    blocks = answer.message.get("content") or ()
    return any(block.get("type") not in {"text", "thinking", "redacted_thinking"} for block in blocks)


def put_entry(connection: sqlite3.Connection, values: Mapping[str, object]) -> int:
    """Insert an entry, one value for each column; its id. The same key and evidence: it replaces."""
    # A new id for a replaced entry: an index that has the old one must not vouch for the new vector
    connection.execute("DELETE FROM entry WHERE key = :key AND evidence_key = :evidence_key", values)
    return connection.execute(_INSERT, values).lastrowid or 0


def put_newer(connection: sqlite3.Connection, values: Mapping[str, object]) -> bool:
    """Insert an entry unless one of the same key and evidence that is as new or newer is there; whether it was."""
    if not is_newer(connection, values):
        return False
    put_entry(connection, values)
    return True


def is_newer(connection: sqlite3.Connection, values: Mapping[str, object]) -> bool:
    """Whether no entry of the same key and evidence is there, or an older one."""
    standing = connection.execute(_STANDING, values).fetchone()
    return standing is None or bool(standing[0] < values["created"])


def count_hit(connection: sqlite3.Connection, hit: Hit, asked: str, now: float) -> None:
    """Record that the entry was served for the instruction `asked`, with what a rejection has to know."""
    entry = hit.entry
    connection.execute("UPDATE entry SET hits = hits + 1, last_used = ? WHERE id = ?", (now, entry.id))
    usage = astuple(entry.answer.usage)
    values = {"entry": entry.id, "at": now, "tier": hit.tier, "similarity": hit.similarity, "tokens": sum(usage)}
    judged: dict[str, object] = dict.fromkeys(("probability", "verifier", "instruction", "pair"))
    if hit.tier == "semantic":
        from optafly_cli.cache.promise.labels import pair_of
        from optafly_cli.workspace.secrets import redact

        judged["instruction"], judged["pair"] = redact(asked).text, pair_of(asked, entry.instruction)
        if hit.verifier is not None:
            judged["verifier"], judged["probability"] = hit.verifier, hit.confidence
    connection.execute(_HIT, values | judged)


def delete_all(connection: sqlite3.Connection) -> int:
    """Delete entries, hits and the log of requests; how many entries there were.

    What the user taught stays, without any words.
    """
    from optafly_cli.cache.promise.labels import without_words

    deleted = connection.execute("DELETE FROM entry").rowcount
    connection.execute("DELETE FROM hit")
    connection.execute("DELETE FROM direct")
    connection.execute("DELETE FROM prefix")
    connection.execute("DELETE FROM request")
    connection.execute("DELETE FROM tally")
    without_words(connection)
    return deleted


_STANDING = "SELECT created FROM entry WHERE key = :key AND evidence_key = :evidence_key"
_INSERT = """
    INSERT INTO entry (key, partition, evidence_key, asked, created, last_used, hits, cost, seconds, model, embedder,
                       vector, instruction, evidence, prompt, scope, answer)
    VALUES (:key, :partition, :evidence_key, :asked, :created, :last_used, :hits, :cost, :seconds, :model, :embedder,
            :vector, :instruction, :evidence, :prompt, :scope, :answer)
"""
_HIT = """
    INSERT INTO hit (entry, at, tier, similarity, probability, verifier, instruction, pair, tokens, cost, seconds)
    SELECT id, :at, :tier, :similarity, :probability, :verifier, :instruction, :pair, :tokens, cost, seconds
    FROM entry WHERE id = :entry
"""
