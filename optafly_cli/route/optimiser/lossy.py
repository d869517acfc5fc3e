"""`--compress`: what a reader can do without in code that he did not name. Pure, by lines, whatever the code parses to.

Comments on lines of their own, docstrings after their first line, blank lines. Shebangs, directives to tools and
comments that speak of something to be done or minded stay.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from optafly_cli.refine.result import Section
from optafly_cli.route.optimiser.notes import Removal

REASON = "compressed: comments, docstrings and blank lines"

_HASH = (".py", ".pyi", ".rb", ".sh", ".toml", ".yaml", ".yml")
_SLASH = (".js", ".jsx", ".mjs", ".ts", ".tsx", ".rs", ".go", ".c", ".h", ".cc", ".cpp", ".hpp", ".java", ".kt", ".cs",
          ".php", ".swift", ".scala")  # fmt: skip
_KEPT = re.compile(
    r"#!|noqa|type:|pragma|eslint|ts-|@|nolint|todo|fixme|xxx|hack|bug|warn|danger|safety|unsafe|error|must|never|always",
    re.IGNORECASE,
)
_OPENED = re.compile(r'\s*(?:[rRuUbB]{0,2})(?P<quotes>"""|\'\'\')')
_DEFINES = re.compile(r"\s*(?:async\s+def|def|class)\b")


def compressed(
    sections: Sequence[Section], unnamed: Collection[str]
) -> tuple[tuple[Section, ...], tuple[Removal, ...]]:
    """The sections, those whose label is in `unnamed` without what can be missed, and what was removed from them."""
    kept: list[Section] = []
    removals: list[Removal] = []
    for given in sections:
        section = given
        if section.label in unnamed and section.kind in ("file_reference", "code_block"):
            text = "\n".join(_short(section.text.split("\n"), section.label.partition(":")[0].lower()))
            if len(text) < len(section.text):
                removals.append(Removal(section.label, REASON, section.text, text))
                section = replace(section, text=text)
        kept.append(section)
    return tuple(kept), tuple(removals)


def _short(lines: Sequence[str], path: str) -> Iterator[str]:
    if path.endswith(_HASH):
        lines = [*_without_docstrings(lines)] if path.endswith((".py", ".pyi")) else lines
        lines = [line for line in lines if not line.lstrip().startswith("#") or _KEPT.search(line)]
    elif path.endswith(_SLASH):
        lines = [*_without_comments(lines)]
    for above, line in zip(["", *lines], lines, strict=False):
        if line.strip() or above.strip():
            yield line


def _without_docstrings(lines: Sequence[str]) -> Iterator[str]:
    """Docstrings of several lines end after their first."""
    quotes = ""
    before = ""
    for line in lines:
        if quotes:
            if quotes in line:
                quotes = ""
            continue
        opened = _OPENED.match(line)
        first = before.rstrip().endswith(":") and (_DEFINES.match(before) or before.lstrip().startswith(")"))
        if opened and first and opened["quotes"] not in line[opened.end() :] and line[opened.end() :].strip():
            quotes = opened["quotes"]
            yield f"{line.rstrip()} …{quotes}"
        else:
            yield line
        before = line if line.strip() else before


def _without_comments(lines: Sequence[str]) -> Iterator[str]:
    """Line comments, and block comments that begin and end a line."""
    block: list[str] = []
    for line in lines:
        bare = line.strip()
        if block or bare.startswith("/*"):
            block.append(line)
            if "*/" in bare:
                if not bare.endswith("*/") or any(map(_KEPT.search, block)):
                    yield from block
                block = []
        elif not bare.startswith("//") or _KEPT.search(bare):
            yield line
    yield from block
