"""Which file of the tree an import means. By names alone: what cannot be told is no edge."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from optafly_cli.workspace.languages import language_of

_MOST_TARGETS = 12
_PARTS = re.compile(r"[\w@.$-]+")
_ENDINGS = ("", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".vue", "/index.ts", "/index.js", ".rb", ".h")
_STEMS = ("__init__", "index", "mod", "lib")


def resolve_imports(files: Sequence[tuple[str, Sequence[str]]]) -> list[list[int]]:
    """For each (label, imports) the numbers of the files that it imports, each once, itself not."""
    tails = _Tails([label for label, _ in files])
    return [
        sorted({target for text in imports for target in _targets(label, text, tails)} - {number})
        for number, (label, imports) in enumerate(files)
    ]


class _Tails:
    """Files by the end of their path without the extension, a folder's own file standing for the folder."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.number: Mapping[str, int] = {label: at for at, label in enumerate(labels)}
        self.by_name: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        self.in_folder: dict[str, list[int]] = defaultdict(list)
        for at, label in enumerate(labels):
            parts = tuple(label.rpartition(".")[0].split("/") if "." in label.rsplit("/", 1)[-1] else label.split("/"))
            if parts[-1] in _STEMS and len(parts) > 1:
                parts = parts[:-1]
            self.by_name[parts[-1]].append((parts, at))
            self.in_folder[label.rpartition("/")[0]].append(at)

    def ending(self, parts: Sequence[str], language: str) -> list[int]:
        """The files whose path ends with most of `parts`; [] when only the last name fits and several do."""
        best: list[int] = []
        length = 0
        for path, at in self.by_name.get(parts[-1], ()) if parts else ():
            if _family(language_of(self.labels[at])) != _family(language):
                continue
            same = 0
            while same < min(len(path), len(parts)) and path[-1 - same] == parts[-1 - same]:
                same += 1
            if same > length:
                best, length = [at], same
            elif same == length:
                best.append(at)
        complete = length == len(parts) or length > 1
        return best[:_MOST_TARGETS] if (complete and len(best) <= 3) or len(best) == 1 else []


def _family(language: str) -> str:
    return {"typescript": "script", "javascript": "script", "vue": "script", "c": "c", "cpp": "c"}.get(
        language, language
    )


def _targets(label: str, text: str, tails: _Tails) -> list[int]:
    language = language_of(label)
    if language == "python":
        return _python(label, text, tails)
    if language == "rust":
        return [at for path in _rust_paths(text) for at in _rust(path, tails)]
    plain = text.strip("\"'<>` ")
    by_path = language in ("typescript", "javascript") or (language in ("c", "cpp", "ruby") and "/" in plain)
    if by_path or plain.startswith("."):
        return _relative(label, plain, tails, language)
    if language == "go":
        return _go(plain, tails)
    parts = [part for part in re.split(r"[./\\:]+", plain) if part and part != "*"]
    if language in ("c", "cpp"):
        parts = plain.rpartition(".")[0].split("/")
    return tails.ending(parts, language)


def _python(label: str, text: str, tails: _Tails) -> list[int]:
    match = re.match(r"\s*from\s+(\.*)([\w.]*)\s+import\s+(.*)", text, re.S)
    if match is None:
        names = [part.split(" as ")[0].strip() for part in text.replace("import", " ", 1).split(",")]
        return [at for name in names for at in _module(name.split("."), tails)]
    dots, module, imported = match.groups()
    parts = module.split(".") if module else []
    names = [part.split(" as ")[0].strip() for part in imported.strip("()\n ").split(",")]
    if dots:
        folder = label.split("/")[:-1]
        parts = folder[: len(folder) - len(dots) + 1] + parts
        found = [at for name in names if (at := _exact([*parts, name], tails)) is not None]
        own = _exact(parts, tails)
        return found or ([own] if own is not None else [])
    found = [at for name in names for at in _module([*parts, name], tails, whole=True)]
    return found or _module(parts, tails)


def _exact(parts: Sequence[str], tails: _Tails) -> int | None:
    path = "/".join(parts)
    for candidate in (f"{path}.py", f"{path}/__init__.py", f"{path}.pyx", f"{path}.pyi"):
        if candidate in tails.number:
            return tails.number[candidate]
    return None


def _module(parts: Sequence[str], tails: _Tails, *, whole: bool = False) -> list[int]:
    for root in ("", "src/", "lib/"):
        at = _exact([root + parts[0], *parts[1:]] if root else parts, tails)
        if at is not None:
            return [at]
    if whole:
        return [at for path, at in tails.by_name.get(parts[-1], ()) if list(path[-len(parts) :]) == list(parts)][:1]
    return tails.ending(parts, "python") if len(parts) > 1 else []


def _relative(label: str, plain: str, tails: _Tails, language: str) -> list[int]:
    if not plain.startswith("."):
        parts = plain.rpartition(".")[0].split("/") if language in ("c", "cpp") else plain.split("/")
        return tails.ending(parts, language) if len(parts) > 1 else []
    path = posixpath.normpath(posixpath.join(posixpath.dirname(label), plain))
    stem = re.sub(r"\.(?:m?js|jsx)$", "", path)
    for base in (path, stem):
        for ending in _ENDINGS:
            if base + ending in tails.number:
                return [tails.number[base + ending]]
    return []


def _go(plain: str, tails: _Tails) -> list[int]:
    parts = plain.split("/")
    for start in range(len(parts)):
        folder = "/".join(parts[start:])
        if start and folder in tails.in_folder:
            inside = [at for at in tails.in_folder[folder] if tails.labels[at].endswith(".go")]
            return [at for at in inside if not tails.labels[at].endswith("_test.go")][:_MOST_TARGETS]
    return []


def _rust_paths(text: str) -> list[list[str]]:
    """The paths in a `use` tree, what is in braces spread out one level."""
    head, brace, rest = text.partition("{")
    lead = [part for part in _PARTS.findall(head) if part not in ("crate", "self", "super", "as")]
    if not brace:
        return [lead]
    return [[*lead, *(part for part in _PARTS.findall(item.partition("{")[0]))] for item in rest.split(",")]


def _rust(path: Sequence[str], tails: _Tails) -> list[int]:
    for length in range(len(path), 0, -1):
        found = tails.ending(list(path[:length]), "rust")
        if found:
            return found
    return []
