"""On which line a key of a TOML text stands. tomllib tells values, not places.

A small scanner of TOML's statements: it never judges the text, tomllib does. It runs in time linear in the text,
also on text that somebody wrote to slow it down: a string that never ends is the end of the scan, as of the parse.
"""

import re
from collections.abc import Mapping

KeyPath = tuple[str, ...]

_LONG = r'"""(?:[^\\"]|\\.|"(?!""))*+"{3,5}' + "|" + r"'''(?:[^']|'(?!''))*+'{3,5}"
_SHORT = r'"(?:[^"\\\n]|\\.)*+"' + "|" + r"'[^'\n]*+'"
_REST = r"""#[^\n]*+|(?P<mark>[\[\]{}\n,=.])|[^\[\]{}\n,=.#"']++|(?P<cut>["'])"""
_TOKEN = re.compile(rf"""{_LONG}|(?!\"\"\"|''')(?:{_SHORT})|{_REST}""", re.DOTALL)
_PART = rf"(?:[A-Za-z0-9_-]++|{_SHORT})"
_KEY = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+")
_SPLIT = re.compile(_PART)
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")


def positions(text: str) -> Mapping[KeyPath, int]:
    """The 1-based line of every table header and every key at the left of a `=`, by full path.

    Keys inside an inline table are not listed: look up the longest prefix with `line_of`.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at, line = 0, 1
    while True:
        blank = _BLANK.match(text, at)
        skipped = blank.end() if blank else at
        line += text.count("\n", at, skipped)
        at = skipped
        if at >= len(text):
            return found
        opening = 2 if text.startswith("[[", at) else 1 if text[at] == "[" else 0
        start = at + opening
        while text[start : start + 1] in (" ", "\t"):
            start += 1
        key = _KEY.match(text, start)
        path = tuple(_plain(part) for part in _SPLIT.findall(key.group())) if key else ()
        if opening:
            table = path
            found.setdefault(table, line)
        else:
            found.setdefault(table + path, line)
        end = _end_of_statement(text, key.end() if key else start + 1)
        line += text.count("\n", at, end)
        at = end


def line_of(found: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of that key, or of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in found:
            return found[path[:length]]
    return 1


def longest_key(text: str) -> int:
    """The most dots in one key of the text (or in a number's neighbourhood: an upper bound).

    tomllib takes 20 seconds for 64 KB of `a.a.a…`, so whoever parses a stranger's text looks here first.
    """
    longest = run = 0
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        if token["cut"]:
            break
        if mark == ".":
            run += 1
            longest = max(longest, run)
        elif mark:
            run = 0
    return longest


def _end_of_statement(text: str, at: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token["cut"]:
            return len(text)
        mark = token["mark"]
        if mark == "\n" and depth <= 0:
            return token.start()
        if mark in ("[", "{"):
            depth += 1
        elif mark in ("]", "}"):
            depth -= 1
    return len(text)


def _plain(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] != '"':
        return part
    if "\\" not in part:
        return part[1:-1]
    import tomllib

    try:
        return str(tomllib.loads(f"key = {part}")["key"])
    except tomllib.TOMLDecodeError:
        return part
