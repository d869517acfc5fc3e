"""Between the types of the cache and the rows of `entry`. Pure; standard library only."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any

from optafly_cli.cache.evidence import from_plain, to_plain
from optafly_cli.cache.failures import UnreadableRowError
from optafly_cli.cache.text import storable
from optafly_cli.cache.types import Entry, Evidence, Scope
from optafly_cli.provider.result import Answer, Usage

ENTRY_COLUMNS = "id, prompt, instruction, scope, evidence, answer, created, last_used, hits, cost"
"""What `entry_from` takes, in its order."""


def entry_from(row: Sequence[Any]) -> Entry:
    """An entry from its row.

    Raises:
        UnreadableRowError: the row does not hold what optafly writes.
    """
    number, prompt, instruction, scope, evidence, answer, created, last_used, hits, cost = row
    return Entry(
        id=number,
        prompt=prompt,
        instruction=instruction,
        scope=scope_from(scope),
        evidence=evidence_from(evidence),
        answer=answer_from(answer),
        created=created,
        last_used=last_used,
        hits=hits,
        cost=cost,
    )


def evidence_from(text: str) -> Evidence:
    """Evidence from its column. Raises UnreadableRowError."""
    with _readable("the evidence of an entry"):
        return evidence_of(json.loads(text))


def evidence_of(plain: Any) -> Evidence:
    """Evidence from its JSON value. Raises UnreadableRowError."""
    with _readable("the evidence of an entry"):
        return from_plain(plain)


def scope_from(text: str) -> dict[str, Any]:
    """The fields of a scope from its column; tuples have become lists. Raises UnreadableRowError."""
    with _readable("the scope of an entry"):
        return dict(json.loads(text))


def answer_from(text: str) -> Answer:
    """An answer from its column. Raises UnreadableRowError."""
    with _readable("the answer of an entry"):
        return answer_of(json.loads(text))


def answer_of(plain: Any) -> Answer:
    """An answer from its JSON value. Raises UnreadableRowError."""
    with _readable("the answer of an entry"):
        return Answer(**{**plain, "usage": Usage(**plain["usage"])})


def evidence_text(evidence: Evidence) -> str:
    """Evidence as its column holds it."""
    return _json(to_plain(evidence))


def scope_text(scope: Scope) -> str:
    """The scope as its column holds it: an object, one member for each field."""
    return _json({item.name: getattr(scope, item.name) for item in fields(scope)})


def answer_text(answer: Answer) -> str:
    """The answer as its column holds it, the whole message with it."""
    return _json(
        {
            "text": answer.text,
            "model": answer.model,
            "stop_reason": answer.stop_reason,
            "usage": asdict(answer.usage),
            "message": answer.message,
            "request_id": answer.request_id,
        }
    )


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableRowError(f"{what} cannot be read") from error


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict)
    return text if storable(text) == text else json.dumps(value, separators=(",", ":"), default=dict)
