"""Definitions, imports and comments of a source file: by tree-sitter where there is a grammar, else line by line."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from optafly_cli.workspace.blocks import block_end
from optafly_cli.workspace.definitions import kind_of, may_define_function
from optafly_cli.workspace.headers import body, indent, is_blank
from optafly_cli.workspace.index.facts import FileFacts, Outline, Symbol, SymbolKind, facts_of
from optafly_cli.workspace.index.grammars import grammar

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_LINES = 30_000
_MOST_DOCS = 200_000
_PLAIN = frozenset((
    "", "markdown", "rst", "asciidoc", "latex", "json", "yaml", "toml", "ini", "xml", "html", "css", "scss", "sass",
    "less", "diff", "sql", "hcl", "cmake", "makefile", "dockerfile",
))  # fmt: skip
"""Languages whose files have no functions that are worth finding."""
_WRAPPERS = ("decorated_definition", "export_statement", "template_declaration", "lexical_declaration", "declaration")
_SIGNATURES = {
    "function_signature": ("function_declaration", "generator_function_declaration"),
    "method_signature": ("method_definition",),
}
"""What TypeScript has a signature alone in, and what it has the function in."""
_DEFINITIONS: tuple[SymbolKind, ...] = ("function", "type", "constant", "container")


def read_facts(text: str, language: str, label: str) -> FileFacts:
    """The facts of a file's text, LF line ends. Only the name's ending of `label` matters (.tsx)."""
    if label.endswith((".tsx", ".jsx")):
        language = "tsx" if language == "typescript" else language
    return facts_of(text, _outline(text, language))


def _outline(text: str, language: str) -> Outline:
    if language in _PLAIN or text.count("\n") > _MOST_LINES:
        return Outline((), "", ())
    parsed = grammar(language)
    if parsed is None:
        return _by_lines(text)
    from tree_sitter import QueryCursor

    data = text.encode("utf-8", "surrogatepass")
    root = parsed.parser.parse(data).root_node
    lines = text.split("\n")
    symbols: list[Symbol] = []
    docs: list[str] = []
    imports: list[str] = []
    prose: set[int] = set()
    import_lines: set[int] = set()
    repeated: set[int] = set()
    for _, captures in QueryCursor(parsed.query).matches(root):
        kind = next((kind for kind in _DEFINITIONS if kind in captures), None)
        node = captures[kind or "overload"][0] if kind or "overload" in captures else None
        if node is not None and "name" in captures:
            overloads = _is_overload(node)
            if kind or overloads:
                symbols += _symbols(kind or "function", node, captures["name"], lines)
            if overloads:
                repeated.update(range(symbols[-1].start, symbols[-1].end + 1))
        for node in captures.get("import", ()):
            imports.append(_text(node))
            import_lines.update(_rows(node))
        for node in captures.get("doc", ()):
            docs.append(_text(node))
            # A comment that stands behind code does not make its line one of prose
            begins = lines[node.start_point.row].encode("utf-8", "surrogatepass")[: node.start_point.column]
            prose.update(row for row in _rows(node) if row > node.start_point.row + 1 or not begins.strip())
    return Outline(
        _with_parents(symbols),
        "\n".join(docs)[:_MOST_DOCS],
        tuple(dict.fromkeys(imports)),
        frozenset(prose),
        frozenset(import_lines),
        frozenset(repeated),
    )


def _rows(node: "Node") -> range:
    """The lines that a node stands on, from 1."""
    return range(node.start_point.row + 1, node.end_point.row + 1 + (node.end_point.column > 0))


def _is_overload(node: "Node") -> bool:
    """Whether it is an overload: a signature without a body, of a function that follows."""
    outer = node.parent
    if node.type in _SIGNATURES:
        return _is_followed_by_body(node)
    return (
        outer is not None
        and outer.type == "decorated_definition"
        and any(
            one.type == "decorator" and re.fullmatch(r"@(?:\w+\.)?overload", _text(one).strip()) is not None
            for one in outer.children
        )
    )


def _is_followed_by_body(signature: "Node") -> bool:
    """Whether a function of TypeScript with its name stands below it, with nothing between but more signatures."""
    outer = signature.parent
    exported = outer is not None and outer.type == "export_statement"
    following = outer.next_named_sibling if outer is not None and exported else signature.next_named_sibling
    while following is not None:
        inner = following
        if exported and following.type == "export_statement":
            inner = following.child_by_field_name("declaration") or following
        if inner.type in (signature.type, *_SIGNATURES[signature.type]):
            if _titled(inner) != _titled(signature):
                return False
            if inner.type != signature.type:
                return True
        elif inner.type != "comment":
            return False
        following = following.next_named_sibling
    return False


def _titled(node: "Node") -> tuple[str, bool]:
    """The name of a function, and whether it is static."""
    name = node.child_by_field_name("name")
    return ("" if name is None else _text(name)), any(child.type == "static" for child in node.children)


def _symbols(kind: SymbolKind, node: "Node", names: Iterable["Node"], lines: Sequence[str]) -> Iterator[Symbol]:
    outer = node
    while outer.parent is not None and outer.parent.type in _WRAPPERS:
        outer = outer.parent
    start = outer.start_point.row + 1
    if kind != "constant":
        start = _with_lead(lines, start)
    end = outer.end_point.row + (outer.end_point.column > 0)
    for name in names:
        yield Symbol(kind, _name(_text(name)), "", start, max(end, start), name.start_point.row + 1)


def _with_lead(lines: Sequence[str], start: int) -> int:
    """The first line of the comments and attributes that stand directly above line `start`."""
    while start > 1:
        line = lines[start - 2].lstrip()
        if not line.startswith(("//", "/*", "*", "#[", "@", "# ", "#:")):
            break
        start -= 1
    return start


def _name(text: str) -> str:
    """The last part of a name: `Foo<T>` is Foo, `std::Foo` too."""
    plain = text.split("<", maxsplit=1)[0].strip().strip("\"'")
    return re.split(r"::|\.", plain)[-1][:200] or plain[:200]


def _with_parents(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """In order of their lines, each with the name of the innermost type or container around it."""
    found: list[Symbol] = []
    around: list[Symbol] = []
    seen: set[tuple[str, int]] = set()
    for symbol in sorted(symbols, key=lambda one: (one.start, -one.end, one.kind == "constant")):
        if (symbol.name, symbol.header) in seen:
            continue
        seen.add((symbol.name, symbol.header))
        while around and around[-1].end < symbol.end:
            around.pop()
        parent = around[-1].name if around else ""
        found.append(Symbol(symbol.kind, symbol.name, parent, symbol.start, symbol.end, symbol.header))
        if symbol.kind in ("type", "container"):
            around.append(symbol)
    return tuple(found)


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _by_lines(text: str) -> Outline:
    """Definitions by keywords and shape, for languages without a grammar."""
    lines = text.split("\n")
    symbols: list[Symbol] = []
    open_until: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if is_blank(line) or indent(line) > 12 or not _may_define(body(line)):
            continue
        kind = kind_of(lines, number)
        if not kind:
            continue
        match = _defined().search(body(line))
        if match is None:
            continue
        while open_until and open_until[-1][0] < number:
            open_until.pop()
        end = block_end(lines, number)
        name = next(group for group in match.groups() if group)
        parent = open_until[-1][1] if open_until else ""
        found: SymbolKind = "type" if kind == "type" else "function"
        symbols.append(Symbol(found, name, parent, _with_lead(lines, number), end, number))
        if found == "type":
            open_until.append((end, name))
    imports = tuple(dict.fromkeys(match[1] for match in _imported().finditer(text)))
    return Outline(_with_parents(symbols), "", imports)


def _may_define(text: str) -> bool:
    return may_define_function(text) or _type_word().search(text) is not None


@cache
def _type_word() -> re.Pattern[str]:
    return re.compile(r"\b(?:class|struct|enum|interface|trait|module|protocol|object|contract|defmodule)\b")


@cache
def _defined() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:class|struct|enum|interface|trait|module|protocol|object|extension|contract|defmodule|actor|"
        r"def|defp|defmacro|fn|func|fun|function|sub|proc)\s+([A-Za-z_$][\w$.]*)|([A-Za-z_$][\w$]*)\s*(?:<[^>]*>)?\s*[(=:]"
    )


@cache
def _imported() -> re.Pattern[str]:
    return re.compile(
        r"^[ \t]*(?:import|use|using|require|include|from|source|\.)\b[ \t(\"'<]{0,4}([\w./\\:@-]{2,200})", re.M
    )
