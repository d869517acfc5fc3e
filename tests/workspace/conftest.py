"""A small repository for the tests that only need some repository."""

from pathlib import Path

import pytest

from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import Workspace
from tests.workspace.support import repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit: src/main.rs (5 lines), notes.md and Cargo.toml."""
    return repository(
        tmp_path / "unwrap",
        {
            "Cargo.toml": '[package]\nname = "unwrap"\n',
            "notes.md": "# Notes\n\nSome text.\n",
            "src/main.rs": "fn main() {\n    let x = 1;\n}\n\nfn other() {}\n",
        },
    )


@pytest.fixture
def workspace(repo: Path) -> Workspace:
    """The workspace of `repo`."""
    return find_workspace(repo)
