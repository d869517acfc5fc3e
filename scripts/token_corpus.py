"""The texts that token corrections are measured on: which repositories, which files, which part of each.

A corpus is named, not shipped: files of this machine's Python, of /usr, and of public repositories of which clones lie
in one folder as OWNER+NAME (or OWNER+NAME/repo). Of each file one piece of at most 6,000 characters from its middle is
taken, in an order given by the SHA-256 of its name; of each source at most 60 pieces. Where a language has two
sources, one is measured and the other held out; where it has one, every second piece is held out.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Literal

PIECE = 6_000
SHORTEST = 300
PIECES = 60
PYTHON = f"{sys.base_prefix}/lib/python{sys.version_info.major}.{sys.version_info.minor}"
NPM = "/usr/lib/node_modules"

Role = Literal["fit", "held out", "both"]
Part = Literal["all", "prose", "outside fences", "tldr"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where pieces of one language come from: a folder of this machine or OWNER/NAME, and which files."""

    language: str
    role: Role
    origin: str
    patterns: str
    part: Part = "all"


@dataclass(frozen=True, slots=True)
class Sample:
    """One piece of text. `name` says where it is from."""

    language: str
    held_out: bool
    name: str
    text: str


def _code() -> Iterator[Source]:
    for language, patterns, fit, held_out in (
        ("python", "*.py", PYTHON, "fastapi/fastapi"),
        ("javascript", "*.js", NPM, "expressjs/express"),
        ("typescript", "*.ts *.tsx", "colinhacks/zod", "pmndrs/zustand"),
        ("go", "*.go", "gin-gonic/gin", "spf13/cobra gorilla/mux"),
        ("rust", "*.rs", "BurntSushi/ripgrep", "sharkdp/fd"),
        ("c", "*.c *.h", "jqlang/jq", "redis/hiredis"),
        ("cpp", "*.cc *.h", "fmtlib/fmt", "google/leveldb"),
        ("java", "*.java", "google/gson", "square/okio"),
        ("json", "*.json", NPM, "colinhacks/zod pmndrs/zustand google/gson"),
        (
            "yaml",
            "*.yml *.yaml",
            "fastapi/fastapi pmndrs/zustand gin-gonic/gin",
            "colinhacks/zod sharkdp/fd spf13/cobra",
        ),
        ("toml", "*.toml *.lock", "fastapi/fastapi BurntSushi/ripgrep", "sharkdp/fd"),
        ("bash", "*.sh", "/usr/share /usr/lib", "tldr-pages/tldr jqlang/jq BurntSushi/ripgrep fastapi/fastapi"),
        ("log", "*_2k.log", "logpai/loghub", ""),
        ("csv", "*.csv", "logpai/loghub", ""),
        ("kotlin", "*.kt", "square/okio", ""),
        ("csharp", "*.cs", "DapperLib/Dapper", ""),
        ("ruby", "*.rb", "sinatra/sinatra", ""),
        ("php", "*.php", "slimphp/Slim", ""),
        ("sql", "*.sql", "/usr/share/postgresql", ""),
        ("html", "*.html", "/root/.rustup fastapi/fastapi", ""),
        ("css", "*.css", "/root/.rustup /usr/share", ""),
    ):
        for origin in fit.split():
            yield Source(language, "fit" if held_out else "both", origin, patterns)
        for origin in held_out.split():
            yield Source(language, "held out", origin, patterns)


def _prose() -> Iterator[Source]:
    documented = "pmndrs/zustand google/gson jqlang/jq square/okio gin-gonic/gin BurntSushi/ripgrep slimphp/Slim"
    yield Source("markdown", "fit", "fastapi/fastapi", "docs/en/*.md", "outside fences")
    yield Source("english", "fit", "fastapi/fastapi", "docs/en/*.md", "prose")
    for origin in documented.split():
        yield Source("markdown", "held out", origin, "*.md", "outside fences")
        yield Source("english", "held out", origin, "*.md", "prose")
    yield Source("english", "both", "/usr/share/common-licenses", "*")
    yield Source("rst", "both", "/usr/share", "*.rst")
    for code in ("de", "es", "fr", "tr", "ru", "uk", "zh", "ja", "ko", "hi"):
        yield Source(code, "fit", "fastapi/fastapi", f"docs/{code}/*.md", "prose")
        yield Source(code, "held out", "tldr-pages/tldr", f"pages.{code}/*.md", "tldr")
    others = ("ar", "bn", "cs", "el", "fa", "id", "it", "nl", "pl", "pt_BR", "ro", "sr", "sv", "ta", "th", "zh_TW")
    for code in others:
        yield Source(code, "both", "tldr-pages/tldr", f"pages.{code}/*.md", "tldr")


SOURCES = (*_code(), *_prose())


def samples(repositories: Path, lengths: Sequence[int]) -> Iterator[Sample]:
    """Every piece, in a fixed order, once per length: that many characters from its middle."""
    for source in SOURCES:
        pieces = (piece for piece in _pieces(source, repositories) if len(piece[1]) >= SHORTEST)
        for number, (name, text) in enumerate(islice(pieces, PIECES)):
            held_out = source.role == "held out" or (source.role == "both" and number % 2 == 1)
            for length in lengths:
                part = _middle(text, length)
                if len(part) >= SHORTEST:
                    yield Sample(source.language, held_out, name, part)


def _pieces(source: Source, repositories: Path) -> Iterator[tuple[str, str]]:
    local = source.origin.startswith("/")
    files = _local(Path(source.origin), source.patterns) if local else _cloned(repositories, source)
    if source.part == "tldr":
        yield from _descriptions(files)
        return
    for name, content in files:
        text = content if source.part == "all" else re.sub(r"(?ms)^ *```.*?^ *``` *$", "", content)
        if source.part == "prose":
            text = "\n\n".join(filter(_plain, re.split(r"\n\s*\n", text)))
        yield name, _middle(text, PIECE)


def _middle(text: str, length: int) -> str:
    """`length` characters from the middle, from the start of a line: the head of a file is often its licence."""
    start = (len(text) - length) // 2
    return text if start <= 0 else text[start : start + length].partition("\n")[2]


def _plain(paragraph: str) -> bool:
    """A paragraph of nothing but words: no markup, no code."""
    return re.match(r"\s*[^\W\d_]", paragraph) is not None and not re.search(r"[`<>{}\[\]|/_#*=]|::", paragraph)


def _descriptions(files: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What tldr pages say of a command, without the command, some 1,500 characters at a time."""
    lines: list[str] = []
    for name, text in files:
        said = [line for line in text.splitlines() if line[:1] in (">", "-") and not re.search("[`<]", line)]
        lines += [line.lstrip(">- ").rstrip(":") for line in said]
        if sum(map(len, lines)) > PIECE // 4:
            yield name, "\n".join(lines)
            lines = []


def _order(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: sha256(name.encode()).hexdigest())


def _local(folder: Path, patterns: str) -> Iterator[tuple[str, str]]:
    found = [str(path) for pattern in patterns.split() for path in folder.rglob(pattern) if path.is_file()]
    for name in _order(found):
        try:
            yield name, Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue


def _cloned(repositories: Path, source: Source) -> Iterator[tuple[str, str]]:
    folder = repositories / source.origin.replace("/", "+")
    folder = folder / "repo" if (folder / "repo").exists() else folder
    git = ["git", "-C", str(folder)]
    listed = subprocess.run([*git, "ls-tree", "-r", "--name-only", "HEAD"], capture_output=True, text=True, check=True)
    patterns = source.patterns.split()
    for name in _order([name for name in listed.stdout.splitlines() if any(fnmatch(name, each) for each in patterns)]):
        content = subprocess.run([*git, "show", f"HEAD:{name}"], capture_output=True, check=True).stdout
        try:
            yield f"{source.origin}:{name}", content.decode()
        except UnicodeDecodeError:
            continue
