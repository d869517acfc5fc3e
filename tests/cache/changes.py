"""The kinds of one change, each of which makes another question; and what changes nothing.

Each kind needs something of a case (`tests.cache.one_change.draw`) and gives the changed case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from optafly_cli.cache.types import Hit
from tests.cache.one_change import LABELS, TWIN, Case, Named, World, draw, function, is_exact, name, politely

Change = Callable[[Case, Random], Case]
FIRST, SECOND = LABELS[0], LABELS[1]


def other_character(text: str, rng: Random) -> str:
    """The text with one character replaced; never a line end."""
    at = rng.choice([place for place, sign in enumerate(text) if sign != "\n"])
    sign = rng.choice([sign for sign in "abcxyz0189 _#" if sign != text[at]])
    return text[:at] + sign + text[at + 1 :]


def _functions(case: Case, label: str, functions: tuple[str, ...]) -> Case:
    return replace(case, files={**case.files, label: functions})


def _edited_unit(case: Case, rng: Random) -> Case:
    first, *rest = case.files[FIRST]
    return _functions(case, FIRST, (other_character(first, rng), *rest))


def _edited_file(case: Case, rng: Random) -> Case:
    functions = list(case.files[FIRST])
    at = rng.randrange(len(functions))
    functions[at] = other_character(functions[at], rng)
    return _functions(case, FIRST, tuple(functions))


def _bytes(old: bytes, new: bytes) -> Change:
    def change(case: Case, _rng: Random) -> Case:
        return replace(case, raw={FIRST: case.content(FIRST).replace(old, new, 1)})

    return change


def _first_named(**values: Any) -> Change:
    return lambda case, _rng: replace(case, named=(replace(case.named[0], **values), *case.named[1:]))


def _another_line(case: Case, rng: Random) -> Case:
    named = case.named[0]
    line = rng.choice([line for line in range(6) if line != named.first])
    return _first_named(first=line)(case, rng)


def _more_lines(case: Case, rng: Random) -> Case:
    named = case.named[0]
    return _first_named(count=named.count + 1 if named.first + named.count < 6 else named.count + 2)(case, rng)


def _without(label: str) -> Change:
    return lambda case, _rng: replace(case, files={key: text for key, text in case.files.items() if key != label})


def _edited(label: str) -> Change:
    return lambda case, rng: _functions(
        case, label, (other_character(case.files[label][0], rng), *case.files[label][1:])
    )


def _text(field_name: str) -> Change:
    """One character of a text of the case."""

    def change(case: Case, rng: Random) -> Case:
        values: dict[str, Any] = {field_name: other_character(getattr(case, field_name), rng)}
        return replace(case, **values)

    return change


def _to(**values: Any) -> Change:
    return lambda case, _rng: replace(case, **values)


def _pasted(edit: Callable[[str, Random], str]) -> Change:
    return lambda case, rng: replace(case, pasted=(edit(case.pasted[0], rng), *case.pasted[1:]))


def _hunk(**edits: Callable[[Any, Random], Any]) -> Change:
    def change(case: Case, rng: Random) -> Case:
        first, *rest = case.diff or ()
        values = {key: edit(getattr(first, key), rng) for key, edit in edits.items()}
        return replace(case, diff=(replace(first, **values), *rest))

    return change


def _parameter(key: str, edit: Callable[[Any], Any]) -> Change:
    return lambda case, _rng: replace(case, parameters={**case.parameters, key: edit(case.parameters.get(key))})


def _tool(case: Case, rng: Random) -> Case:
    """One value deep in one tool."""
    first, *rest = case.tools
    properties = first["input_schema"]["properties"]
    limit = {**properties["limit"], "default": properties["limit"]["default"] + rng.randint(1, 9)}
    schema = {**first["input_schema"], "properties": {**properties, "limit": limit}}
    return replace(case, tools=[{**first, "input_schema": schema}, *rest])


def _turn(key: str) -> Change:
    def change(case: Case, rng: Random) -> Case:
        first, *rest = case.turns
        value = "assistant" if key == "role" else other_character(first[key], rng)
        return replace(case, turns=[{**first, key: value}, *rest])

    return change


def _version(key: str) -> Change:
    return lambda case, _rng: replace(case, versions={**case.versions, key: case.versions[key] + "1"})


def _auto(**values: Any) -> Change:
    return lambda case, _rng: replace(case, auto=case.auto and replace(case.auto, **values))


CHANGES: Mapping[str, tuple[frozenset[str], Change]] = {
    kind: (frozenset(needs.split()), change)
    for kind, needs, change in (
        ("named file: one character", "whole", _edited_file),
        ("named file: line ends", "whole", _bytes(b"\n", b"\r\n")),
        ("named file: no line end at its end", "whole", lambda c, _: replace(c, raw={FIRST: c.content(FIRST)[:-1]})),
        ("named file: a byte that is no UTF-8", "whole", _bytes(b"return", b"retur\xff")),
        ("named file: another with the same text", "whole", _first_named(label=TWIN)),
        ("named file: a range of it instead", "whole", _first_named(unit=0)),
        ("named range: one character of its unit", "range", _edited_unit),
        ("named range: another unit", "range", _first_named(unit=1)),
        (
            "named range: a copy of the unit",
            "range copy",
            lambda c, r: _first_named(unit=len(c.files[FIRST]) - 1)(c, r),
        ),
        ("named range: another line of the unit", "range line", _another_line),
        ("named range: more lines of the unit", "range", _more_lines),
        ("named range: the same in another file", "range", _first_named(label=TWIN)),
        ("named range: the whole file instead", "range", _first_named(unit=None)),
        ("another file as well", "named", lambda c, _: replace(c, named=(*c.named, Named("lib/gamma.py")))),
        ("one file fewer", "two", lambda c, _: replace(c, named=c.named[:1])),
        ("files in another order", "two", lambda c, _: replace(c, named=c.named[::-1])),
        ("a file that was read: edited", "read", _edited("lib/gamma.py")),
        ("a file that was read: gone", "read", _without("lib/gamma.py")),
        ("a file that was missing: there", "read", lambda c, r: _functions(c, "notes/absent.md", (function(r),))),
        ("what is selected", "auto", _auto(state="other", selection="other")),
        ("unnamed files may be sent", "auto left_out", _auto(may_send=True)),
        ("piped: one character", "piped", _text("piped")),
        ("piped: nothing", "piped", _to(piped=None)),
        ("diff: one character", "diff", _hunk(text=other_character)),
        ("diff: staged or not", "diff", _hunk(staged=lambda value, _: not value)),
        ("diff: other lines", "diff", _hunk(start_line=lambda value, _: value + 1)),
        ("diff: another file", "diff", _hunk(label=lambda _, rng: f"{name(rng)}.py")),
        ("diff: none", "diff", _to(diff=None)),
        ("pasted code: one character", "pasted", _pasted(other_character)),
        ("pasted code: indentation", "pasted", _pasted(lambda text, _: text.replace("    ", "     ", 1))),
        ("pasted code: one block more", "pasted", lambda c, r: replace(c, pasted=(*c.pasted, function(r)))),
        ("pasted code: none", "pasted", _to(pasted=())),
        ("system: one character", "system", _text("system")),
        ("system: none", "system", _to(system=None)),
        ("model", "", lambda c, _: replace(c, model=c.model + "-5")),
        ("parameter: value", "", _parameter("max_tokens", lambda value: value + 1)),
        ("parameter: type", "", _parameter("max_tokens", str)),
        ("parameter: true to 1", "", _parameter("rewrite", int)),
        ("parameter: nested", "", _parameter("top", lambda value: {**value, "k": value["k"] + 1})),
        ("parameter: one more", "", _parameter("temperature", lambda _: None)),
        ("parameter: list", "", _parameter("stop", lambda value: [*value, ""])),
        ("tools: one parameter", "tools", _tool),
        ("tools: order", "tools", lambda c, _: replace(c, tools=c.tools[::-1])),
        ("tools: none", "tools", _to(tools=None)),
        ("turns: one character", "turns", _turn("content")),
        ("turns: role", "turns", _turn("role")),
        ("turns: one fewer", "turns", lambda c, _: replace(c, turns=c.turns[:-1])),
        ("turns: none", "turns", _to(turns=None)),
        ("namespace", "", _to(namespace="user:2")),
        ("version of the refiner", "", _version("refiner")),
        ("version of the template", "", _version("template")),
        ("version of the embedder", "", _version("embedder")),
        ("workspace", "", _to(project="two/app")),
        ("project's manifests", "", _to(markers=("Cargo.toml", "package.json"))),
    )
}


def unchanged(case: Case, rng: Random) -> Case:
    """The same question: JSON keys in another order, other white space outside code, code elsewhere edited."""
    gap = rng.choice(("  ", "\n", " \t "))
    words = f"\n\n{case.words.replace(' ', gap, rng.randint(1, 3))}  \n"
    same = replace(
        case,
        words=words,
        parameters=_reversed(case.parameters),
        tools=_reversed(case.tools),
        turns=_reversed(case.turns),
        versions=_reversed(case.versions),
        auto=case.auto and replace(case.auto, state=rng.choice((case.auto.state, "other"))),
    )
    free = {named.label for named in case.named if named.unit is not None}
    free -= {named.label for named in case.named if named.unit is None} | set(case.read)
    for label in sorted(free):
        same = _edited_elsewhere(same, label, rng)
    return same


def _edited_elsewhere(case: Case, label: str, rng: Random) -> Case:
    """A function more at the top, and one character of one that was not named; a copy of the named one stays."""
    asked = {named.unit for named in case.named if named.label == label}
    functions = list(case.files[label])
    copies = {functions[unit] for unit in asked if unit is not None}
    if others := [at for at, text in enumerate(functions) if text not in copies]:
        at = rng.choice(others)
        # a definition must stay one: what is no unit any more may belong to its neighbour
        head, _, body = functions[at].partition("\n")
        functions[at] = f"{head}\n{body[:-1]}{rng.choice('abc')}"
    moved = tuple(
        replace(named, unit=named.unit + 1) if named.label == label and named.unit is not None else named
        for named in case.named
    )
    return replace(_functions(case, label, (function(rng), *functions)), named=moved)


def _reversed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _reversed(value[key]) for key in reversed(list(value))}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


@dataclass
class Outcome:
    """What the trials gave. `violations` name kind and seed; `controls` are hits on unchanged, in other words."""

    trials: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    exact: int = 0
    controls: int = 0

    @property
    def total(self) -> int:
        """How many trials there were."""
        return sum(self.trials.values())


def run_trials(folder: Path, seeds: range) -> Outcome:
    """One trial for each seed, kinds in turn, in one store."""
    outcome = Outcome()
    world = World(folder)
    try:
        for seed in seeds:
            _trial(world, seed, outcome)
    finally:
        world.close()
    return outcome


def _trial(world: World, seed: int, outcome: Outcome) -> None:
    kind = list(CHANGES)[seed % len(CHANGES)]
    needed, change = CHANGES[kind]
    rng = Random(seed)
    case = draw(rng, needed)
    world.show(case)
    entry = world.remember(case)
    outcome.trials[kind] = outcome.trials.get(kind, 0) + 1
    changed = change(case, rng)
    world.show(changed)
    for asked in (changed, politely(changed, rng)):
        if isinstance(found := world.ask(asked), Hit):
            outcome.violations.append(f"{kind}: a {found.tier} hit on {asked.words!r} (seed {seed})")
    same = unchanged(case, rng)
    world.show(same)
    world.touch(same, 1_700_000_000 + seed)
    if is_exact(found := world.ask(same), entry):
        outcome.exact += 1
    else:
        outcome.violations.append(f"unchanged, and no exact hit: {found} (seed {seed}, {kind})")
    outcome.controls += isinstance(world.ask(politely(replace(same, words=case.words), rng)), Hit)
