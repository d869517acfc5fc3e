"""The workspace's index as it is searched: a snapshot, and over it what has changed since.

Files and segments are numbered through both parts, those of the snapshot first. Files of the snapshot that have changed
or gone keep their numbers, and nothing gives these out.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from optafly_cli.workspace.index.building import SCALE, term_hash
from optafly_cli.workspace.index.classes import FileClass
from optafly_cli.workspace.index.of_each import OfEach
from optafly_cli.workspace.index.reading import Snapshot, added, gathered
from optafly_cli.workspace.index.units import Definition, Unit
from optafly_cli.workspace.types import LineRange


class IndexView:
    """What is searched. `stale` are the files of `base` whose content is no longer what was indexed."""

    def __init__(self, base: Snapshot, changed: Snapshot | None = None, stale: frozenset[int] = frozenset()) -> None:
        self._base = base
        self._changed = changed
        self._stale = stale
        self._files = len(base.recency)
        self._segments = len(base.segment_file)
        self._documents = {"segments": self._segments, "definitions": len(base.definition_file)}
        self._units: dict[int, Unit] = {}
        self._hashes: dict[str, int] = {}

    @property
    def base(self) -> Snapshot:
        """What was indexed, whatever has changed since."""
        return self._base

    @property
    def is_as_indexed(self) -> bool:
        """Whether nothing has changed since the snapshot was made."""
        return self._changed is None and not self._stale

    @cached_property
    def labels(self) -> list[str]:
        """Labels by file number, those of stale files among them."""
        return self._base.labels if self._changed is None else [*self._base.labels, *self._changed.labels]

    @cached_property
    def classes(self) -> list[FileClass]:
        """What each file is for."""
        return self._base.classes if self._changed is None else [*self._base.classes, *self._changed.classes]

    @cached_property
    def recency(self) -> Sequence[float]:
        """How lately each file changed, 0 to 1. What differs from what was indexed is what is worked on now."""
        known = self._base.recency
        return known if self._changed is None else [*known, *([1.0] * len(self._changed.recency))]

    @cached_property
    def files(self) -> list[int]:
        """The numbers of the files that there are."""
        numbers = range(len(self.recency))
        return [number for number in numbers if number not in self._stale] if self._stale else [*numbers]

    def latest(self, most: int) -> list[str]:
        """The labels of the files that commits changed last."""
        return [self._base.labels[file] for file in OfEach(self._base.recency).best(most)]

    def file(self, label: str) -> int | None:
        """The number of a file, None when it is not in the index."""
        if self._changed is not None and (own := self._changed.file(label)) is not None:
            return self._files + own
        found = self._base.file(label)
        return None if found is None or found in self._stale else found

    @cached_property
    def by_name(self) -> Mapping[str, list[int]]:
        """The files by the last part of their path, without and with its ending."""
        found: dict[str, list[int]] = {}
        for number in self.files:
            label = self.labels[number]
            name = label.rsplit("/", 1)[-1]
            found.setdefault(name, []).append(number)
            stem = label.rpartition(".")[0].rsplit("/", 1)[-1]
            if stem:
                found.setdefault(stem, []).append(number)
        return found

    def scores(self, field: str, weights: Mapping[str, float]) -> Mapping[int, float]:
        """BM25 for weighed terms, in one of the file fields, of every file that has any of them."""
        found = [(*self._found(field, term), weight) for term, weight in weights.items()]
        count = sum(len(documents) for parts, _, _ in found for documents, _, _ in parts)
        # Few are gathered one by one; of many it is quicker to have a place for each file
        size = len(self.recency)
        scores: dict[int, float] | list[float] = {} if count < size // 2 else [0.0] * size
        for parts, idf, weight in found:
            for documents, values, offset in parts:
                shifted: Iterable[int] = [one + offset for one in documents] if offset else documents
                if isinstance(scores, list):
                    added(scores, shifted, values, weight * idf)
                else:
                    gathered(scores, shifted, values, weight * idf)
        if isinstance(scores, list):
            for file in self._stale:
                scores[file] = 0.0
            return OfEach(scores)
        return {file: score for file, score in scores.items() if score > 0.0 and file not in self._stale}

    def best_definitions(self, weights: Mapping[str, float]) -> dict[int, float]:
        """BM25 for weighed terms of the names that files of code define: of every such file the best one's."""
        scores: dict[int, float] = {}
        for term, weight in weights.items():
            parts, idf = self._found("definitions", term)
            for documents, values, offset in parts:
                shifted: Iterable[int] = [one + offset for one in documents] if offset else documents
                gathered(scores, shifted, values, weight * idf)
        best: dict[int, float] = {}
        for definition, score in scores.items():
            file = self._file_of_definition(definition)
            if score > best.get(file, 0.0) and file not in self._stale:
                best[file] = score
        return best

    def _file_of_definition(self, definition: int) -> int:
        before = self._documents["definitions"]
        if self._changed is not None and definition >= before:
            return self._files + int(self._changed.definition_file[definition - before])
        return int(self._base.definition_file[definition])

    def changed_for(self, term: str) -> set[int]:
        """The files that were changed for what a term stands for: "#123"."""
        parts, _ = self._found("changes", term)
        return {file + offset for files, _, offset in parts for file in files if file + offset not in self._stale}

    def segment_scores(self, files: Iterable[int], queries: Sequence[Mapping[str, float]]) -> list[dict[int, float]]:
        """BM25 of the segments of some files, for each of several queries at once.

        Segments without any of a query's terms are not in its part.
        """
        begin = self._segments
        spans = sorted(self._span(file) for file in files)
        base = [(first, after) for first, after in spans if first < begin]
        changed = [(first - begin, after - begin) for first, after in spans if first >= begin]
        found: list[dict[int, float]] = [{} for _ in queries]
        for term in dict.fromkeys(term for weights in queries for term in weights):
            parts, idf = self._found("segments", term)
            inside: list[tuple[int, int]] = []
            for documents, values, offset in parts:
                inside += _inside(documents, values, changed if offset else base, offset)
            for scores, weights in zip(found, queries, strict=True):
                factor = weights.get(term, 0.0) * idf / SCALE
                if factor:
                    for segment, value in inside:
                        scores[segment] = scores.get(segment, 0.0) + factor * value
        return found

    def named(self, name: str) -> Iterator[Definition]:
        """The definitions of exactly this name."""
        for part, offset in self._parts():
            for symbol in part.named(name):
                file = part.symbol_file(symbol)
                if offset or file not in self._stale:
                    yield Definition(file + offset, part.symbol(symbol))

    def defining(self, name: str) -> set[int]:
        """The files that define exactly this name."""
        return {
            part.symbol_file(symbol) + offset
            for part, offset in self._parts()
            for symbol in part.named(name)
            if offset or part.symbol_file(symbol) not in self._stale
        }

    def holding(self, terms: Iterable[str]) -> list[str]:
        """The labels of the files that have all of these terms in their text, those with most of them first."""
        found: list[dict[int, int]] = []
        for term in terms:
            parts, _ = self._found("body", term)
            found.append({one + at: value for of, values, at in parts for one, value in zip(of, values, strict=True)})
        files = set.intersection(*map(set, found)) - self._stale if found else set()
        return [self.labels[one] for one in sorted(files, key=lambda one: (-sum(each[one] for each in found), one))]

    def holds(self, term: str) -> bool:
        """Whether any file has the term in its text."""
        parts, _ = self._found("body", term)
        return any(offset or document not in self._stale for documents, _, offset in parts for document in documents)

    def names_like(self, first: str, last: str) -> list[str]:
        """The names of definitions that begin with `first` or end with `last`, each once."""
        return list(dict.fromkeys(name for part, _ in self._parts() for name in part.names_like(first, last)))

    def unit(self, segment: int) -> Unit:
        """One segment."""
        if segment not in self._units:
            self._units[segment] = self._unit(segment)
        return self._units[segment]

    def _unit(self, segment: int) -> Unit:
        part, offset, files = self._base, 0, 0
        if self._changed is not None and segment >= self._segments:
            part, offset, files = self._changed, self._segments, self._files
        own = segment - offset
        symbol = part.segment_symbol[own]
        start, end = part.lines_of(own)
        named = part.symbol(symbol) if symbol >= 0 else None
        return Unit(part.segment_file[own] + files, LineRange(start, end), named, *part.shape_of(own))

    def function_of(self, segment: int) -> int:
        """What tells the function or type that a segment is of; segments of neither stand alone."""
        if self._changed is not None and segment >= self._segments:
            symbol = self._changed.segment_symbol[segment - self._segments]
            return -1 - segment if symbol < 0 else len(self._base.segment_symbol) + int(symbol) + (1 << 32)
        symbol = self._base.segment_symbol[segment]
        return -1 - segment if symbol < 0 else int(symbol)

    def file_of(self, segment: int) -> int:
        """The file that a segment is of."""
        if self._changed is not None and segment >= self._segments:
            return self._files + int(self._changed.segment_file[segment - self._segments])
        return int(self._base.segment_file[segment])

    def segments(self, file: int) -> range:
        """The segments of a file, in order of their lines."""
        return range(*self._span(file))

    def segment_at(self, file: int, line: int) -> int | None:
        """The segment that a line (1-based) lies in."""
        part, own = self._own(file)
        found = part.segment_at(own, line)
        return None if found is None else found + (self._segments if part is self._changed else 0)

    def linked(self, kind: str, file: int) -> list[int]:
        """The files that a file is linked to: "imports", "importers" or "together".

        A changed file keeps the links that it had.
        """
        part, own = self._own(file)
        before = own if part is self._base else self._base.file(part.labels[own])
        if before is None:
            return []
        links = self._base.linked(kind, before)
        if not self._stale:
            return list(links)
        return [now for other in links if (now := self.file(self._base.labels[other])) is not None]

    def _parts(self) -> Iterator[tuple[Snapshot, int]]:
        yield self._base, 0
        if self._changed is not None:
            yield self._changed, self._files

    def _own(self, file: int) -> tuple[Snapshot, int]:
        if self._changed is not None and file >= self._files:
            return self._changed, file - self._files
        return self._base, file

    def _span(self, file: int) -> tuple[int, int]:
        part, own = self._own(file)
        offset = self._segments if part is self._changed else 0
        inside = part.segments(own)
        return inside.start + offset, inside.stop + offset

    @cached_property
    def _heirs(self) -> Mapping[int, int]:
        """The numbers that changed files had, and have now."""
        labels = self._changed.labels if self._changed is not None else ()
        known = map(self._base.file, labels)
        return {before: self._files + at for at, before in enumerate(known) if before is not None}

    def _found(self, field: str, term: str) -> tuple[list[tuple[Sequence[int], memoryview, int]], float]:
        """The postings of a term with the number that each part's documents begin at, and the term's idf."""
        number = self._hashes.get(term)
        if number is None:
            number = self._hashes[term] = term_hash(term)
        total = self._documents.get(field, self._files)
        documents, values = self._base.postings(field, number)
        parts: list[tuple[Sequence[int], memoryview, int]] = [(documents, values, 0)]
        if field == "changes":
            # What was said of a file before still holds for what it is now
            parts = [([self._heirs.get(file, file) for file in documents] if self._heirs else documents, values, 0)]
        elif self._changed is not None:
            parts.append((*self._changed.postings(field, number), total))
        count = min(total, sum(len(documents) for documents, _, _ in parts))
        return parts, math.log(1.0 + (total - count + 0.5) / (count + 0.5))


def _inside(
    documents: Sequence[int], values: memoryview, spans: Sequence[tuple[int, int]], offset: int
) -> list[tuple[int, int]]:
    """The postings whose document, ascending, lies in one of the spans (first, after), ascending; documents moved."""
    found: list[tuple[int, int]] = []
    at, size = 0, len(documents)
    for first, after in spans:
        at = bisect_left(documents, first, at)
        while at < size and (document := documents[at]) < after:
            found.append((document + offset, values[at]))
            at += 1
        if at == size:
            break
    return found
