"""What a statement defines: a function, a type, or nothing with a body.

In: lines and the 1-based number of a statement's first line; its language is not known. Out: its kind, by keywords and
by shape. Only for `blocks` and `units`.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

from optafly_cli.workspace.headers import (
    HEADER_LINES,
    body,
    closing,
    continues,
    first_word,
    indent,
    is_attribute,
    is_blank,
    is_label,
    rest_of_annotation,
    style_of,
)
from optafly_cli.workspace.lexing import without_strings

# weak: only its shape says so, `name(…) {`; typed: the same with a type or a modifier before the name.
# macro: weak, but named like a loop or a constant, `list_for_each(…) {` and `TEST(…) {`.
Kind = Literal["", "function", "typed", "weak", "macro", "type"]
_LOOK = 400

_MODIFIERS = frozenset((
    "pub", "public", "private", "protected", "internal", "static", "async", "export", "default", "abstract", "final",
    "override", "virtual", "inline", "extern", "unsafe", "constexpr", "suspend", "open", "data", "sealed", "partial",
    "readonly", "local", "declare", "native", "synchronized", "fileprivate", "mutating", "explicit", "tailrec", "infix",
    "external", "inner", "actual", "expect", "indirect", "required", "convenience", "nonisolated", "const", "typedef",
    "crate", "lazy", "implicit", "case", "companion", "annotation", "value", "strictfp", "transient", "ref", "record",
))  # fmt: skip
_FUNCTION_WORDS = frozenset((
    "def", "defp", "defmacro", "defmacrop", "fn", "func", "fun", "function", "function*", "sub", "proc", "macro_rules!",
    "subroutine",
))  # fmt: skip
_TYPE_WORDS = frozenset((
    "class", "struct", "enum", "interface", "trait", "impl", "union", "record", "module", "namespace", "mod",
    "protocol",
    "extension", "actor", "object", "contract", "defmodule", "@interface", "@implementation", "library",
))  # fmt: skip
_CONTROL = frozenset((
    "if", "for", "while", "switch", "else", "do", "try", "catch", "return", "throw", "with", "using", "lock", "foreach",
    "when", "match", "loop", "case", "default", "new", "await", "yield", "delete", "sizeof", "not", "and", "or", "elif",
    "except", "finally", "until", "unless", "goto", "elseif", "elsif", "guard", "defer", "go", "select", "assert", "in",
    "raise", "print", "let", "var", "val", "typeof", "import", "from", "use", "require", "include", "echo", "fixed",
    "checked", "describe", "it", "test", "repeat", "super", "this", "co_await", "co_return", "is", "as", "out",
    "declare",
))  # fmt: skip
_NAME_STARTS = "_~#[@$`*"


def may_define_function(text: str) -> bool:
    """A quick no to most lines: `kind_of` can say function only where this is true."""
    return (text[0].isalpha() or text[0] in _NAME_STARTS) and (
        "(" in text or not _FUNCTION_WORDS.isdisjoint(text.split(None, 8)[:8])
    )


def kind_of(lines: Sequence[str], number: int) -> Kind:
    """What the statement that begins on line `number` (1-based) defines, "" when it defines nothing with a body."""
    text = body(lines[number - 1])
    if is_label(text) or not (text[0].isalpha() or text[0] in _NAME_STARTS):
        return ""
    if text[0] == "@" and not is_attribute(text):
        text = rest_of_annotation(text) or text
    if "/*" in text:
        text = without_strings(text, "brace")
    words = text.split(None, 8)
    at = _after_modifiers(words)
    word = words[at] if at < len(words) else ""
    if word in _FUNCTION_WORDS:
        return "function" if _named_function().match(" ".join(words[at:])) else ""
    if word == "type" and _go_or_ts_type(words[at:]):
        return "type"
    is_type_word = word.split("<")[0].split(":")[0] in _TYPE_WORDS
    if not is_type_word and "(" not in text and "=>" not in text and "function" not in text:
        return ""
    head, opens = header(lines, number)
    if is_type_word and _defines_type(word, head, opens, lines, number):
        return "type"
    if not opens:
        return ""
    if ("=>" in head or "function" in head) and _assigned_function().match(head):
        return "type" if " class " in head.rpartition("=>")[2] + " " else "function"
    return _by_shape(head)


def header(lines: Sequence[str], number: int) -> tuple[str, bool]:
    """The statement's text up to its opening brace, strings emptied, and whether there is such a brace."""
    style = style_of(body(lines[number - 1]))
    level = indent(lines[number - 1])
    parts: list[str] = []
    depth = 0
    for offset, line in enumerate(lines[number - 1 : number - 1 + HEADER_LINES]):
        text = without_strings(body(line), style).strip()
        if not text:
            if is_blank(line) or not parts:
                break
            continue
        if offset and indent(line) <= level and not continues(text, adjacent=True) and not _split_header(parts[-1]):
            break
        opening, depth = _opening(text, depth)
        if opening >= 0:
            return " ".join([*parts, text[:opening]]).rstrip(), True
        parts.append(text)
        if text.endswith(";"):
            break
    return " ".join(parts), False


def _opening(text: str, depth: int) -> tuple[int, int]:
    """Where the brace that opens the body stands, the first one outside parentheses, else -1; and the new depth."""
    for match in _brackets().finditer(text):
        char = match.group()
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif depth <= 0:
            return match.start(), depth
    return -1, depth


def _split_header(text: str) -> bool:
    """Whether a header line ends in the middle: an open parenthesis, a comma."""
    return text.endswith((",", "(", "<", "=")) or text.count("(") > text.count(")")


def _after_modifiers(words: Sequence[str]) -> int:
    at = 0
    while at < len(words) and (words[at] in _MODIFIERS or words[at].startswith(("pub(", "@")) or words[at] == '"C"'):
        at += 1
    # `const NAME = …`, `record Point(…)`, `static class X`: a modifier that stands for the thing itself
    if at and at < len(words) and words[at - 1] == "record":
        return at - 1
    return at


def _defines_type(word: str, head: str, opens: bool, lines: Sequence[str], number: int) -> bool:
    if word in ("struct", "enum", "union") and _by_shape(head):
        return False
    if head.endswith((":", ";", ")", "}")) or opens:
        return word not in ("object", "library", "extension", "record", "module") or "(" in head or len(head) < 120
    following = lines[number] if number < len(lines) else ""
    return not is_blank(following) and indent(following) > indent(lines[number - 1])


def _go_or_ts_type(words: Sequence[str]) -> bool:
    return len(words) > 2 and (words[2].split("{")[0] in ("struct", "interface", "=") or "=" in words[2:4])


def _by_shape(head: str) -> Kind:
    """`int main(int argc) {` and `render() {`, but no `if (x) {`, `call(function () {`, `x = y() {`."""
    head = head.replace("operator()", "operator_call")
    opening = head.find("(")
    if opening <= 0:
        return ""
    before = head[:opening].rstrip()
    if before.endswith(">"):
        before = before[: before.find("<")].rstrip() if "<" in before else before
    match = _last_name().search(before)
    name = match.group() if match else ""
    if not name or name.split("::")[-1] in _CONTROL or _first_control(before):
        return ""
    rest = before[: len(before) - len(name)]
    if any(char in rest for char in "=.;(\"'!?|") or rest.rstrip().endswith(("return", "->", "new", "+", "-", "/")):
        return ""
    end = closing(head, opening)
    if end < 0 or not _qualifiers().fullmatch(head[end + 1 :].strip()[:_LOOK]):
        return ""
    if rest.strip() or "::" in name:
        return "typed"
    return "macro" if name.isupper() or "each" in name.lower() else "weak"


def _first_control(before: str) -> bool:
    word = first_word(before)
    return word in _CONTROL and word not in ("new", "default", "in", "out", "is", "as", "declare", "var", "test", "it")


@cache
def _brackets() -> re.Pattern[str]:
    return re.compile(r"[()\[\]{]")


@cache
def _named_function() -> re.Pattern[str]:
    return re.compile(
        r"(?:function\*?|fun|func|fn|def\w*|sub|proc|macro_rules!|subroutine)\s*"
        r"(?:<[^>]{1,80}>\s*|\([^)]{1,80}\)\s*|&\s*|\*\s*)?"
        r"(?:\s|(?<=[>)&*]))(?:`[^`]{1,80}`|[\w$.:!?+\-*/%<>=~^\[\]|@]{1,120}?)\s*(?:[(<{=\[:!]|$|do\b|[a-z_]\w*(?:,|$))"
    )


@cache
def _assigned_function() -> re.Pattern[str]:
    return re.compile(
        r"(?:(?:export|default|const|let|var|static|readonly|public|private|protected|async)\s+){0,4}"
        r"[\w$.\"'\[\]#]{1,120}\s*(?::[^=]{1,200})?(?:=|:)\s*(?:async\b\s*)?"
        r"(?:function\b|\(|[\w$]{1,80}\s*=>|<)"
    )


@cache
def _last_name() -> re.Pattern[str]:
    return re.compile(r"(?:[\w$#]+(?:<[^<>]{0,80}>)?::)*~?(?:operator\s*[^\s\w(]{1,3}|[\w$#]+)$")


@cache
def _qualifiers() -> re.Pattern[str]:
    # a return type, `const noexcept`, `throws X`, a constructor's initialisers, `where T : new()`: words and
    # punctuation
    return re.compile(
        r"(?:[:\-]>?.{0,300}|(?:const|noexcept|override|final|throws|where|async|mutable|volatile|&|&&)\b.{0,300}|[A-Z_]{2,40})?"
    )
