"""How far off our token counts are, per model family, class of content and length, against ctok.

    pip download --no-deps --python-version 3.12 --only-binary=:all: ctok==1.3.0 && unzip ctok-*.whl -d CTOK
    python -m benchmarks.route_tokens --ctok CTOK [--repositories CLONES] [--data SHARED/data] [--per-source N] [--json]

ctok (MIT) reproduces Anthropic's count_tokens endpoint, by its own check to one text in 962,054; our vocabularies are
made from it, so this measures our packing and our cutting, on texts that nothing was fitted to: files of public
repositories in many languages, the manuals of this machine, real chats with a coding agent. Without ctok, or without
the texts of a class, that is said and left out.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from statistics import mean, median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from optafly_cli.tokens.counter import Counter

VERSIONS = {"claude-3": "4.6", "claude-4.7": "4.7", "claude-4.8": "4.8"}
LENGTHS = (400, 1_500, 6_000, 20_000)
SHORTEST = 300
REPOSITORIES: dict[str, tuple[tuple[str, str], ...]] = {
    "python": (("sphinx-doc+sphinx", "*.py"), ("pytest-dev+pytest", "*.py"), ("psf+requests", "*.py")),
    "typescript": (("vuejs+core", "*.ts"),),
    "javascript": (("expressjs+express", "*.js"),),
    "rust": (("sharkdp+bat", "*.rs"), ("BurntSushi+ripgrep", "*.rs")),
    "go": (("gitleaks+gitleaks", "*.go"), ("gin-gonic+gin", "*.go")),
    "english": (("sphinx-doc+sphinx", "*.rst"), ("pytest-dev+pytest", "*.rst"), ("sharkdp+bat", "*.md"),
                ("vuejs+core", "*.md")),
    "configuration": (("pytest-dev+pytest", "*.toml *.yml *.yaml"), ("sharkdp+bat", "*.toml *.yml")),
    "other languages": (("sphinx-doc+sphinx", "*/locale/*/*.po"),),
}  # fmt: skip
LOCAL = {"c": ("/usr/include", "*.h"), "shell": ("/usr/share", "*.sh"), "licences": ("/usr/share/common-licenses", "*")}


@dataclass(frozen=True, slots=True)
class Row:
    """Errors of one family on one class at one length: relative, as fractions."""

    family: str
    content: str
    length: int
    texts: int
    bias: float
    median: float
    p95: float


def oracle(folder: Path) -> Callable[[str, str], int] | None:
    """ctok's tokens of a text as content of a message, by family; None where there is no ctok."""
    sys.path.insert(0, str(folder))
    try:
        count = import_module("ctok").token_count
    except ImportError:
        return None
    frames = {family: int(count(".", version)) - 1 for family, version in VERSIONS.items()}
    return lambda text, family: int(count(text, VERSIONS[family])) - frames[family]


def texts(repositories: Path, data: Path, number: int) -> Iterator[tuple[str, Iterator[str]]]:
    """Up to `number` texts of each class, in an order given by the digests of their names."""
    for content, sources in REPOSITORIES.items():
        each = (_cloned(repositories / name, patterns, number // len(sources) + 1) for name, patterns in sources)
        yield content, islice(chain.from_iterable(each), number)
    for content, (folder, pattern) in LOCAL.items():
        paths = (path for path in _ordered(map(str, Path(folder).rglob(pattern))) if Path(path).is_file())
        yield content, islice(filter(None, map(_read, map(Path, paths))), number)
    yield "agent chats", islice(_pieces(_read(data / "route" / "aider_chat_history.md") or ""), number)


def _ordered(names: Iterator[str] | Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: sha256(name.encode()).hexdigest())


def _cloned(folder: Path, patterns: str, number: int) -> Iterator[str]:
    folder = folder / "repo" if (folder / "repo").exists() else folder
    git = ["git", "-C", str(folder)]
    listed = subprocess.run([*git, "ls-tree", "-r", "--name-only", "HEAD"], capture_output=True, text=True, check=False)
    fits = [name for name in listed.stdout.splitlines() if any(fnmatch(name, one) for one in patterns.split())]
    for name in _ordered(fits)[:number]:
        shown = subprocess.run([*git, "show", f"HEAD:{name}"], capture_output=True, check=False)
        if text := shown.stdout.decode("utf-8", "ignore"):
            yield text


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _pieces(text: str, size: int = 60_000) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def middle(text: str, length: int) -> str:
    """`length` characters from the middle, from the start of a line: the head of a file is often its licence."""
    start = (len(text) - length) // 2
    return text if start <= 0 else text[start : start + length].partition("\n")[2]


def rows(count: Callable[[str, str], int], repositories: Path, data: Path, number: int) -> Iterator[Row]:
    """Each family, class and length, and for each family and length all English and code together ("all")."""
    found = {content: [*each] for content, each in texts(repositories, data, number)}
    for family in VERSIONS:
        counter = Counter(family)
        for length in LENGTHS:
            everything: list[float] = []
            for content, each in found.items():
                parts = [part for part in (middle(text, length) for text in each) if len(part) >= SHORTEST]
                errors = [counter.count(part) / count(part, family) - 1 for part in parts]
                if errors:
                    yield _row(family, content, length, errors)
                everything += errors if content != "other languages" else []
            if everything:
                yield _row(family, "all", length, everything)


def _row(family: str, content: str, length: int, errors: Sequence[float]) -> Row:
    sizes = sorted(map(abs, errors))
    return Row(family, content, length, len(sizes), mean(errors), median(sizes), sizes[int(0.95 * (len(sizes) - 1))])


def figures(ctok: Path, repositories: Path, data: Path, number: int = 60) -> Iterator[tuple[str, float, str]]:
    """The rows of benchmarks/route.py: a name, a fraction, what it should be; none without ctok."""
    count = oracle(ctok)
    for row in rows(count, repositories, data, number) if count else ():
        if row.content == "all" and row.length in (LENGTHS[0], LENGTHS[2]):
            name = f"token counts, {row.family}, {row.length:,} characters"
            yield f"{name}, median", row.median, "<= 0.03"
            yield f"{name}, p95", row.p95, "<= 0.08"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--ctok", type=Path, default=Path("ctok"), help="folder with an unpacked ctok wheel")
    parser.add_argument("--repositories", type=Path, default=Path(__file__).resolve().parents[2] / ".mirror")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--per-source", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    count = oracle(arguments.ctok)
    if count is None:
        print("ctok is not here: see the head of this file", file=sys.stderr)
        return 1
    found = [*rows(count, arguments.repositories, arguments.data, arguments.per_source)]
    if arguments.json:
        print(json.dumps([{name: getattr(row, name) for name in Row.__slots__} for row in found], indent=1))
        return 0
    print(f"{'family':12}{'content':18}{'characters':>10}{'texts':>7}{'bias':>8}{'median':>8}{'p95':>8}")
    for row in found:
        figures = f"{row.bias:+8.2%}{row.median:8.2%}{row.p95:8.2%}"
        print(f"{row.family:12}{row.content:18}{row.length:10,}{row.texts:7}{figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
