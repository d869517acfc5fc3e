"""Names by the index and by the text: the same answers, and the index never guesses."""

import shutil
from pathlib import Path

import pytest

import optafly_cli
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.index.names import IndexSymbols, unindexed
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.symbols import Definition, Known, TextSymbols
from optafly_cli.workspace.types import Workspace
from tests.workspace.support import repository

OURS = Path(optafly_cli.__file__).parent
DEFINED = (
    "WorkspaceFiles", "refine", "choose", "add_found", "IndexView", "MOST_CHANGED", "Keeper", "look_up", "_touch",
    "Symbols", "redact", "open_git", "Definition", "main", "CATALOGUE", "TextSymbols", "units_of_text", "__init__",
)  # fmt: skip
USED = ("argv", "posix_spawn", "memoryview", "cached_property", "startswith", "fsync")
NOWHERE = ("WorkspaceFolders", "refine_all_of_it", "chose_pieces", "IndexVeiw", "zyzzyva", "MOST_CHANGES_EVER")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """This package as a repository of its own."""
    root = tmp_path_factory.mktemp("ours") / "ours"
    shutil.copytree(OURS, root / "optafly_cli", ignore=shutil.ignore_patterns("__pycache__", "data"))
    (root / "fix.prompt").write_text("Why does IndexVeiw fail?\n")
    return find_workspace(repository(root, {"README.md": "what it is\n"}))


def is_prompt(label: str) -> bool:
    return label.endswith(".prompt")


def index_of(workspace: Workspace, text: TextSymbols | None = None) -> IndexSymbols:
    view = Keeper(workspace, workspace.root.parent / "indexes").view()
    if view is None:
        Keeper(workspace, workspace.root.parent / "indexes").build()
        view = Keeper(workspace, workspace.root.parent / "indexes").view()
    assert view is not None
    return IndexSymbols(view, is_prompt, text)


def places(known: Known) -> list[tuple[str, int]]:
    return sorted((one.label, one.line) for one in known.definitions)


def test_index_and_text_find_the_same_definitions(workspace: Workspace) -> None:
    """In the same files, at the same lines; a field of a class is none."""
    names = [*DEFINED, *USED, *NOWHERE]
    by_text, by_index = TextSymbols(workspace, is_prompt).look_up(names), index_of(workspace).look_up(names)
    assert {name: places(by_index[name]) for name in names} == {name: places(by_text[name]) for name in names}


def test_the_index_says_only_what_the_text_says(workspace: Workspace) -> None:
    """What it leaves open is what is used and not defined, and what only prompts hold; the text settles both."""
    names = [*DEFINED, *USED, *NOWHERE]
    text = TextSymbols(workspace, is_prompt)
    by_text, alone = text.look_up(names), index_of(workspace).look_up(names)
    assert all(alone[name].occurs in (None, by_text[name].occurs) for name in names)
    assert {name for name in names if alone[name].occurs is None} == {*USED, "IndexVeiw"} - {"argv"}
    both = index_of(workspace, text).look_up(names)
    assert {name: both[name].occurs for name in names} == {name: by_text[name].occurs for name in names}


def test_only_a_search_through_the_text_is_exhaustive(workspace: Workspace) -> None:
    """The index leaves out what is generated, vendored or large."""
    assert not index_of(workspace).exhaustive
    assert index_of(workspace, TextSymbols(workspace)).exhaustive


@pytest.mark.parametrize("name", ["WorkspaceFolders", "IndexVeiw", "units_of_txt"])
def test_names_alike_are_those_of_the_text_that_are_defined(workspace: Workspace, name: str) -> None:
    """A guess at what was meant is a name that there is."""
    by_index, by_text = index_of(workspace).alike(name), TextSymbols(workspace).alike(name)
    assert by_index
    assert set(by_index) <= set(by_text)


def test_what_has_the_form_of_no_name_is_unknown(workspace: Workspace) -> None:
    """As for the text."""
    found = index_of(workspace).look_up(["-e", "a b", "self"])
    assert set(found.values()) == {Known()}
    assert index_of(workspace).alike("x; rm") == ()


def test_what_changed_since_is_seen(tmp_path: Path) -> None:
    """A definition that is new, one that has gone, one that has moved."""
    workspace = find_workspace(repository(tmp_path / "w", {"a.py": "def first_one():\n    pass\n"}))
    index_of(workspace)
    (workspace.root / "a.py").write_text("\n\ndef second_one():\n    pass\n")
    found = index_of(workspace).look_up(["first_one", "second_one"])
    assert found["second_one"] == Known((Definition("a.py", 3),), True)
    assert found["first_one"] == Known((), False)


def test_with_the_files_at_hand_the_text_decides_about_the_rest_alone(workspace: Workspace) -> None:
    """Of indexed files those are read that have a name's terms, of the others all are searched; nothing else is."""
    (workspace.root / "vendor").mkdir()
    (workspace.root / "vendor" / "made.py").write_text("def zyzzyva_vendored(): pass\n")
    names = [*DEFINED, *USED, *NOWHERE, "zyzzyva_vendored"]
    index_of(workspace)
    view = Keeper(workspace, workspace.root.parent / "indexes").view()
    assert view is not None
    rest = unindexed(workspace, view)
    assert rest is not None
    assert "vendor/made.py" in rest
    assert not set(rest) & {view.labels[file] for file in view.files}
    read: list[str] = []

    def text_of(label: str) -> str:
        read.append(label)
        return (workspace.root / label).read_text("utf-8")

    both = IndexSymbols(view, is_prompt, TextSymbols(workspace, is_prompt, 10.0, rest), text_of)
    by_text = TextSymbols(workspace, is_prompt, 10.0).look_up(names)
    assert {name: one.occurs for name, one in both.look_up(names).items()} == {
        name: one.occurs for name, one in by_text.items()
    }
    assert both.look_up(["zyzzyva_vendored"])["zyzzyva_vendored"].occurs
    assert len(read) < 20 < len(view.files)
    assert both.exhaustive


@pytest.mark.parametrize("name", ["$cartTotal", "cart$", "a$cartTotal"])
def test_a_name_with_a_dollar_is_found_by_what_is_around_it(tmp_path: Path, name: str) -> None:
    """To the index it is a mark between words."""
    workspace = find_workspace(repository(tmp_path / "w", {"a.php": f"<?php\necho {name};\n"}))
    assert index_of(workspace).look_up([name])[name].occurs is not False
