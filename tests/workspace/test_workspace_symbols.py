"""Names of the workspace: where they are defined, whether they occur, and what is written nearly the same."""

import subprocess
from pathlib import Path

import pytest

from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.symbols import Definition, Known, TextSymbols
from optafly_cli.workspace.types import Workspace

FILES = {
    "a.py": "import b\n\nLIMIT = 3\n\n\ndef load(path):\n    total = LIMIT\n    return total\n\n\nclass Store:\n"
    "    async def load_all(self):\n        return load(1)\n",
    "b.rs": "pub(crate) fn load_all() {}\nimpl Store { }\nmacro_rules! shout { () => {} }\nconst MOST: u8 = 1;\n",
    "c.ts": "export default class Shop {}\nexport const open_shop = () => 1;\ninterface Till { x: number }\n",
    "d.go": "package d\n\nfunc (s *Store) Close() error {\n\treturn nil\n}\n\ntype Reader struct {\n}\n",
    "E.java": "class E {\n    private static int countAll(List<String> all) {\n        return countAll(all);\n    }\n}\n",  # noqa: E501
    "f.c": "#define MOST 3\nstatic int parse_port(const char *text)\n{\n}\nint x = parse_port(0);\n",
    "x.prompt": "Why does parse_prot fail?\n",
}


@pytest.fixture(params=["git", "folder"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    if request.param == "folder":
        return Workspace(tmp_path, "x", "folder", has_git=False)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "a.py"], cwd=tmp_path, check=True)
    return find_workspace(tmp_path)


def is_prompt(label: str) -> bool:
    return label.endswith(".prompt")


def test_definitions_are_found_in_many_languages(workspace: Workspace) -> None:
    """By keyword, by assignment at the margin, by type and body; with git and without, tracked or not."""
    expected = {
        "load": [("a.py", 6)],
        "LIMIT": [("a.py", 3)],
        "load_all": [("a.py", 12), ("b.rs", 1)],
        "Store": [("a.py", 11)],
        "shout": [("b.rs", 3)],
        "MOST": [("b.rs", 4), ("f.c", 1)],
        "Shop": [("c.ts", 1)],
        "open_shop": [("c.ts", 2)],
        "Till": [("c.ts", 3)],
        "Close": [("d.go", 3)],
        "Reader": [("d.go", 7)],
        "countAll": [("E.java", 2)],
        "total": [],
    }
    found = TextSymbols(workspace, is_prompt).look_up([*expected])
    shown = {name: sorted((one.label, one.line) for one in known.definitions) for name, known in found.items()}
    assert shown == expected
    assert all(known.occurs for known in found.values())


def test_a_name_that_only_a_prompt_has_does_not_occur(workspace: Workspace) -> None:
    """Nor does part of a word; what has the form of no name is not searched for."""
    found = TextSymbols(workspace, is_prompt).look_up(["parse_prot", "parse", "-e", "a b", "$x"])
    assert found["parse_prot"] == Known((), False)
    assert found["parse"] == Known((), False)
    assert found["-e"] == found["a b"] == Known()
    assert TextSymbols(workspace).look_up(["parse_prot"])["parse_prot"] == Known((), True)


def test_names_alike_begin_or_end_the_same(workspace: Workspace) -> None:
    """For a guess at what was meant, and never the name itself."""
    alike = TextSymbols(workspace, is_prompt).alike("parse_prot")
    assert "parse_port" in alike
    assert "parse_prot" not in alike
    assert "countAll" in TextSymbols(workspace, is_prompt).alike("cuontAll")
    assert TextSymbols(workspace).alike("x; rm") == ()


def test_a_name_is_looked_for_once(workspace: Workspace) -> None:
    """What was found stays, though the file has gone: one command sees one workspace."""
    symbols = TextSymbols(workspace)
    first = symbols.look_up(["load"])
    (workspace.root / "a.py").unlink()
    assert symbols.look_up(["load"]) == first == {"load": Known((Definition("a.py", 6),), True)}


def test_searching_runs_nothing_that_the_repository_configures(tmp_path: Path) -> None:
    """git grep with a text conversion, a pager and a monitor of the repository's own: none of them is run."""
    (tmp_path / "a.py").write_text("def load(): pass\n")
    (tmp_path / ".gitattributes").write_text("*.py diff=evil\n")
    mark = tmp_path / "run"
    for command in (
        ["init", "-q"],
        ["config", "diff.evil.textconv", f"touch {mark}; cat"],
        ["config", "core.pager", f"touch {mark}; cat"],
        ["config", "core.fsmonitor", f"touch {mark}"],
        ["config", "grep.patternType", "perl"],
        ["config", "grep.column", "true"],
        ["config", "color.grep", "always"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    found = TextSymbols(find_workspace(tmp_path)).look_up(["load"])
    assert found["load"].definitions == (Definition("a.py", 1),)
    assert not mark.exists()
