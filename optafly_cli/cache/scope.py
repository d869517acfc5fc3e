"""The scope of a question: built from what was named, and reduced to the key of its partition.

No file is read here; everything comes from `NamedContext` and the arguments. Standard library only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

from optafly_cli.cache.digest import Value, digest_of, sha256
from optafly_cli.cache.types import Scope
from optafly_cli.workspace.types import DiffFile, LineRange, NamedContext, NamedFile

SCHEMA = "optafly.scope/1"
_OTHER = {
    "workspace": "another workspace",
    "headline": "another outline of the project",
    "namespace": "another namespace",
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
"""How a field of the scope that differs is named."""


@lru_cache(maxsize=64)
def partition_of(scope: Scope) -> bytes:
    """The key of the partition: 32 bytes, different for any two scopes that differ anywhere."""
    value: Value = tuple((item.name, getattr(scope, item.name)) for item in fields(scope))
    return digest_of(SCHEMA, value)


def exact_key(partition: bytes, exact: str) -> bytes:
    """What the exact tier looks up: the partition and the prompt in its exact form."""
    return digest_of("optafly.key/1", (partition.hex(), exact))


def canonical(value: object) -> str:
    """Canonical JSON: keys sorted, no white space, 1 for 1.0; empty for None.

    Raises:
        TypeError, ValueError: the value is not JSON (a fault of the caller).
    """
    if value is None:
        return ""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def named_items(context: NamedContext) -> tuple[tuple[str, str], ...]:
    """One item per named file: its label, and what of it was named; each once, as typed: "the first" is about order.

    The second part is empty for a whole file; for a range the digest of the enclosing unit, and for a range of several
    lines also that of just those lines. One typed line is not in it: evidence follows it when it moves.
    """
    return tuple(dict.fromkeys((file.label, _named_part(file)) for file in context.files))


def pasted_digest(fences: Sequence[str]) -> str:
    """SHA-256 hex of the pasted code, empty when there is none."""
    return digest_of("optafly.pasted/1", tuple(fences)).hex() if fences else ""


def text_digest(text: str | None) -> str:
    """SHA-256 hex of a text, empty when there is none."""
    return "" if text is None else sha256(text)


def diff_digest(diff: Sequence[DiffFile] | None) -> str:
    """SHA-256 hex of a diff, file by file, empty when none was asked for."""
    if diff is None:
        return ""
    parts = tuple((file.label, int(file.staged), file.start_line, file.end_line, file.text) for file in diff)
    return digest_of("optafly.diff/1", parts).hex()


def unit_of(file: NamedFile) -> LineRange:
    """The lines of the unit that a range points to; the range itself when no unit was found."""
    unit = file.unit or file.lines
    if unit is None:
        raise ValueError(f"{file.label} was named as a whole: it has no unit")
    return unit


def lines_text(file: NamedFile, at: LineRange) -> str:
    """The text of those lines of the file, joined by line ends."""
    return "\n".join(file.source.lines[at.start - 1 : at.end])


def unit_digest(file: NamedFile) -> str:
    """SHA-256 hex of the unit's text; a copy elsewhere in the file makes the digest say which copy it is."""
    unit = unit_of(file)
    text = lines_text(file, unit)
    digest = sha256(text)
    copy = _copy_number(file.source.lines, unit, text)
    return f"{digest}#{copy}" if copy else digest


def differences(then: Mapping[str, Any], now: Scope) -> tuple[str, ...]:
    """What a stored scope has that the one of now has not, in words; empty when they are the same."""
    return tuple(words for name, words in _OTHER.items() if _listed(then.get(name)) != _listed(getattr(now, name)))


def _listed(value: object) -> object:
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _named_part(file: NamedFile) -> str:
    if file.lines is None:
        return ""
    unit = unit_digest(file)
    if file.lines.start == file.lines.end:
        return unit
    return f"{unit}+{sha256(lines_text(file, file.lines))}"


def _copy_number(lines: Sequence[str], unit: LineRange, text: str) -> int:
    """0 when the unit's text stands once in the file, else 1, 2, … from the top."""
    wanted = text.split("\n")
    first, size = wanted[0], len(wanted)
    starts = [at for at, line in enumerate(lines, 1) if line == first and lines[at - 1 : at - 1 + size] == wanted]
    return starts.index(unit.start) + 1 if len(starts) > 1 and unit.start in starts else 0


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
