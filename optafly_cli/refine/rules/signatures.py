"""Python signatures in a prompt, and whether a value fits what they say. Only for `examples`."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 600
_SIMPLE: Mapping[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "bytes": (bytes,), "None": (type(None),),
    "list": (list,), "List": (list,), "dict": (dict,), "Dict": (dict,), "tuple": (tuple,), "Tuple": (tuple,),
    "set": (set,), "Set": (set,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and returns; types as written, "" where none is. `most` is None with `*args`."""

    parameters: tuple[str, ...]
    fewest: int
    most: int | None
    returns: str


def signatures(text: str) -> dict[str, Signature]:
    """The functions that the text defines, by name; of two with one name none, for either may be meant."""
    found: dict[str, Signature] = {}
    twice = set()
    for match in re.finditer(r"\bdef (\w+)\s*\(", text):
        known = _signature(text[match.start() : match.start() + LONGEST])
        if known is not None:
            if match[1] in found:
                twice.add(match[1])
            found[match[1]] = known
    return {name: known for name, known in found.items() if name not in twice}


def _signature(text: str) -> Signature | None:
    head = re.match(
        r"def \w+\s*\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\s*->\s*[\w\[\], .|]+?)?(?=\s*:|\s+(?:that|which|to)\b|[`\n]|$)",
        text,
    )
    if head is None:
        return None
    try:
        node = ast.parse(head.group() + ": pass").body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.FunctionDef):
        return None
    own = node.args
    # A method's examples are written without the object
    plain = [*own.posonlyargs, *own.args]
    plain = plain[1:] if plain and plain[0].arg in ("self", "cls") else plain
    open_ended = own.vararg is not None or own.kwarg is not None
    fewest = max(0, len(plain) - len(own.defaults)) + sum(1 for one in own.kw_defaults if one is None)
    return Signature(
        tuple(_written(one.annotation) for one in plain),
        fewest,
        None if open_ended else len(plain) + len(own.kwonlyargs),
        _written(node.returns),
    )


def _written(node: ast.expr | None) -> str:
    return ast.unparse(node) if node is not None else ""


def fits(value: Any, kind: str) -> bool:
    """Whether a literal can be of that type; a type that is not known takes everything."""
    outer, _, inner = kind.partition("[")
    outer = outer.rpartition(".")[2]
    types = _SIMPLE.get(outer)
    if types is None or "|" in kind:
        return True
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return False
    element = inner.removesuffix("]")
    if element in _SIMPLE and isinstance(value, list | set):
        return all(fits(one, element) for one in value)
    return True
