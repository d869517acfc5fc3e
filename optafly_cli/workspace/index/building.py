"""From the facts of files to the arrays of a snapshot. Pure: no file is touched."""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from optafly_cli.workspace.index.classes import CLASSES, class_of
from optafly_cli.workspace.index.facts import FileFacts, Symbol
from optafly_cli.workspace.index.layout import laid_out
from optafly_cli.workspace.index.links import resolve_imports
from optafly_cli.workspace.index.words import counted

SNAPSHOT_VERSION = 5
FIELDS = ("body", "path", "symbols", "docs", "changes", "segments", "definitions")
_K1 = {"body": 1.2, "path": 0.8, "symbols": 1.2, "docs": 1.2, "changes": 1.2, "segments": 1.2, "definitions": 1.2}
_B = {"body": 0.6, "path": 0.3, "symbols": 0.5, "docs": 0.5, "changes": 0.5, "segments": 0.5, "definitions": 0.75}
SCALE = 96.0
"""One unit of a term's weight in a posting; a byte holds up to 2.65, and no weight is above k1 + 1."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One file of the tree: its label, the hash that its facts are kept under (20 bytes), the facts."""

    label: str
    key: bytes
    facts: FileFacts


@dataclass(frozen=True, slots=True)
class History:
    """What git's log says: how lately files changed (0 to 1), and which ones changed together, strongest first.

    `changes`: for each file how often each term stands in what was said when it was changed.
    """

    recency: Mapping[str, float] = field(default_factory=dict)
    together: Mapping[str, Sequence[str]] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def term_hash(term: str) -> int:
    """The number that a term or name is found by: 63 bits."""
    return int.from_bytes(blake2b(term.encode("utf-8", "replace"), digest_size=8).digest(), "little") >> 1


def snapshot(
    files: Sequence[IndexedFile],
    history: History,
    meta: Mapping[str, Any],
    average: Mapping[str, float] | None = None,
) -> bytes:
    """The index of these files, as `reading.Snapshot` reads it. They are given, and numbered, in order of their labels.

    `average`: how long documents are by field, where that is known of more files than these.
    """
    arrays: dict[str, array[Any] | bytes] = {
        "labels": "\0".join(one.label for one in files).encode("utf-8"),
        "keys": b"".join(one.key for one in files),
        "clean": bytes(one.facts.clean for one in files),
        "classes": array("B", (CLASSES.index(class_of(one.label)) for one in files)),
        "definition_file": array("I", (number for number, one in enumerate(files) for _ in _defined(one))),
    }
    arrays |= _outline(files)
    arrays |= _graph(files, history)
    sizes = _postings(files, history, arrays, average or {})
    return laid_out(arrays, {**meta, "version": SNAPSHOT_VERSION, "files": len(files), "average": sizes})


def _outline(files: Sequence[IndexedFile]) -> dict[str, "array[Any] | bytes"]:
    """Symbols and segments of all files one after the other, with where each file's begin."""
    first_segment = array("I", [0])
    symbols = {name: array("I") for name in ("symbol_start", "symbol_end", "symbol_header", "symbol_text")}
    segments = {name: array("I") for name in ("segment_start", "segment_end", "segment_size")}
    lines = {name: array("B") for name in ("segment_prose", "segment_imports")}
    segment_symbol, segment_file, symbol_file = array("i"), array("I"), array("I")
    texts = bytearray()
    names: list[tuple[int, int]] = []
    for number, one in enumerate(files):
        base = len(symbol_file)
        for symbol in one.facts.symbols:
            names.append((term_hash(symbol.name), len(symbol_file)))
            symbol_file.append(number)
            symbols["symbol_start"].append(symbol.start)
            symbols["symbol_end"].append(symbol.end)
            symbols["symbol_header"].append(symbol.header)
            symbols["symbol_text"].append(len(texts))
            texts += f"{symbol.kind}\0{symbol.name}\0{symbol.parent}\n".encode("utf-8", "replace")
        for segment in one.facts.segments:
            segments["segment_start"].append(segment.start)
            segments["segment_end"].append(segment.end)
            segment_symbol.append(base + segment.symbol if segment.symbol >= 0 else -1)
            segment_file.append(number)
            segments["segment_size"].append(segment.size)
            lines["segment_prose"].append(min(255, segment.prose))
            lines["segment_imports"].append(min(255, segment.imports))
        first_segment.append(len(segment_file))
    symbols["symbol_text"].append(len(texts))
    names.sort()
    return {
        "first_segment": first_segment,
        "symbol_file": symbol_file,
        "segment_symbol": segment_symbol,
        "segment_file": segment_file,
        "texts": bytes(texts),
        "names": array("Q", (name for name, _ in names)),
        "named": array("I", (symbol for _, symbol in names)),
        **symbols,
        **segments,
        **lines,
    }


def _graph(files: Sequence[IndexedFile], history: History) -> dict[str, "array[Any] | bytes"]:
    number = {one.label: at for at, one in enumerate(files)}
    outgoing = resolve_imports([(one.label, one.facts.imports) for one in files])
    incoming: list[list[int]] = [[] for _ in files]
    for at, targets in enumerate(outgoing):
        for target in targets:
            incoming[target].append(at)
    together = [[number[other] for other in history.together.get(one.label, ()) if other in number] for one in files]
    return {
        **_lists("imports", outgoing),
        **_lists("importers", incoming),
        **_lists("together", together),
        "recency": array("f", (history.recency.get(one.label, 0.0) for one in files)),
    }


def _lists(name: str, lists: Iterable[Sequence[int]]) -> dict[str, "array[Any]"]:
    starts, values = array("I", [0]), array("I")
    for one in lists:
        values.extend(one)
        starts.append(len(values))
    return {f"{name}_at": starts, name: values}


def _postings(
    files: Sequence[IndexedFile],
    history: History,
    arrays: dict[str, "array[Any] | bytes"],
    average: Mapping[str, float],
) -> dict[str, float]:
    """Postings of every field into `arrays`; the average length of a document by field."""
    averages: dict[str, float] = {}
    by_field: dict[str, dict[str, tuple[array[int], array[int]]]] = {}
    for name in FIELDS:
        documents = _documents(files, history, name)
        by_field[name], averages[name] = _weighed(documents, _K1[name], _B[name], average.get(name))
    terms = sorted((term_hash(term), term) for term in {term for found in by_field.values() for term in found})
    arrays["terms"] = array("Q", (number for number, _ in terms))
    for name, found in by_field.items():
        starts, documents_array, weights = array("I", [0]), array("I"), array("B")
        for _, term in terms:
            if term in found:
                documents_array.extend(found[term][0])
                weights.extend(found[term][1])
            starts.append(len(documents_array))
        arrays |= {f"{name}_at": starts, f"{name}_of": documents_array, f"{name}_weight": weights}
    return averages


def _documents(files: Sequence[IndexedFile], history: History, name: str) -> Iterable[Mapping[str, int]]:
    if name == "segments":
        return (segment.terms for one in files for segment in one.facts.segments)
    if name == "body":
        return (_summed(segment.terms for segment in one.facts.segments) for one in files)
    if name == "path":
        return (counted(one.label) for one in files)
    if name == "symbols":
        return (counted(" ".join(symbol.name for symbol in one.facts.symbols)) for one in files)
    if name == "definitions":
        return (counted(symbol.name) for one in files for symbol in _defined(one))
    if name == "changes":
        return (history.changes.get(one.label, {}) for one in files)
    return (one.facts.docs for one in files)


def _defined(one: IndexedFile) -> list[Symbol]:
    """The functions and types of a file of code: what is searched for by its name alone."""
    if class_of(one.label) != "code":
        return []
    return [symbol for symbol in one.facts.symbols if symbol.kind in ("function", "type")]


def _summed(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: defaultdict[str, int] = defaultdict(int)
    for part in parts:
        for term, times in part.items():
            total[term] += times
    return total


def _weighed(
    documents: Iterable[Mapping[str, int]], k1: float, b: float, average: float | None
) -> "tuple[dict[str, tuple[array[int], array[int]]], float]":
    """By term the documents it stands in, and its weight in each: BM25's saturated frequency, without the idf."""
    documents = list(documents)
    lengths = [sum(1.0 + math.log(times) for times in one.values()) for one in documents]
    average = average or (sum(lengths) / len(lengths) if lengths else 0.0)
    found: dict[str, tuple[array[int], array[int]]] = {}
    for number, (terms, length) in enumerate(zip(documents, lengths, strict=True)):
        norm = k1 * (1 - b + b * length / average) if average else k1
        for term, times in terms.items():
            frequency = 1.0 + math.log(times) if times > 1 else 1.0
            weight = min(255, round(SCALE * frequency * (k1 + 1) / (frequency + norm)))
            entry = found.get(term)
            if entry is None:
                entry = found[term] = (array("I"), array("B"))
            entry[0].append(number)
            entry[1].append(weight)
    return found, average
