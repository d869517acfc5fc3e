"""Whether a prompt's examples show what its words say: what explains them, and what they say at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from optafly_cli.refine.examples.chains import explained
from optafly_cli.refine.examples.reading import Example

MOST = 8
"""So many examples are looked at."""
LONGEST_WORDS = 3_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the examples and the words go together, each 0 to 1.

    `explained`: the largest share of the examples that one chain of named operations explains; `simple`: 1 by the
    number of its steps, for a long chain explains what is wrong as well. `echoes`: how much of the results only repeats
    their arguments. `shown`: how much the results show, those that say the same counted once. `overfull`: the share
    that makes something of nothing.
    """

    explained: float = 0.0
    simple: float = 0.0
    echoes: float = 0.0
    shown: float = 0.0
    overfull: float = 0.0


def agreement(text: str, examples: Sequence[Example]) -> Agreement:
    """How the examples of a text go together with the rest of it."""
    words = _words(text, examples)
    examples = [one for one in examples if one.is_whole][:MOST]
    if not examples:
        return Agreement()
    share, simple = explained(words, examples)
    count = len(examples)
    return Agreement(
        share,
        simple,
        sum(_echoes(one) for one in examples) / count,
        sum(_shown(result) for result in {repr(one.result) for one in examples}) / count,
        sum(_overfull(one) for one in examples) / count,
    )


def _shown(result: str) -> float:
    """More, the longer a result is; 0.5 for seven characters. A truth value shows as much as the other."""
    return 0.4 if result in ("True", "False") else len(result) / (len(result) + 7)


def _words(text: str, examples: Sequence[Example]) -> str:
    """The text without its examples."""
    parts, position = [], 0
    for one in examples:
        parts.append(text[position : one.start])
        position = one.end
    return " ".join([*parts, text[position:]])[:LONGEST_WORDS]


def _echoes(example: Example) -> float:
    """How much of a result stands in the arguments already; a truth value repeats nothing."""
    if isinstance(example.result, bool):
        return 0.0
    given = {repr(one) for one in _leaves(example.arguments)}
    result = [repr(one) for one in _leaves(example.result)]
    return sum(one in given for one in result) / len(result) if result else 0.0


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set)):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _overfull(example: Example) -> bool:
    empty = any(isinstance(one, (list, str, dict)) and not one for one in example.arguments)
    return empty and isinstance(example.result, (list, str, dict)) and bool(example.result)
