"""The decision: exact tier, then semantic tier. Reads the store and writes nothing.

The exact tier runs on the standard library; numpy, faiss and the embedder are imported only when the partition
has an entry that other words could reach.
"""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.cache.digest import sha256
from optafly_cli.cache.evidence import Verdict, still_holds
from optafly_cli.cache.rows import ENTRY_COLUMNS, entry_from, evidence_from, scope_from
from optafly_cli.cache.scope import differences, exact_key, partition_of
from optafly_cli.cache.text import storable
from optafly_cli.cache.types import Entry, Hit, Lookup, Miss, Question, VerifierUnavailable
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.index.index import Index
    from optafly_cli.cache.loaded import Loaded
    from optafly_cli.cache.vectors import Vector
    from optafly_cli.cache.walk import View

T = TypeVar("T")
DAY = 86_400.0
NOTHING_STORED = Miss("empty", "nothing is stored yet")
MAX_CANDIDATES = 64
MAX_INSTRUCTION = 600
"""Characters of an instruction that other words may reach: in a longer one the model (256 tokens) misses the end."""
_MOMENT = re.compile(
    r"\b(today|tonight|tomorrow|yesterday|now|nowadays|currently|latest|newest|most recent|up[- ]to[- ]date|so far"
    r"|at the moment|these days|(?:this|last|next) (?:hour|morning|week|weekend|month|quarter|year)|what time is it"
    r"|current (?:time|date|day|year|weather|temperature|price|prices|rate|rates|version|release|score|status|state"
    r"|president|ceo|news)|weather|forecast|exchange rates?|(?:stock|share) prices?)\b",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"^(?!.*\bhow\b).*\b((?:uncommitted|unstaged|staged|unpushed|untracked|pending) (?:changes|files|edits|commits)"
    r"|(?:my|the) (?:working (?:tree|copy|directory)|last commit|current branch)|what (?:has )?changed since"
    r"|(?:status|state) of (?:the|my|this) (?:repo|repository|branch|build|pipeline|deploy\w*|server|cluster)"
    r"|what branch am i)\b",
    re.IGNORECASE | re.DOTALL,
)
"""Of a repository or a machine as it is: the answer holds until it changes. How to do it is another question."""
_OTHERS = "SELECT 1 FROM entry WHERE partition = ? AND key <> ?"


@dataclass(frozen=True, slots=True)
class Embedding:
    """The question's vector as bytes, and the index of the embedder that made it."""

    blob: bytes
    index: "Index"

    @property
    def vector(self) -> "Vector":
        """Float32, shape (d,)."""
        import numpy as np

        return np.frombuffer(self.blob, dtype=np.float32)


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


def exact_only(instruction: str, prompt: str) -> Miss | None:
    """Why a prompt may be answered by the exact tier alone, None when other words may reach it."""
    if storable(prompt) != prompt:
        return Miss("undecodable", "the prompt has bytes that are not text: only the very same ones can hit")
    if moment := _MOMENT.search(instruction) or _STATE.search(instruction):
        return Miss("moment", f"the prompt is about the moment ({moment[1]!r}): only the very same words can hit")
    if len(instruction) > MAX_INSTRUCTION:
        return Miss("long", f"the prompt has over {MAX_INSTRUCTION} characters: only the very same words can hit")
    return None


def not_comparable(question: Question) -> Miss | None:
    """Why a question may be answered by the exact tier alone, None when other words may reach it."""
    if missing := exact_only(question.instruction, question.prompt):
        return missing
    return Miss("exact_only", "only the very same words can hit") if question.only_exact else None


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


def look_up(connection: sqlite3.Connection, ask: Asked, settings: CacheSettings, loaded: "Loaded") -> Lookup:
    """Both tiers: an answer that may be served, or why there is none."""
    if exact_only(ask.question.instruction, ask.question.prompt) is None:
        loaded.expect(ask.question.instruction)
    exact = exact_tier(connection, ask)
    return exact if isinstance(exact, Hit) else more_telling(exact, _semantic_tier(connection, ask, settings, loaded))


def more_telling(exact: Miss | None, other: Lookup) -> Lookup:
    """Why the very same prompt could not be answered says more than why no other could."""
    if exact is None or isinstance(other, Hit):
        return other
    return replace(exact, warnings=other.warnings, near=other.near)


def _semantic_tier(connection: sqlite3.Connection, ask: Asked, settings: CacheSettings, loaded: "Loaded") -> Lookup:
    """The nearest entry of the partition that asks the same in other words, or a miss with its reason."""
    from optafly_cli.cache.walk import decided, walk

    def nearest() -> Lookup:
        view = look_around(connection, ask, settings, loaded)
        return view if isinstance(view, Miss) else decided(view, walk(view))

    return unless_unavailable(nearest)


def unless_unavailable(compare: Callable[[], T]) -> T | Miss:
    """What comparing gives; a miss that says so when a model cannot be used."""
    from optafly_cli.cache.embedder import EmbedderUnavailable

    try:
        return compare()
    except VerifierUnavailable as error:
        said = "other words are not answered without the verifier"
        return Miss("no_verifier", said, warnings=(str(error),))
    except EmbedderUnavailable as error:
        said = "other words cannot be compared without the embedding model"
        return Miss("no_embedder", said, warnings=(str(error),))


def look_around(connection: sqlite3.Connection, ask: Asked, settings: CacheSettings, loaded: "Loaded") -> "View | Miss":
    """The entries near the question; a miss where other words are not compared at all.

    Raises:
        EmbedderUnavailable, VerifierUnavailable: a model that is needed cannot be used.
    """
    if missing := _nothing_to_compare(connection, ask) or not_comparable(ask.question):
        return missing
    if settings.max_error_rate <= 0:
        return Miss("max_error_rate", "max_error_rate is 0: no answer to other words is ever served")
    from optafly_cli.cache.guard.reading import read
    from optafly_cli.cache.promise.judge import Judge
    from optafly_cli.cache.vectors import Wanted
    from optafly_cli.cache.walk import View

    judge, instruction = Judge(connection, loaded.promise()), ask.question.instruction
    wanted = Wanted(ask.partition, loaded.identity, ask.since, ask.key)
    if loaded.expect_nearest(wanted, instruction, MAX_CANDIDATES):
        # The rules will want it; meanwhile the engine searches
        read(instruction)
    found, notices = loaded.nearest(connection, wanted, instruction, MAX_CANDIDATES)
    if not found:
        return Miss("not_embedded", "the other entries of this scope have no embedding of the present model")
    return View(connection, ask, settings.similarity, judge, found, tuple(notices), expect=loaded.expect_pair)


def load(connection: sqlite3.Connection, number: int) -> Entry | None:
    """The entry of that id, None when there is none."""
    row = connection.execute(f"SELECT {ENTRY_COLUMNS} FROM entry WHERE id = ?", (number,)).fetchone()  # noqa: S608 (a constant)
    return None if row is None else entry_from(row)


def _nothing_to_compare(connection: sqlite3.Connection, ask: Asked) -> Miss | None:
    """A miss when no other entry of the partition could be reached by other words."""
    fresh = (ask.partition, ask.key, ask.since)
    if connection.execute(f"{_OTHERS} AND created > ? AND embedder IS NOT NULL LIMIT 1", fresh).fetchone():
        return None
    if connection.execute(f"{_OTHERS} AND created > ? LIMIT 1", fresh).fetchone():
        return Miss("not_embedded", "the other entries of this scope have no embedding: only their very words can hit")
    if connection.execute(f"{_OTHERS} LIMIT 1", fresh[:2]).fetchone():
        return Miss("expired", "the stored answers of this scope are older than ttl_days")
    # Who asks the exact tier alone has no time for more than that
    other = "" if ask.question.only_exact else _elsewhere(connection, ask)
    return Miss("empty", other or "no answer is stored for this scope")


def _elsewhere(connection: sqlite3.Connection, ask: Asked) -> str:
    """What sets this question apart from an entry of the same words in another scope; empty if there is none."""
    now = ask.question.scope
    rows = connection.execute(
        "SELECT scope FROM entry WHERE asked = ? ORDER BY created DESC LIMIT 20", (asked_digest(ask.question.exact),)
    )
    for (text,) in rows:
        then = scope_from(text)
        if then.get("namespace") == now.namespace:
            other = differences(then, now)
            return f"the same words were answered before, with {', '.join(other)}" if other else ""
    return ""


def asked_digest(exact: str) -> bytes:
    """What `entry.asked` holds: the exact form alone, whatever its scope."""
    return bytes.fromhex(sha256(exact))


def _exact_hit(ask: Asked, entry: Entry, verdict: Verdict) -> Hit:
    age = max(0.0, ask.now - entry.created)
    return Hit(entry, "exact", 1.0, 1.0, age, "the same prompt about the same code", verdict.notices)
