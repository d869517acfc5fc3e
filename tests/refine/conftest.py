"""A small real project, and a count of tokens that needs no tokenizer: words."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from optafly_cli.workspace.named import gather
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import NamedContext, Workspace

MAIN_RS = """\
use std::env;

/// Reads the port.
fn parse_port(value: Option<String>) -> u16 {
    let text = value.unwrap();
    text.parse().unwrap()
}

fn main() {
    let port = parse_port(env::var("PORT").ok());
    println!("listening on {port}");
}
"""

ORDERS_PY = '''\
"""Orders."""


def total(items):
    """The price of all items."""
    return sum(item["price"] for item in items)


def discount(order, percent):
    """The total less some percent."""
    amount = total(order["items"])
    return amount - amount * percent / 100
'''

Named = Callable[..., NamedContext]


def words(text: str, language: str = "") -> int:
    """A token count that is additive, so that sums can be checked exactly."""
    return len(text.split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a Rust and a Python file, committed, a file of secrets, and one that git ignores."""
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "app").mkdir()
    (root / "Cargo.toml").write_text('[package]\nname = "shop"\n')
    (root / "src" / "main.rs").write_text(MAIN_RS)
    (root / "app" / "orders.py").write_text(ORDERS_PY)
    (root / "app" / "settings.py").write_text(
        'KEY = "AKIAQ3EGUZ4X7NJW2B5T"\nREGION = "eu-west-1"\n\n\ndef load():\n    return KEY\n'
    )
    (root / "app" / "people.py").write_text(
        "def describe(person):\n    return person\n\n\ndef load(path):\n    return path\n"
    )
    (root / "app" / "places.py").write_text("def describe(place):\n    return place\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_places.py").write_text("def describe(place):\n    return place\n")
    (root / ".gitignore").write_text("build/\n")
    (root / "build").mkdir()
    (root / "build" / "out.py").write_text("generated = True\n")
    (root / ".env").write_text("TOKEN=secret\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Begin"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def workspace(project: Path) -> Workspace:
    """The project as a workspace."""
    return find_workspace(project)


@pytest.fixture
def named(project: Path, workspace: Workspace) -> Named:
    """`named("src/main.rs:5", piped=…)` gives the named context."""

    def make(*files: str, **others: str | bool | None) -> NamedContext:
        return gather(workspace, project, files=files, **others)  # type: ignore[arg-type]

    return make
