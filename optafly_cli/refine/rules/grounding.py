"""Whether what the prompt names is there. Speaks of what was typed only, never of pasted code or traces."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.mentions import Mention
from optafly_cli.refine.result import Severity
from optafly_cli.refine.rules.base import PROMPTS, Rule, Spot, Subject

ORDER_WORDS = 80
"""Words of prose up to which an order is about the workspace, and what it names is meant to be in it."""


def missing_path(subject: Subject) -> Iterator[Spot]:
    """A path that is not in the workspace, unless the prompt speaks of making it.

    A bare file name counts only when a line is named with it: "conf.py" alone may be any project's.
    """
    for mention in subject.mentions:
        if mention.made or (mention.bare and mention.lines is None) or _elsewhere(subject, mention.path):
            continue
        if _known(subject, mention):
            continue
        moved = _same_name(subject, mention)
        close = moved or _close(subject, mention)
        hint = f"; did you mean {close}?" if close else "."
        sure = close is not None or is_order(subject) or _has_folder(subject, mention.path)
        end = mention.start + subject.view.text[mention.start : mention.end].index(mention.path) + len(mention.path)
        start = end - len(mention.path)
        severity: Severity = "error" if sure else "warning"
        yield Spot(start, end, f"{mention.path} is not in the workspace{hint}", moved, severity)


def line_beyond_end(subject: Subject) -> Iterator[Spot]:
    """A line number that the file does not have."""
    for mention in subject.mentions:
        if mention.lines is None:
            continue
        counted = _line_count(subject, mention.path)
        if counted is not None and mention.lines.end > counted[1]:
            label, count = counted
            what = f"line {mention.lines.end}" if count != 1 else f"line {mention.lines.end}, only one"
            yield Spot(mention.start, mention.end, f"{label} has {count} lines; it has no {what}.")


def missing_identifier(subject: Subject) -> Iterator[Spot]:
    """A name in inline code that none of the named files has."""
    named = subject.named
    if not named.files:
        return
    texts = [file.source.text for file in named.files]
    texts += [named.piped or "", *(one.text for one in named.diff or ())]
    seen: set[str] = set()
    for identifier in subject.identifiers:
        if identifier.made or identifier.name in seen:
            continue
        seen.add(identifier.name)
        if not any(identifier.name in text for text in texts) and not is_common(identifier.name):
            where = named.files[0].label if len(named.files) == 1 else "any of the named files"
            yield Spot(identifier.start, identifier.end, f"{identifier.name} is not in {where}.")


def _known(subject: Subject, mention: Mention) -> bool:
    """Whether a file or folder of that name is there, is named, or shows up in what was piped in."""
    path = mention.path
    if any(file.label == path or file.label.endswith("/" + path) for file in subject.named.files):
        return True
    if path in (subject.named.piped or "") or any(path in one.label for one in subject.named.diff or ()):
        return True
    return subject.files.exists(path) or bool(subject.files.matches(path))


def _elsewhere(subject: Subject, path: str) -> bool:
    """Whether the path says itself that it is not of this workspace, or is made by a build of it."""
    if _patterns()["elsewhere"].match(path) or "*" in path or "{" in path:
        return True
    made = _patterns()["made"].match(path)
    return made is not None and not any(label.startswith(made.group()) for label in subject.files.labels())


def _has_folder(subject: Subject, path: str) -> bool:
    """Whether the workspace has the folder that the path begins with: the path is then meant to be one of it."""
    folder, slash, _ = path.partition("/")
    return bool(slash) and subject.files.exists(folder) and not is_stand_in(path)


def is_order(subject: Subject) -> bool:
    """Whether the prompt is a short order about code that it does not show: what it names is then of the workspace."""
    view = subject.view
    return view.words <= ORDER_WORDS and not view.of("fence", "error", "code") and subject.intent.action != "other"


def is_stand_in(name: str) -> bool:
    """Whether a name or a part of a path is one that people make up for an example."""
    return _patterns()["stand_in"].search(name) is not None


def _same_name(subject: Subject, mention: Mention) -> str | None:
    """The one file of that name that the workspace has elsewhere."""
    same_name = subject.files.matches(mention.path.rpartition("/")[2])
    return same_name[0] if len(same_name) == 1 else None


def _close(subject: Subject, mention: Mention) -> str | None:
    """The one path in the same folder that is written nearly the same."""
    from difflib import get_close_matches

    folder = mention.path.rpartition("/")[0]
    neighbours = [label for label in subject.files.labels() if label.rpartition("/")[0] == folder]
    close = get_close_matches(mention.path, neighbours[:500], n=2, cutoff=0.85)
    return close[0] if len(close) == 1 else None


def _line_count(subject: Subject, path: str) -> tuple[str, int] | None:
    for file in subject.named.files:
        if file.label == path or file.label.endswith("/" + path):
            return file.label, len(file.source.lines)
    label = subject.files.label(path)
    if label is None:
        return None
    source = subject.files.source(label)
    return (label, len(source.lines)) if source is not None else None


def is_common(name: str) -> bool:
    """Keywords, built-in types and shell words that stand in inline code without being names of the file."""
    return len(name) < 3 or name.lower() in _COMMON


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "elsewhere": re.compile(r"/|~|\.\./|[A-Za-z]:|\$|%"),
        "made": re.compile(
            r"(?:_build|build|dist|target|out|site-packages|node_modules|vendor|\.?venv|env|\.tox|\.git|__pycache__"
            r"|coverage|htmlcov)/"
        ),
        "stand_in": re.compile(
            r"(?:^|[/_.])(?:my|some|foo|bar|baz|qux|example|sample|dummy|your|path[/_]?to|test)", re.I
        ),
    }


_COMMON = frozenset((
    "none", "null", "nil", "true", "false", "undefined", "self", "this", "super", "int", "float", "double", "string",
    "str", "bool", "boolean", "list", "dict", "set", "tuple", "map", "vec", "option", "some", "result", "err",
    "error", "errors", "exception", "async", "await", "return", "yield", "import", "export", "const", "static",
    "void", "public", "private", "class", "struct", "enum", "trait", "impl", "interface", "lambda", "while", "for",
    "else", "elif", "match", "switch", "case", "break", "continue", "try", "catch", "finally", "except", "raise",
    "throw", "throws", "assert", "print", "println", "main", "git", "cargo", "npm", "pip", "python", "node", "make",
    "docker", "bash", "sh", "json", "yaml", "toml", "csv", "xml", "html", "http", "https", "utf", "typeof",
    "instanceof", "unwrap", "expect", "clone", "panic", "array", "object", "number", "any", "unknown", "never",
    "node_modules", "snake_case", "camelcase", "site_packages", "utf_8", "valueerror", "typeerror", "keyerror",
    "indexerror", "runtimeerror", "attributeerror", "nullpointerexception",
))  # fmt: skip


RULES = (
    Rule(
        "OPF010",
        "error",
        "path that does not exist",
        "The prompt names a file that is not in the workspace, so no model can look at it. An error only when that "
        "is certain (a file of nearly that name or the folder is there, or the prompt is a short order), else a "
        "warning: a report may name files of its author's. Correct the path; when the file is to be made, say so "
        "(create src/new.rs).",
        missing_path,
        bad="Fix the overflow in src/mian.rs",
        better="Fix the overflow in src/main.rs",
        kinds=PROMPTS,
    ),
    Rule(
        "OPF011",
        "error",
        "line beyond the end of the file",
        "The prompt points at a line that the file does not have; it has probably been edited since.",
        line_beyond_end,
        bad="Explain src/main.rs:400",
        better="Explain src/main.rs:5",
        kinds=PROMPTS,
    ),
    Rule(
        "OPF012",
        "warning",
        "name that the files do not have",
        "A name in inline code stands in none of the files that go with the prompt: it is misspelt, or another file is "
        "needed as well.",
        missing_identifier,
        bad="Why does `parse_prot` panic?   (with --file src/main.rs)",
        better="Why does `parse_port` panic?   (with --file src/main.rs)",
        kinds=PROMPTS,
    ),
)
