"""The scope is an exact key: anything that the user fixed and changed is another partition; nothing else is."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.cache.digest import Value, digest_of
from optafly_cli.cache.scope import canonical, exact_key, partition_of
from optafly_cli.cache.types import Question, Scope
from tests.cache.support import Project

BASE = Scope(
    "/w", "demo: Rust", "user:1", "m", (("a.rs", ""),), "p", "d", "c", "s", "{}", "[]", "[]", (("refiner", "1"),)
)
TEXT = st.text(max_size=4)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
SCOPES = st.builds(
    Scope,
    **{item.name: PAIRS if item.name in {"named", "versions"} else TEXT for item in fields(Scope)},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
NESTED: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8
)


def _reversed(value: object) -> object:
    """The same JSON value with every object's members in the opposite order."""
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


@given(SCOPES, SCOPES)
def test_partitions_are_equal_only_for_equal_scopes(one: Scope, other: Scope) -> None:
    """Two scopes share a partition exactly when all of their fields are equal."""
    assert (partition_of(one) == partition_of(other)) == (one == other)


@given(st.data())
def test_one_changed_field_is_another_partition(data: st.DataObject) -> None:
    """Changing any single field of a scope, by however little, changes its partition and its exact key."""
    name = data.draw(st.sampled_from([item.name for item in fields(Scope)]))
    old: object = getattr(BASE, name)
    new: Any = data.draw((PAIRS if isinstance(old, tuple) else TEXT).filter(lambda value: value != old))
    changed = replace(BASE, **{name: new})
    assert partition_of(changed) != partition_of(BASE)
    assert exact_key(partition_of(changed), "x") != exact_key(partition_of(BASE), "x")


@given(NESTED, NESTED)
def test_digests_do_not_run_together(one: Value, other: Value) -> None:
    """No two different nested values have the same digest, wherever their parts are cut."""
    assert (digest_of("k", one) == digest_of("k", other)) == (one == other and repr(one) == repr(other))


def test_text_cannot_move_between_fields() -> None:
    """What one field ends with is not what the next begins with; a kind of digest is not another kind."""
    assert partition_of(replace(BASE, piped="ab", diff="c")) != partition_of(replace(BASE, piped="a", diff="bc"))
    assert partition_of(replace(BASE, named=(("ab", ""),))) != partition_of(replace(BASE, named=(("a", "b"),)))
    assert digest_of("one", "x") != digest_of("other", "x")


@given(JSON)
def test_canonical_json_ignores_the_order_of_keys(value: object) -> None:
    """Parameters that differ only in the order of their keys are the same."""
    assert canonical(_reversed(value)) == canonical(value)


def test_canonical_json_keeps_what_differs() -> None:
    """Values, types and the order of lists count; 1 and 1.0 are the same number."""
    assert canonical({"a": 1.0}) == canonical({"a": 1})
    assert len({canonical({"a": value}) for value in (1, True, "1", None, [1], 1.5, {"1": 1})}) == 7
    assert canonical({"stop": ["a", "b"]}) != canonical({"stop": ["b", "a"]})


def test_what_is_not_json_is_refused() -> None:
    """A parameter that JSON cannot hold is a fault of the caller, not a key."""
    with pytest.raises(TypeError):
        canonical({"a": object()})
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"a": float("nan")})


CHANGES: dict[str, Callable[[Project], Question]] = {
    "file": lambda project: project.ask("fix this bug", "src/lib.rs"),
    "another file as well": lambda project: project.ask("fix this bug", "src/main.rs:5", "src/lib.rs"),
    "whole file": lambda project: project.ask("fix this bug", "src/main.rs"),
    "another function": lambda project: project.ask("fix this bug", "src/main.rs:10"),
    "range in the function": lambda project: project.ask("fix this bug", "src/main.rs:4-5"),
    "piped": lambda project: project.ask("fix this bug", "src/main.rs:5", piped="text"),
    "model": lambda project: project.ask("fix this bug", "src/main.rs:5", model="claude-opus-5"),
    "system": lambda project: project.ask("fix this bug", "src/main.rs:5", system="Be brief."),
    "namespace": lambda project: project.ask("fix this bug", "src/main.rs:5", namespace="team"),
    "parameters": lambda project: project.ask("fix this bug", "src/main.rs:5", parameters={"max_tokens": 1001}),
    "tools": lambda project: project.ask("fix this bug", "src/main.rs:5", tools=[{"name": "read"}]),
    "turns": lambda project: project.ask("fix this bug", "src/main.rs:5", turns=[{"role": "user", "content": "hi"}]),
    "versions": lambda project: project.ask("fix this bug", "src/main.rs:5", versions={"refiner": "2"}),
    "pasted code": lambda project: project.ask("fix this bug\n```\nx\n```", "src/main.rs:5"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_named_is_scope(project: Project, change: str) -> None:
    """Naming something else, or asking under other conditions, is another partition."""
    before = project.ask("fix this bug", "src/main.rs:5")
    assert partition_of(CHANGES[change](project).scope) != partition_of(before.scope)


def test_moved_project_is_another_workspace(project: Project, tmp_path: Path) -> None:
    """The same files in another folder are another workspace."""
    before = project.ask("fix this bug", "src/main.rs:5")
    project.root = project.root.rename(tmp_path / "moved")
    assert project.ask("fix this bug", "src/main.rs:5").scope != before.scope


def test_words_are_no_scope(project: Project) -> None:
    """The instruction is not part of the scope, and a file named twice counts once; the order of files is."""
    one = project.ask("fix this bug", "src/lib.rs", "src/main.rs:5")
    other = project.ask("please explain", "src/lib.rs", "src/main.rs:5", "src/lib.rs")
    assert one.scope == other.scope
    assert project.ask("fix this bug", "src/main.rs:5", "src/lib.rs").scope != one.scope


def test_line_numbers_are_no_scope(project: Project) -> None:
    """A typed line counts by the function around it: lines added above change nothing in the scope."""
    before = project.ask("fix this bug", "src/main.rs:5")
    project.write("src/main.rs", "// added\n\n" + project.read("src/main.rs"))
    assert project.ask("fix this bug", "src/main.rs:7").scope == before.scope
    assert project.ask("fix this bug", "src/main.rs:6").scope == before.scope


def test_copies_of_a_function_are_told_apart(project: Project) -> None:
    """Two functions with the same text in one file are two scopes."""
    body = "    fn new() -> Self {\n        Self\n    }\n"
    project.write("src/twice.rs", f"impl A {{\n{body}}}\n\nimpl B {{\n{body}}}\n")
    assert project.ask("fix", "src/twice.rs:3").scope != project.ask("fix", "src/twice.rs:9").scope


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=4), st.integers() | TEXT, max_size=5), st.randoms(use_true_random=False))
def test_parameters_in_any_order_are_one_scope(project: Project, parameters: dict[str, object], rng: Random) -> None:
    """The order in which parameters and versions are given never matters."""
    names = list(parameters)
    rng.shuffle(names)
    mixed = {name: parameters[name] for name in names}
    assert project.ask("x", parameters=parameters).scope == project.ask("x", parameters=mixed).scope
