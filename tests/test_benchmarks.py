"""What the benchmarks report is what happened: the parts of them that count, label and judge."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.deciding import Decision, decide, through_the_store
from benchmarks.embedding import Embedded
from benchmarks.histories import Edit, edits, functions
from benchmarks.labelled import Pair, load, sampled, with_near_repeats
from benchmarks.prompt_bank import BANK, CLOSE
from benchmarks.refine import auc, ece, with_interval
from benchmarks.semantic_cache import recall_at
from benchmarks.sessions import replay
from optafly_cli.cache.embedder import Embedder
from tests.cli.conftest import git

ONE = "def one(given):\n    # counts\n    value = given + 1\n    return value\n"
TWO = "def two(given):\n    # doubles\n    value = given * 2\n    return value\n"


def test_a_file_with_halves_is_two_sets(tmp_path: Path) -> None:
    """Each half is a row of its own; so are the near repeats; a graded score is a label only at its ends."""
    rows = [
        {"a": "x", "b": "y", "same_answer": True, "half": "tune", "category": "near_repeat"},
        {"a": "x", "b": "z", "same_answer": False, "half": "report"},
        {"a": "x", "b": "w", "score": 4.5, "half": "report"},
        {"a": "x", "b": "v", "score": 4.2, "half": "report"},
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sets = list(with_near_repeats(load(path)))
    assert [(one.name, len(one.pairs), one.should_hit) for one in sets] == [
        ("own (report)", 2, 1),
        ("own (tune)", 1, 1),
        ("own (tune): near_repeat", 1, 1),
    ]


def test_a_row_without_a_label_is_refused(tmp_path: Path) -> None:
    """The message names the file and the line."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"a": "x", "b": "y"}\n')
    with pytest.raises(SystemExit, match=r"bad\.jsonl:1"):
        load(path)


def test_the_sample_is_fixed() -> None:
    """The same seed gives the same pairs; a small set is taken whole."""
    pairs = [Pair(str(number), "b", same=True) for number in range(100)]
    assert sampled(pairs, 10, 0) == sampled(pairs, 10, 0) != sampled(pairs, 10, 1)
    assert sampled(pairs, 200, 0) == list(range(100))


def test_recall_at_a_precision() -> None:
    """One threshold for all; pairs of one score come together; what is refused (0) is never served."""
    pairs = [Pair("a", "b", same) for same in (True, True, False, True, False, True)]
    scores = (0.99, 0.9, 0.8, 0.7, 0.7, 0.0)
    decisions = [Decision(score > 0, score) for score in scores]
    assert recall_at(0.95, pairs, decisions) == 2 / 4
    assert recall_at(0.60, pairs, decisions) == 3 / 4
    assert recall_at(0.75, pairs, decisions) == 2 / 4
    assert recall_at(0.95, pairs[:2], decisions[:2]) is None


def test_the_benchmark_decides_as_the_store_does(tmp_path: Path) -> None:
    """`decide` and a real look-up agree where they serve and where they refuse."""
    asked = [
        "please fix this bug",
        "fix this  bug",
        "do not fix this bug",
        "fix this bug today",
        "fix that\n```\nx\n```",
    ]
    pairs = [Pair("fix this bug", text, same=True) for text in asked]
    pairs.append(Pair("fix this bug", "fix this bug", same=True, turns_a=["x"], turns_b=["y"]))
    same = Embedder("same@test", 8, lambda texts: np.full((len(texts), 8), 8**-0.5, dtype=np.float32))
    vectors = Embedded(["fix this bug", "do not fix this bug", "fix this bug today", "fix that"], same, tmp_path)
    served, _ = through_the_store(pairs, vectors)
    assert served == [True, True, False, False, False, False]
    assert [decide(pair.a, pair.b, 1.0).served for pair in pairs[:5]] == served[:5]


def test_an_edit_is_found_in_a_history(tmp_path: Path) -> None:
    """Before and after of a function, its neighbour, and a version in which only something else differs."""
    for version in (f"{ONE}\n", f"{ONE}\n\n{TWO}", f"{ONE.replace('1', '3')}\n\n{TWO}"):
        (tmp_path / "code.py").write_text(version)
        if not (tmp_path / ".git").exists():
            git(tmp_path, "init", "-q")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", "Change")
    found = list(edits(tmp_path, 5, 0))
    assert [(edit.function, edit.neighbour, edit.elsewhere_is_real) for edit in found] == [("one", "two", True)]
    assert functions(found[0].elsewhere)["one"].text == functions(found[0].before)["one"].text
    assert found[0].after == f"{ONE.replace('1', '3')}\n\n{TWO}"


def test_a_session_is_replayed(tmp_path: Path) -> None:
    """The same words hit on the same code, wherever it has moved to; nothing hits on other code or another function."""
    test_an_edit_is_found_in_a_history(tmp_path)
    found: list[Edit] = list(edits(tmp_path, 1, 0))
    asks = {ask.step: ask for ask in replay(tmp_path, found, 0, {})}
    assert {ask.verdict for ask in asks.values()} == {"useful", "miss"}
    for step in ("reverted, same words", "edited elsewhere, same words"):
        assert (asks[step].verdict, asks[step].tier) == ("useful", "exact")
    for step in ("first", "edited, other words", "its neighbour", "a close question"):
        assert asks[step].verdict == "miss"


def test_the_bank_has_words_for_every_step() -> None:
    """A question has three rewordings, none twice; the close question of each is another one."""
    words = [text for several in BANK.values() for text in several]
    assert len(set(words)) == len(words)
    assert all(len(several) >= 4 for several in BANK.values())
    assert CLOSE.keys() == BANK.keys() == set(CLOSE.values())


def test_the_area_counts_pairs_and_the_calibration_error_what_came() -> None:
    """Ties count half; chances that say what comes are off by nothing; the measure lies within its interval."""
    assert auc([(0.9, True), (0.1, False)]) == 1.0
    assert auc([(0.5, True), (0.5, False), (0.4, False)]) == 0.75
    assert np.isnan(auc([(0.5, True)]))
    assert ece([(0.75, True), (0.75, True), (0.75, True), (0.75, False)]) == 0.0
    assert ece([(0.95, False)]) == pytest.approx(0.95)
    rows = [(str(at), (at / 9, at > 4)) for at in range(10)]
    shown = with_interval(rows, lambda sample: auc([pair for _, pair in sample]), 2)
    assert shown.startswith("1.00 [") and shown.endswith("1.00]")
