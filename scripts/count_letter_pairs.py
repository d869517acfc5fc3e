"""Writes optafly_cli/workspace/data/letter_pairs.txt: how surprising each letter is after the one before it.

    python -m scripts.count_letter_pairs GIT_FOLDER...

In the words of the text files at each repository's HEAD: code, prose, configuration, file names, all that stands
between blanks, quotes and brackets. Each word counts once, and only when two files have it: that leaves out keys,
digests and other letters that nobody wrote. Ours was made, in November 2026, of aiohttp, bat, black, celery, click,
coveragepy, dask, express, flask, gin, mkdocs, pip, pydantic, pylint, pytest, requests, ripgrep, sarif-spec, scrapy,
seaborn, sphinx, sqlalchemy, tornado, tox and vue.
"""

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from optafly_cli.workspace.drawn import PAIRS, STEP, ZERO

LETTERS = "".join(chr(code) for code in range(32, 127) if chr(code) not in "123456789")
_ENDINGS = (
    ".py", ".go", ".js", ".ts", ".rs", ".rst", ".md", ".yml", ".yaml", ".toml", ".cfg", ".sh", ".java", ".rb", ".c",
    ".h", ".html", ".css", ".txt", ".ini",
)  # fmt: skip
_MOST_FILES, _LARGEST = 1500, 300_000
_WORD = re.compile(r"[^\s\"'`,;&<>(){}\[\]]{4,40}")
_UNSEEN = 0.3
"""How often a pair that is nowhere counts as seen."""


def main(folders: Iterable[str]) -> None:
    """Count and write."""
    files = Counter(word for folder in folders for text in _texts(folder) for word in set(_WORD.findall(text)))
    words = [re.sub(r"\d", "0", word) for word, count in files.items() if count > 1 and word.isascii()]
    pairs = Counter(pair for word in words for pair in pairwise(" " + word))
    firsts = Counter(first for first, _ in pairs.elements())
    rows = ["".join(_mark(pairs[first, second], firsts[first]) for second in LETTERS) for first in LETTERS]
    PAIRS.write_text("".join(f"{row}\n" for row in (LETTERS, *rows)), "ascii")
    print(f"{len(words):,} words, {firsts.total():,} pairs")


def _mark(seen: int, first: int) -> str:
    bits = -math.log2((seen + _UNSEEN) / (first + _UNSEEN * len(LETTERS)))
    return chr(ZERO + round(bits * STEP))


def _texts(folder: str) -> Iterator[str]:
    listed = _git(folder, "ls-tree", "-r", "-l", "HEAD").decode("utf-8", "replace").splitlines()
    blobs = []
    for line in listed:
        about, _, path = line.partition("\t")
        _, _, digest, size = about.split()
        if path.endswith(_ENDINGS) and size.isdigit() and int(size) <= _LARGEST:
            blobs.append(digest)
    for digest in blobs[:_MOST_FILES]:
        yield _git(folder, "cat-file", "blob", digest).decode("utf-8", "replace")


def _git(folder: str, *arguments: str) -> bytes:
    return subprocess.run(["git", "--git-dir", folder, *arguments], capture_output=True, check=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
