"""The shape of a project: a headline and an outline."""

from pathlib import Path

import pytest

from optafly_cli.workspace.ignore import listed_files
from optafly_cli.workspace.project import headline, summarise
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import Workspace
from tests.workspace.support import commit, write


def test_the_headline_names_language_and_manifest(workspace: Workspace) -> None:
    """One line: the name, what the manifests speak of, the manifests."""
    assert headline(workspace) == "unwrap: Rust, Cargo.toml"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["pyproject.toml", "package.json"], "Python"),
        (["App.csproj"], "C#, App.csproj"),
        (["go.mod"], "Go, go.mod"),
    ],
)
def test_other_manifests(tmp_path: Path, names: list[str], said: str) -> None:
    """Each is recognised by name or ending."""
    write(tmp_path / "app", dict.fromkeys(names, ""))
    found = headline(find_workspace(tmp_path / "app"))
    assert found.startswith("app: ")
    assert said in found


def test_a_folder_without_manifests_has_its_name(tmp_path: Path) -> None:
    """Nothing is made up, and a hostile name cannot break out of its line."""
    (tmp_path / "x\x1b[2J\ny").mkdir()
    found = headline(find_workspace(tmp_path / "x\x1b[2J\ny"))
    assert found.isprintable()
    assert found.startswith("x\\x1b[2J\\ny")


def test_headline_and_summary_stand_still_while_files_are_edited(repo: Path, workspace: Workspace) -> None:
    """They are part of what Anthropic's prompt cache keeps: contents, commits and times do not show in them."""
    before = summarise(workspace, listed_files(workspace))
    write(repo, {"src/main.rs": "fn main() { changed(); }\n", "Cargo.toml": "[package]\nname = 'other'\n"})
    commit(repo)
    assert summarise(workspace, listed_files(workspace)) == before
    assert headline(workspace) == before.headline


def test_the_outline_shows_folders_and_main_files(repo: Path, workspace: Workspace) -> None:
    """What is ignored or denied is not in it."""
    write(repo, {".gitignore": "out/\n", "out/x.rs": "", ".env": "K=1", "tests/a.rs": "", "src/deep/b.rs": ""})
    summary = summarise(workspace, listed_files(workspace))
    for name in ("src", "main.rs", "tests", "a.rs", "b.rs", "Cargo.toml"):
        assert name in summary.outline
    for name in ("out", ".env"):
        assert name not in summary.outline


def test_the_outline_is_short_and_always_the_same(tmp_path: Path) -> None:
    """About 40 lines for any tree, hostile names included."""
    write(tmp_path / "app", {f"d{a}/e{b}/f{c}.py": "" for a in range(20) for b in range(5) for c in range(3)})
    write(tmp_path / "app", {"d1/\x1b[31m\nred.py": ""})
    workspace = find_workspace(tmp_path / "app")
    outline = summarise(workspace, listed_files(workspace)).outline
    assert len(outline.split("\n")) <= 40
    assert "\x1b" not in outline
    assert outline == summarise(workspace, listed_files(workspace)).outline
    assert all(len(line) < 300 for line in outline.split("\n"))


def test_folders_with_code_come_before_what_is_around_them(tmp_path: Path) -> None:
    """The outline is cut at its end, in a small budget to its first lines: there the code has to stand."""
    around = {f"{folder}/{name}": "" for folder in (".github", "assets", "docs") for name in ("a.yml", "b.md", "c.svg")}
    write(tmp_path / "app", around | {f"src/app/m{number}.py": "" for number in range(9)} | {"examples/one.py": ""})
    workspace = find_workspace(tmp_path / "app")
    outline = summarise(workspace, listed_files(workspace)).outline
    assert [line.split(":")[0] for line in outline.split("\n")] == [
        "src/app/",
        "examples/",
        "assets/",
        "docs/",
        ".github/",
    ]


def test_more_files_than_fit_change_no_order(tmp_path: Path) -> None:
    """A level with hundreds of folders keeps those with most code."""
    write(
        tmp_path / "app", {f"d{number:03}/x.md": "" for number in range(200)} | {"zz/lib.rs": "", "zz/a/b/deep.rs": ""}
    )
    workspace = find_workspace(tmp_path / "app")
    lines = summarise(workspace, listed_files(workspace)).outline.split("\n")
    assert lines[0] == "zz/: lib.rs"
    assert lines[-1] == "… and deeper folders"


def test_an_empty_folder_has_an_empty_outline(tmp_path: Path) -> None:
    """Nothing to list is not an error, nor is a folder that is gone."""
    (tmp_path / "empty").mkdir()
    workspace = find_workspace(tmp_path / "empty")
    assert summarise(workspace, listed_files(workspace)).outline == ""
    (tmp_path / "empty").rmdir()
    assert headline(workspace).startswith("empty")
