"""The file of retrieval's weights, as training/retrieval_files.py and training/retrieval_segments.py write it."""

import tomllib

import numpy as np

from training.retrieval import TARGET, raised, with_table

TEXT = TARGET.read_text("utf-8")


def test_the_table_of_one_fit_leaves_that_of_the_other() -> None:
    """Each is written by a run of its own."""
    before = tomllib.loads(TEXT)
    after = tomllib.loads(with_table(TEXT, "units", 'a "few" issues', -1.5, {"text": 0.25, "title": -2.0}))
    assert after["units"] == {"fitted_on": 'a "few" issues', "bias": -1.5, "weights": {"text": 0.25, "title": -2.0}}
    assert after["files"] == before["files"]


def test_what_is_written_again_is_the_same() -> None:
    """As the file is in the repository: nobody has edited it."""
    files = tomllib.loads(TEXT)["files"]
    assert with_table(TEXT, "files", files["fitted_on"], files["bias"], files["weights"]) == TEXT


def test_weights_below_their_floor_are_raised() -> None:
    """Others stay, also below 0."""
    assert list(raised({"frame": 1.5}, np.array([0.2, -3.0]), ("frame", "doc"))) == [1.5, -3.0]
