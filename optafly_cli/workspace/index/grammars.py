"""What tree-sitter is asked about each language: definitions with their names, imports, comments.

Captures: `function`, `type`, `constant` (a definition, its `name` inside), `container` (holds definitions, is none
that a prompt would name alone), `overload` (a signature, a definition only where it overloads one that follows),
`import` (its text is read by `imports`), `doc` (a comment or documentation).
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Query


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language's parser and its query."""

    parser: "Parser"
    query: "Query"


_SCRIPT = """
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(method_definition name: (_) @name) @function
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function
(assignment_expression left: (member_expression property: (property_identifier) @name)
  right: [(arrow_function) (function_expression)]) @function
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @constant)
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name))) @constant)
(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression function: (identifier) @_call arguments: (arguments (string) @import) (#eq? @_call "require"))
(comment) @doc
"""
_TYPED_SCRIPT = (
    _SCRIPT
    + """
(class_declaration name: (type_identifier) @name) @type
(abstract_class_declaration name: (type_identifier) @name) @type
(interface_declaration name: (type_identifier) @name) @type
(type_alias_declaration name: (type_identifier) @name) @type
(enum_declaration name: (identifier) @name) @type
(function_signature name: (identifier) @name) @function
(class_body (method_signature name: (_) @name) @overload)
"""
)
_C = """
(function_definition declarator: (function_declarator declarator: (_) @name)) @function
(function_definition declarator: (_ declarator: (function_declarator declarator: (_) @name))) @function
(struct_specifier name: (_) @name body: (_)) @type
(union_specifier name: (_) @name body: (_)) @type
(enum_specifier name: (_) @name body: (_)) @type
(type_definition declarator: (type_identifier) @name) @type
(preproc_def name: (identifier) @name) @constant
(preproc_function_def name: (identifier) @name) @constant
(preproc_include path: (_) @import)
(comment) @doc
"""
_QUERIES: dict[str, tuple[str, str, str]] = {
    "python": (
        "tree_sitter_python",
        "language",
        """
(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @type
(module (expression_statement (assignment left: (identifier) @name)) @constant)
(class_definition body: (block (expression_statement (assignment left: (identifier) @name)) @constant))
(import_statement) @import
(import_from_statement) @import
(comment) @doc
(expression_statement . (string) @doc .)
""",
    ),
    "rust": (
        "tree_sitter_rust",
        "language",
        """
(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @function
(macro_definition name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @type
(enum_item name: (type_identifier) @name) @type
(union_item name: (type_identifier) @name) @type
(trait_item name: (type_identifier) @name) @type
(type_item name: (type_identifier) @name) @type
(const_item name: (identifier) @name) @constant
(static_item name: (identifier) @name) @constant
(impl_item type: (_) @name) @container
(mod_item name: (identifier) @name body: (_)) @container
(mod_item name: (identifier) @import !body)
(use_declaration argument: (_) @import)
(line_comment) @doc
(block_comment) @doc
""",
    ),
    "typescript": ("tree_sitter_typescript", "language_typescript", _TYPED_SCRIPT),
    "tsx": ("tree_sitter_typescript", "language_tsx", _TYPED_SCRIPT),
    "javascript": (
        "tree_sitter_javascript",
        "language",
        _SCRIPT + "(class_declaration name: (identifier) @name) @type\n",
    ),
    "go": (
        "tree_sitter_go",
        "language",
        """
(function_declaration name: (identifier) @name) @function
(method_declaration name: (field_identifier) @name) @function
(type_declaration (type_spec name: (type_identifier) @name)) @type
(source_file (const_declaration (const_spec name: (identifier) @name) @constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @constant))
(import_spec path: (_) @import)
(comment) @doc
""",
    ),
    "java": (
        "tree_sitter_java",
        "language",
        """
(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
(class_declaration name: (identifier) @name) @type
(interface_declaration name: (identifier) @name) @type
(enum_declaration name: (identifier) @name) @type
(record_declaration name: (identifier) @name) @type
(annotation_type_declaration name: (identifier) @name) @type
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @constant
(import_declaration (scoped_identifier) @import)
(line_comment) @doc
(block_comment) @doc
""",
    ),
    "c": ("tree_sitter_c", "language", _C),
    "cpp": (
        "tree_sitter_cpp",
        "language",
        _C
        + """
(class_specifier name: (_) @name body: (_)) @type
(namespace_definition name: (_) @name) @container
""",
    ),
    "csharp": (
        "tree_sitter_c_sharp",
        "language",
        """
(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
(local_function_statement name: (identifier) @name) @function
(property_declaration name: (identifier) @name) @constant
(class_declaration name: (identifier) @name) @type
(struct_declaration name: (identifier) @name) @type
(interface_declaration name: (identifier) @name) @type
(enum_declaration name: (identifier) @name) @type
(record_declaration name: (identifier) @name) @type
(namespace_declaration name: (_) @name) @container
(using_directive (_) @import)
(comment) @doc
""",
    ),
    "ruby": (
        "tree_sitter_ruby",
        "language",
        """
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(class name: (_) @name) @type
(module name: (_) @name) @type
(program (assignment left: (constant) @name) @constant)
(call method: (identifier) @_call arguments: (argument_list (string) @import)
  (#match? @_call "^(require|require_relative|load)$"))
(comment) @doc
""",
    ),
    "php": (
        "tree_sitter_php",
        "language_php",
        """
(function_definition name: (name) @name) @function
(method_declaration name: (name) @name) @function
(class_declaration name: (name) @name) @type
(interface_declaration name: (name) @name) @type
(trait_declaration name: (name) @name) @type
(enum_declaration name: (name) @name) @type
(namespace_use_clause (_) @import)
(comment) @doc
""",
    ),
}


def is_parsed(language: str) -> bool:
    """Whether there is a grammar for a language as `workspace.languages` calls it."""
    return language in _QUERIES


@cache
def grammar(language: str) -> Grammar | None:
    """The grammar of a language as `workspace.languages` calls it; None where there is none, or it is not installed."""
    known = _QUERIES.get(language)
    if known is None:
        return None
    package, function, query = known
    try:
        from tree_sitter import Language, Parser, Query

        spoken = Language(getattr(import_module(package), function)())
        return Grammar(Parser(spoken), Query(spoken, query))
    except (ImportError, ValueError):
        return None
