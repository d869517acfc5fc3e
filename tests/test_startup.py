"""What must not be imported on the quick paths; seconds are the benchmarks' business."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi

HEAVY = (
    "numpy",
    "faiss",
    "onnxruntime",
    "anthropic",
    "torch",
    "sentence_transformers",
    "tokenizers",
    "click",
    "uvicorn",
    "httpcore2",
)
SCRIPT = """
import sys
sys.argv[0] = "optafly"
from optafly_cli.__main__ import main
try:
    main()
finally:
    found = sorted({name.split(".")[0] for name in sys.modules} & set(%r))
    print("imported:", *found, file=sys.stderr)
"""


def imported(*arguments: str, cwd: Path, env: dict[str, str]) -> list[str]:
    """The heavy modules that a command imported."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT % (HEAVY,), *arguments],
        cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.stderr.rpartition("imported:")[2].split()


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An empty home."""
    import os

    own = {"HOME": str(tmp_path), "OPTAFLY_HOME": str(tmp_path / "optafly"), "OPTAFLY_SERVICE_AUTO_START": "false"}
    return {"PATH": os.environ["PATH"], **own}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("ask", "--help"),
        ("refine", "--help"),
        ("cache", "--help"),
        ("serve", "--help"),
        ("cache", "stats"),
        ("lint", "--rules"),
        ("lint", "--fix", "--format", "sarif", "."),
        ("lint", "--commit-msg", "a.prompt"),
    ],
    ids=" ".join,
)
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path, env: dict[str, str]) -> None:
    """None of the libraries that cost tenths of a second."""
    (tmp_path / "a.prompt").write_text("Explain `parse_prot` in src/mian.rs\n")
    assert imported(*arguments, cwd=tmp_path, env=env) == []


def test_an_exact_hit_imports_nothing_heavy(tmp_path: Path, env: dict[str, str]) -> None:
    """An answer from the exact tier needs the standard library and the command line only."""
    (tmp_path / "a.py").write_text("print(1)\n")
    with MessagesApi() as api:
        env |= {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": api.key}
        ask = ("ask", "explain this", "--file", "a.py")
        assert "anthropic" in imported(*ask, cwd=tmp_path, env=env)
        assert imported(*ask, cwd=tmp_path, env=env) == []
        assert imported(*ask, "--explain", cwd=tmp_path, env=env) == []
        assert len(api.messages) == 1
