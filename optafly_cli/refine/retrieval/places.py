"""What the prompt names outright: paths, modules, stack-trace frames, resolved against the index."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from optafly_cli.refine.retrieval.query import Query
from optafly_cli.workspace.index.view import IndexView

_MOST_PARTS = 7
_OWN_FILES = ("__init__", "index", "mod", "lib")


@dataclass(frozen=True, slots=True)
class Places:
    """Files with how surely they are meant (0 to 1): by a path, a dotted name, a frame; and lines that are named.

    `lines` are (file, line), frames innermost first, then lines of paths.
    """

    mentions: Mapping[int, float]
    modules: Mapping[int, float]
    frames: Mapping[int, float]
    lines: tuple[tuple[int, int], ...]

    @property
    def files(self) -> frozenset[int]:
        """All files that are named in any of these ways."""
        return frozenset((*self.mentions, *self.modules, *self.frames))


def places_of(view: IndexView, query: Query) -> Places:
    """The places that a query names."""
    mentions: dict[int, float] = {}
    frames: dict[int, float] = {}
    lines: list[tuple[int, int]] = []
    for frame in query.frames:
        found = _by_tail(view, frame.path)
        if len(found) == 1:
            frames.setdefault(found[0], 1.0 / (1 + len(frames)))
            lines.append((found[0], frame.line))
    for path, at in query.paths:
        found = _by_path(view, path)
        for file in found:
            mentions[file] = max(mentions.get(file, 0.0), 1.0 / len(found))
        if len(found) == 1 and at is not None:
            lines += [(found[0], at.start), (found[0], at.end)]
    modules: dict[int, float] = {}
    for dotted, weight in query.dotted.items():
        found = list(_modules(view, dotted.split(".")))
        for file in found:
            modules[file] = max(modules.get(file, 0.0), weight / len(found))
    return Places(mentions, modules, frames, tuple(dict.fromkeys(lines)))


def _by_path(view: IndexView, path: str) -> list[int]:
    """The files whose path ends with `path`, whole components only."""
    tail = path.replace("\\", "/").removeprefix("./").lstrip("/")
    found = view.by_name.get(tail.rsplit("/", 1)[-1], ())
    return [file for file in found if view.labels[file] == tail or view.labels[file].endswith("/" + tail)]


def _by_tail(view: IndexView, path: str) -> list[int]:
    """The file that a path of another machine means: the one whose path is the longest end of it."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    for start in range(max(0, len(parts) - _MOST_PARTS), len(parts)):
        found = _by_path(view, "/".join(parts[start:]))
        if found:
            return found
    return []


def _modules(view: IndexView, parts: Sequence[str]) -> Iterator[int]:
    """The files that a dotted name leads to: its longest part that is a module.

    Of one word alone only a file that defines the next: typing.Literal is not util/typing.py.
    """
    for length in range(len(parts), 0, -1):
        found = list(_ending(view, parts[:length]))
        if length == 1:
            found = [file for file in found[:2] if file in view.defining(parts[1])] if len(found) == 1 else []
        if found:
            yield from found
            return


def _ending(view: IndexView, parts: Sequence[str]) -> Iterable[int]:
    for file in _named(view, parts[-1]):
        *folders, name = view.labels[file].split("/")
        stem = name.rpartition(".")[0]
        path = folders if stem in _OWN_FILES else [*folders, stem]
        if path[-len(parts) :] == list(parts) or (len(parts) > 1 and path[-2:] == list(parts[-2:])):
            yield file


def _named(view: IndexView, name: str) -> Iterator[int]:
    """Files called so, and the own files of folders called so."""
    yield from view.by_name.get(name, ())
    for own in _OWN_FILES:
        for file in view.by_name.get(own, ()):
            if view.labels[file].endswith(f"{name}/{view.labels[file].rsplit('/', 1)[-1]}"):
                yield file
