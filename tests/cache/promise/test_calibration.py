"""The shipped labels: read once, checked, and refused in one sentence when they are not what was shipped."""

import json
from pathlib import Path

import pytest

from optafly_cli.cache.promise.calibration import Calibration, CalibrationUnreadableError, shipped
from optafly_cli.cache.promise.certificate import Label


def test_what_ships_can_be_read() -> None:
    """The file in the package is sound, and read once."""
    assert isinstance(shipped(), Calibration)
    assert shipped() is shipped()


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Verifier, thresholds and labels, in their order."""
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"verifier": "v@1", "grid": [0.9, 0.5], "labels": [[0.7, 1], [1, 0]]}))
    assert shipped(path) == Calibration("v@1", (0.9, 0.5), (Label(0.7, True), Label(1.0, False)))


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null",
        '{"verifier": "", "grid": [], "labels": []}',
        '{"verifier": 7, "grid": [], "labels": []}',
        '{"verifier": "v", "grid": [0.5, 0.9], "labels": []}',
        '{"verifier": "v", "grid": [0.5, 0.5], "labels": []}',
        '{"verifier": "v", "grid": [1.5], "labels": []}',
        '{"verifier": "v", "grid": [], "labels": [[0.5]]}',
        '{"verifier": "v", "grid": [], "labels": [[0.5, 2]]}',
        '{"verifier": "v", "grid": [], "labels": [["0.5", 1]]}',
        '{"verifier": "v", "grid": [], "labels": [[NaN, 1]]}',
        '{"verifier": "v", "grid": [], "labels": [[true, 1]]}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever is wrong with it, the message names the file."""
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(CalibrationUnreadableError, match=r"calibration\.json"):
        shipped(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """An installation without it is told from a damaged one."""
    with pytest.raises(CalibrationUnreadableError, match="not installed"):
        shipped(tmp_path / "calibration.json")
