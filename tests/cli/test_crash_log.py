"""What is written down of a fault of ours holds no secret."""

from pathlib import Path

import pytest

from optafly_cli.cli import crash_log

TOKEN = "ghp_" + "a8Kd03JfLq72MzPw" + "X5Rt9VbN1cYh6GsE4uQo"


def test_a_traceback_is_written_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of exceptions quote what they stumbled over."""
    monkeypatch.setenv("OPTAFLY_HOME", str(tmp_path))
    monkeypatch.setenv("SOME_PASSWORD", "kQ8!vT1xWz")
    written = crash_log.write(["ask", TOKEN], ValueError(f"cannot read {TOKEN} with kQ8!vT1xWz"))
    assert written is not None
    text = Path(written).read_text()
    assert "ValueError: cannot read [redacted: GitHub token] with [redacted: value from the environment]" in text
    assert TOKEN not in text
