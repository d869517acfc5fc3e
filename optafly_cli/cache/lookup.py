"""The decision: exact tier, then semantic tier. Reads the store and writes nothing.

The exact tier runs on the standard library; numpy, faiss and the embedder are imported only when the partition
has an entry that other words could reach.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optafly_cli.cache.digest import sha256
from optafly_cli.cache.evidence import Verdict, still_holds
from optafly_cli.cache.rows import ENTRY_COLUMNS, entry_from, evidence_from, scope_from
from optafly_cli.cache.scope import exact_key, partition_of
from optafly_cli.cache.text import storable
from optafly_cli.cache.types import Entry, Hit, Lookup, Miss, Near, Question
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.index import Index
    from optafly_cli.cache.promise.force import Promise
    from optafly_cli.cache.promise.judge import Judge, Trust
    from optafly_cli.cache.vectors import Candidate, Vector

DAY = 86_400.0
MAX_INSTRUCTIONS = 5
"""Different instructions that the guard looks at; entries that share one count once."""
MAX_CANDIDATES = 64
MAX_INSTRUCTION = 600
"""Characters of an instruction that other words may reach: in a longer one the model (256 tokens) misses the end."""
_ROUNDING = 1e-6
_MOMENT = re.compile(
    r"\b(today|tonight|tomorrow|yesterday|now|nowadays|currently|latest|newest|most recent|up[- ]to[- ]date|so far"
    r"|at the moment|(?:this|last|next) (?:hour|morning|week|weekend|month|quarter|year))\b",
    re.IGNORECASE,
)
_OTHERS = "SELECT 1 FROM entry WHERE partition = ? AND key <> ?"
_OTHER = {
    "workspace": "another workspace",
    "headline": "another outline of the project",
    "model": "another model",
    "named": "other named code",
    "piped": "other piped text",
    "diff": "another diff",
    "pasted": "other pasted code",
    "system": "another system prompt",
    "parameters": "other parameters",
    "tools": "other tools",
    "turns": "other earlier turns",
    "versions": "another version of refiner, template or embedder",
}
"""How a miss names the field of the scope that differs."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """The question's vector, float32 of shape (d,), and the index of the embedder that made it."""

    vector: "Vector"
    index: "Index"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its keys, looked at now. Entries made at `since` or before are expired."""

    question: Question
    partition: bytes
    key: bytes
    now: float
    since: float


def asked(question: Question, settings: CacheSettings, now: float) -> Asked:
    """The keys of a question."""
    partition = partition_of(question.scope)
    return Asked(question, partition, exact_key(partition, question.exact), now, now - settings.ttl_days * DAY)


def exact_only(question: Question) -> Miss | None:
    """Why a question may be answered by the exact tier alone, None when other words may reach it."""
    instruction = question.instruction
    if storable(question.prompt) != question.prompt:
        return Miss("undecodable", "the prompt has bytes that are not text: only the very same ones can hit")
    if moment := _MOMENT.search(instruction):
        return Miss("moment", f"the prompt is about the moment ({moment[0]!r}): only the very same words can hit")
    if len(instruction) > MAX_INSTRUCTION:
        return Miss("long", f"the prompt has over {MAX_INSTRUCTION} characters: only the very same words can hit")
    return None


def exact_tier(connection: sqlite3.Connection, ask: Asked) -> Lookup | None:
    """The newest entry of the same key whose evidence holds; a miss that says why not; None without such an entry."""
    rows = connection.execute(
        "SELECT id, evidence, prompt, created FROM entry WHERE key = ? ORDER BY created DESC, id DESC", (ask.key,)
    ).fetchall()
    failure: Miss | None = None
    for number, evidence, prompt, created in rows:
        if created <= ask.since:
            age = (ask.now - created) / DAY
            failure = failure or Miss("expired", f"the stored answer is {age:.0f} days old (ttl_days)", number, 1.0)
            continue
        verdict = still_holds(evidence_from(evidence), ask.question, prompt)
        if verdict.holds and (entry := load(connection, number)):
            return _exact_hit(ask, entry, verdict)
        failure = failure or Miss(verdict.reason, verdict.detail, number, 1.0)
    return failure


def semantic_tier(
    connection: sqlite3.Connection,
    ask: Asked,
    settings: CacheSettings,
    embed: Callable[[str], Embedding],
    promise: "Promise | None" = None,
) -> Lookup:
    """The nearest entry of the partition that asks the same in other words, or a miss with its reason.

    Without a `promise` the similarity decides alone.
    """
    if missing := _nothing_to_compare(connection, ask):
        return missing
    if limited := exact_only(ask.question):
        return limited
    if settings.max_error_rate <= 0:
        return Miss("max_error_rate", "max_error_rate is 0: no answer to other words is ever served")
    from optafly_cli.cache.promise.judge import Judge
    from optafly_cli.cache.vectors import Wanted

    embedding = embed(ask.question.instruction)
    index = embedding.index
    wanted = Wanted(ask.partition, index.embedder, ask.since, ask.key)
    found = index.nearest(connection, wanted, embedding.vector, MAX_CANDIDATES)
    lookup = _decide(connection, ask, settings.similarity, found, Judge(connection, promise))
    if isinstance(lookup, Hit):
        return replace(lookup, notices=(*lookup.notices, *index.notices))
    return replace(lookup, warnings=(*lookup.warnings, *index.notices))


def load(connection: sqlite3.Connection, number: int) -> Entry | None:
    """The entry of that id, None when there is none."""
    row = connection.execute(f"SELECT {ENTRY_COLUMNS} FROM entry WHERE id = ?", (number,)).fetchone()  # noqa: S608 (a constant)
    return None if row is None else entry_from(row)


def _decide(
    connection: sqlite3.Connection, ask: Asked, threshold: float, found: "list[Candidate]", judge: "Judge"
) -> Lookup:
    if not found:
        return Miss("not_embedded", "the other entries of this scope have no embedding of the present model")
    nearest = found[0]
    near = [candidate for candidate in found if candidate.similarity >= threshold - _ROUNDING]
    if not near:
        detail = f"the nearest stored prompt has similarity {nearest.similarity:.2f}, below {threshold:g}"
        return Miss("similarity", detail, nearest.id, nearest.similarity)
    failure: Miss | None = None
    kept_back: Near | None = None
    for candidate, *texts in _candidates(connection, ask, near):
        weighed = _weighed(connection, ask, judge, candidate, *texts)
        if not isinstance(weighed, Miss):
            if entry := load(connection, candidate.id):
                return _semantic_hit(ask, entry, candidate.similarity, *weighed)
            continue
        kept_back = kept_back or weighed.near
        failure = failure or replace(weighed, nearest=candidate.id, similarity=candidate.similarity)
    return replace(failure, near=kept_back) if failure else Miss("empty", "no answer is stored for this scope")


def _candidates(
    connection: sqlite3.Connection, ask: Asked, near: "Iterable[Candidate]"
) -> "Iterator[tuple[Candidate, str, str, str]]":
    """The candidates that the truth still has in this partition, for at most `MAX_INSTRUCTIONS` instructions."""
    seen: set[str] = set()
    for candidate in near:
        row = connection.execute(
            "SELECT prompt, instruction, evidence FROM entry WHERE id = ? AND partition = ? AND created > ?",
            (candidate.id, ask.partition, ask.since),
        ).fetchone()
        if row is None or (row[1] not in seen and len(seen) >= MAX_INSTRUCTIONS):
            continue
        seen.add(row[1])
        yield (candidate, *row)


def _weighed(
    connection: sqlite3.Connection,
    ask: Asked,
    judge: "Judge",
    candidate: "Candidate",
    prompt: str,
    instruction: str,
    evidence: str,
) -> "Miss | tuple[Verdict, Trust]":
    """A miss when the entry may not answer, else the verdict of its evidence and how far it is trusted."""
    from optafly_cli.cache.guard.vetoes import veto
    from optafly_cli.cache.promise.labels import are_apart, pair_of

    asked = ask.question.instruction
    if refused := veto(asked, instruction):
        return Miss(f"veto:{refused.name}", refused.detail)
    if are_apart(connection, pair_of(asked, instruction)):
        return Miss("rejected", "you rejected the answer to those words for these")
    verdict = still_holds(evidence_from(evidence), ask.question, prompt)
    if not verdict.holds:
        return Miss(verdict.reason, verdict.detail)
    trust = judge.judge(asked, instruction, candidate.id, candidate.similarity)
    return trust if isinstance(trust, Miss) else (verdict, trust)


def _nothing_to_compare(connection: sqlite3.Connection, ask: Asked) -> Miss | None:
    """A miss when no other entry of the partition could be reached by other words."""
    fresh = (ask.partition, ask.key, ask.since)
    if connection.execute(f"{_OTHERS} AND created > ? AND embedder IS NOT NULL LIMIT 1", fresh).fetchone():
        return None
    if connection.execute(f"{_OTHERS} AND created > ? LIMIT 1", fresh).fetchone():
        return Miss("not_embedded", "the other entries of this scope have no embedding: only their very words can hit")
    if connection.execute(f"{_OTHERS} LIMIT 1", fresh[:2]).fetchone():
        return Miss("expired", "the stored answers of this scope are older than ttl_days")
    return Miss("empty", _elsewhere(connection, ask) or "no answer is stored for this scope")


def _elsewhere(connection: sqlite3.Connection, ask: Asked) -> str:
    """What sets this question apart from an entry of the same words in another scope; empty if there is none."""
    now = ask.question.scope
    rows = connection.execute(
        "SELECT scope FROM entry WHERE asked = ? ORDER BY created DESC LIMIT 20", (asked_digest(ask.question.exact),)
    )
    for (text,) in rows:
        then = scope_from(text)
        if then.get("namespace") == now.namespace:
            other = [words for name, words in _OTHER.items() if _listed(then.get(name)) != _listed(getattr(now, name))]
            return f"the same words were answered before, with {', '.join(other)}" if other else ""
    return ""


def asked_digest(exact: str) -> bytes:
    """What `entry.asked` holds: the exact form alone, whatever its scope."""
    return bytes.fromhex(sha256(exact))


def _listed(value: object) -> object:
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _exact_hit(ask: Asked, entry: Entry, verdict: Verdict) -> Hit:
    age = max(0.0, ask.now - entry.created)
    return Hit(entry, "exact", 1.0, 1.0, age, "the same prompt about the same code", verdict.notices)


def _semantic_hit(ask: Asked, entry: Entry, similarity: float, verdict: Verdict, trust: "Trust") -> Hit:
    age = max(0.0, ask.now - entry.created)
    reason = f"the same in other words, similarity {similarity:.2f}"
    if trust.verifier is not None:
        reason += f", probability {trust.confidence:.4f}"
    return Hit(entry, "semantic", similarity, trust.confidence, age, reason, verdict.notices, trust.verifier)
