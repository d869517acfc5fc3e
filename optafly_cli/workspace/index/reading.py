"""A snapshot as it is searched: views into mapped memory, read where they are asked for."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

from optafly_cli.workspace.index.building import SCALE, SNAPSHOT_VERSION, term_hash
from optafly_cli.workspace.index.classes import CLASSES, FileClass
from optafly_cli.workspace.index.facts import Symbol
from optafly_cli.workspace.index.layout import OtherVersion, mapped

KEY_BYTES = 20


class Snapshot:
    """One snapshot. Files, segments and symbols are numbers from 0; see `building` for what the arrays hold.

    Raises Damaged when the buffer is none, OtherVersion when it is another's; what is wrong inside of it shows as an
    IndexError or ValueError later.
    """

    def __init__(self, buffer: "memoryview") -> None:
        self._arrays, self.meta = mapped(buffer)
        if self.meta.get("version") != SNAPSHOT_VERSION:
            raise OtherVersion
        self.first_segment = self._arrays["first_segment"]
        self.segment_file = self._arrays["segment_file"]
        self.segment_symbol = self._arrays["segment_symbol"]
        self.definition_file = self._arrays["definition_file"]
        self.recency = self._arrays["recency"]
        self._places: dict[int, int] = {}
        self._symbols: dict[int, Symbol] = {}

    @cached_property
    def labels(self) -> list[str]:
        """The files' labels."""
        joined = str(self._arrays["labels"], "utf-8")
        return joined.split("\0") if joined else []

    def file(self, label: str) -> int | None:
        """The number of a file; None when it is not in the snapshot, whose files are in the order of their labels."""
        at = bisect_left(self.labels, label)
        return at if at < len(self.labels) and self.labels[at] == label else None

    @cached_property
    def classes(self) -> list[FileClass]:
        """What each file is for."""
        return [CLASSES[one] for one in self._arrays["classes"]]

    def key(self, file: int) -> bytes:
        """The hash of the content that was indexed."""
        return bytes(self._arrays["keys"][file * KEY_BYTES : (file + 1) * KEY_BYTES])

    def is_clean(self, file: int) -> bool:
        """Whether no secret was found in the content that was indexed."""
        return bool(self._arrays["clean"][file])

    def postings(self, field: str, term: int) -> tuple[memoryview, memoryview]:
        """The documents that hold a term (by its hash), ascending, and its weight in each, in units of 1/SCALE."""
        at = self._place(term)
        if at < 0:
            return self._arrays[f"{field}_of"][:0], self._arrays[f"{field}_weight"][:0]
        starts = self._arrays[f"{field}_at"]
        first, after = starts[at], starts[at + 1]
        return self._arrays[f"{field}_of"][first:after], self._arrays[f"{field}_weight"][first:after]

    def _place(self, term: int) -> int:
        """Where a term stands among all, -1 for nowhere; every field and query of a search asks again."""
        if term not in self._places:
            terms = self._arrays["terms"]
            at = bisect_left(terms, term)
            self._places[term] = at if at < len(terms) and terms[at] == term else -1
        return self._places[term]

    def linked(self, name: str, file: int) -> memoryview:
        """The files that a file is linked to: "imports", "importers" or "together"."""
        starts = self._arrays[f"{name}_at"]
        return self._arrays[name][starts[file] : starts[file + 1]]

    def lines_of(self, segment: int) -> tuple[int, int]:
        """The lines of a segment, 1-based and inclusive."""
        return self._arrays["segment_start"][segment], self._arrays["segment_end"][segment]

    def shape_of(self, segment: int) -> tuple[int, int, int]:
        """How many lines of a segment are prose and imports, and its characters."""
        prose, imports = self._arrays["segment_prose"][segment], self._arrays["segment_imports"][segment]
        return prose, imports, self._arrays["segment_size"][segment]

    def segments(self, file: int) -> range:
        """The segments of a file."""
        return range(self.first_segment[file], self.first_segment[file + 1])

    def segment_at(self, file: int, line: int) -> int | None:
        """The segment that a line lies in."""
        for segment in self.segments(file):
            start, end = self.lines_of(segment)
            if start <= line <= end:
                return segment
        return None

    def symbol(self, number: int) -> Symbol:
        """One symbol; a long function is that of many segments."""
        if number not in self._symbols:
            self._symbols[number] = self._symbol(number)
        return self._symbols[number]

    def _symbol(self, number: int) -> Symbol:
        at, after = self._arrays["symbol_text"][number], self._arrays["symbol_text"][number + 1]
        kind, name, parent = bytes(self._arrays["texts"][at : after - 1]).decode("utf-8", "replace").split("\0")
        start, last = self._arrays["symbol_start"][number], self._arrays["symbol_end"][number]
        return Symbol(kind, name, parent, start, last, self._arrays["symbol_header"][number])  # type: ignore[arg-type]

    def symbol_file(self, number: int) -> int:
        """The file that a symbol is defined in."""
        found: int = self._arrays["symbol_file"][number]
        return found

    def named(self, name: str) -> Iterator[int]:
        """The symbols of exactly this name."""
        names, wanted = self._arrays["names"], term_hash(name)
        at = bisect_left(names, wanted)
        while at < len(names) and names[at] == wanted:
            yield self._arrays["named"][at]
            at += 1

    def names_like(self, first: str, last: str) -> Iterator[str]:
        """The names of symbols that begin with `first` or end with `last`."""
        word = rb"[^\0\n]*"
        begin, end = re.escape(first.encode()), re.escape(last.encode())
        pattern = re.compile(rb"\n[a-z]+\0(" + begin + word + rb"|" + word + end + rb")\0")
        for match in pattern.finditer(b"\n" + bytes(self._arrays["texts"])):
            yield match[1].decode("utf-8", "replace")


def added(scores: list[float], documents: Iterable[int], weights: Iterable[int], factor: float) -> None:
    """Add `factor` times each weight to the score of its document."""
    factor /= SCALE
    for document, weight in zip(documents, weights, strict=True):
        scores[document] += factor * weight


def gathered(scores: dict[int, float], documents: Iterable[int], weights: Iterable[int], factor: float) -> None:
    """The same where only the documents that have a score have a place."""
    factor /= SCALE
    for document, weight in zip(documents, weights, strict=True):
        scores[document] = scores.get(document, 0.0) + factor * weight
