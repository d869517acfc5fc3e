"""The prompts in a file's text, each with the place of every line in the file.

A prompt file is one prompt, without its front matter. In code a prompt is a string that can have several lines and is
assigned to a name ending in PROMPT (in any case), or follows a comment `# prompt:` or `// prompt`. Disable comments
are cut out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from optafly_cli.refine.linting.directives import Directive
from optafly_cli.refine.prompt_text import variable
from optafly_cli.refine.rules.base import TextKind

MOST_PER_FILE = 200


class Origin(NamedTuple):
    """Where a line of a prompt begins in its file: the 1-based line, and how many characters were cut before it."""

    line: int
    cut: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One prompt of a file. `origins` has one for each line of `text`; `template`: it has variables."""

    text: str
    kind: TextKind
    origins: tuple[Origin, ...]
    template: bool = False

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Line and column in the file of a place in the prompt, all 1-based."""
        if not self.origins:
            return line, column
        origin = self.origins[min(line, len(self.origins)) - 1]
        return origin.line, column + origin.cut


def plain(text: str, kind: TextKind = "prompt") -> Excerpt:
    """A text that is a prompt as it stands."""
    return Excerpt(text, kind, (), template=kind != "commit" and variable().search(text) is not None)


def whole(text: str, kind: TextKind, directives: Sequence[Directive]) -> Excerpt:
    """The one prompt of a prompt file, without front matter and disable comments."""
    lines = text.split("\n")
    first = _front_matter(lines)
    return _excerpt(((number, 0, line) for number, line in enumerate(lines[first:], first + 1)), kind, directives)


def in_code(text: str, directives: Sequence[Directive]) -> Iterator[Excerpt]:
    """The strings of a source file that are marked as prompts."""
    if "prompt" not in text.lower():
        return
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    end = -1
    count = 0
    for match in _patterns()["opening"].finditer(text):
        if match.start() < end or count >= MOST_PER_FILE:
            continue
        closing = _closing(text, match)
        if closing < 0:
            continue
        end = closing
        count += 1
        first = text.count("\n", 0, match.end())
        parts = text[match.end() : closing].split("\n")
        indent = _common_indent(parts[1:])
        rows = []
        for number, part in enumerate(parts):
            cut = match.end() - starts[first] if number == 0 else min(indent, len(part))
            shown = part if number == 0 else part[cut:]
            # A backslash that only joins the first line with the next
            rows.append((first + number + 1, cut, "" if number == 0 and shown == "\\" else shown))
        yield _excerpt(rows, "prompt", directives)


def commit_message(text: str, directives: Sequence[Directive], comment: str = "#") -> Excerpt | None:
    """What a commit message says: without comments and all that follows the scissors; None: git itself wrote it."""
    lines = text.split("\n")
    if _patterns()["automatic"].match(text):
        return None
    rows = []
    for number, line in enumerate(lines, 1):
        if line.startswith(f"{comment} ------------------------ >8"):
            break
        if not line.startswith(comment) and not _patterns()["trailer"].match(line):
            rows.append((number, 0, line))
    return _excerpt(rows, "commit", directives)


def _excerpt(rows: Iterable[tuple[int, int, str]], kind: TextKind, directives: Sequence[Directive]) -> Excerpt:
    """The rows (line in the file, characters cut, text) as a prompt, what `directives` take up cut out."""
    cuts: dict[int, list[Directive]] = {}
    for directive in directives:
        cuts.setdefault(directive.line, []).append(directive)
    kept = []
    for number, cut, row in rows:
        line = row
        own = cuts.get(number, ())
        for directive in own:
            start, end = max(directive.start - cut, 0), max(directive.end - cut, 0)
            # Blanks keep the columns of what follows
            line = (line[:start] + " " * (min(end, len(line)) - start) + line[end:]).rstrip()
        if own and not line.strip():
            continue
        kept.append((Origin(number, cut), line))
    text = "\n".join(line for _, line in kept)
    template = kind != "commit" and variable().search(text) is not None
    return Excerpt(text, kind, tuple(origin for origin, _ in kept) or (Origin(1, 0),), template)


def _front_matter(lines: Sequence[str]) -> int:
    """How many lines the front matter at the top takes, its marks included."""
    if not lines or lines[0].rstrip() not in ("---", "+++"):
        return 0
    mark = lines[0].rstrip()
    for number, line in enumerate(lines[1:200], 2):
        if line.rstrip() == mark or (mark == "---" and line.rstrip() == "..."):
            return number
        # A rule across the page is no front matter: that has keys, lists, comments
        if line.strip() and not re.match(r"\s*(?:[\w.\"'-]+\s*[:=]|-\s|#|\[|[}\]\"'])|\s+\S", line):
            return 0
    return 0


def _closing(text: str, match: re.Match[str]) -> int:
    """Where the string's closing delimiter stands; -1: nowhere."""
    delimiter = match["delimiter"]
    if match["raw"]:
        return text.find('"' + match["raw"].strip("r"), match.end())
    position = match.end()
    while (position := text.find(delimiter, position)) >= 0:
        before = text[max(match.end(), position - 100) : position]
        if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
            return position
        position += 1
    return -1


def _common_indent(lines: Sequence[str]) -> int:
    return min((len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()), default=0)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    string = r"(?:[A-Za-z.]{0,12}\(\s*)?(?:[rRbBuUfF]{0,2}|\$|\$@|@)(?P<delimiter>\"\"\"|'''|`|(?P<raw>r#{1,4})\")"
    return {
        # On a line of its own, so that neither comments nor strings are taken for code
        "opening": re.compile(
            r"^[ \t]*(?:"
            r"(?:(?:export|const|let|var|final|static|public|private|protected|internal|pub|readonly|string"
            r"|self\.|this\.)\s*)*"
            r"[\w.$]*prompt\s*(?::\s*[\w\[\]&'. <>]{1,40}?)?\s*:?=\s*"
            r"|(?:#|//)[ \t]*prompt\b:?[^\n]*\n[ \t]*"
            r"(?:[\w.$ :\[\]&'<>]{1,80}[=(][ \t]*|return[ \t]+|[\w\"']{1,60}:[ \t]*)?"
            rf"){string}",
            re.M | re.I,
        ),
        "automatic": re.compile(
            r"(?:Merge (?:branch|remote-tracking|tag|pull request|commit)\b|(?:fixup|squash|amend)! |Revert \")"
        ),
        "trailer": re.compile(r"(?:[A-Z][\w]*-[\w-]*by|Change-Id|Closes|Fixes|Refs?|See-also|Co-authored-by): ", re.I),
    }
