"""What the benchmarks report is what happened: the parts of them that count, label and judge."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.deciding import Decision, decide, through_the_store
from benchmarks.embedding import Embedded
from benchmarks.growth import Grown, Sizes, Slope
from benchmarks.histories import Edit, edits, functions
from benchmarks.labelled import Pair, load, sampled, with_near_repeats
from benchmarks.planted import KINDS, Planted
from benchmarks.prompt_bank import BANK, CLOSE
from benchmarks.redaction import Case, cases, false_redactions, leaks
from benchmarks.refine import auc, ece, with_interval
from benchmarks.route_logs import Recipe, make, missing, recipes
from benchmarks.route_optimiser import Found, prompts
from benchmarks.route_tokens import middle
from benchmarks.semantic_cache import recall_at
from benchmarks.sessions import replay
from benchmarks.soak_line import Got, WrongAnswerError
from benchmarks.soak_part import Part
from benchmarks.soak_proxy import check
from optafly_cli.cache.embedder import Embedder
from optafly_cli.route.optimiser.engine import Passage
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


def test_a_slope_is_that_of_the_points() -> None:
    """Per 10,000 requests, with the error of what lies beside the line; none of two points, or of one place."""
    straight = Slope.through([(0, 5.0), (1_000, 6.0), (2_000, 7.0)])
    assert straight is not None
    assert [straight.value, straight.error] == pytest.approx([10.0, 0.0])
    # By hand: residuals -1/3, 2/3, -1/3; sqrt((2/3) / 1 / 2e6) * 1e4
    bent = Slope.through([(0, 0.0), (1_000, 1.0), (2_000, 0.0)])
    assert bent is not None
    assert [bent.value, bent.error] == pytest.approx([0.0, 5.7735], abs=1e-4)
    assert Slope.through([(0, 1.0), (1, 2.0)]) is None
    assert Slope.through([(5, 1.0)] * 4) is None


def test_the_soak_sees_what_is_wrong() -> None:
    """Another question's answer, a cut one, a miss, a hit with a bill, an error; a thread more, memory that grows."""

    def got(text: str, cache: str, tokens: int = 0, status: int = 200) -> Got:
        usage = {"input_tokens": tokens, "output_tokens": 0}
        body = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}
        return Got(status, {"x-optafly-cache": cache}, json.dumps(body).encode())

    check(got("You asked: a", "hit; tier=exact"), "hit; tier=exact", "a")
    for wrong in (
        got("You asked: b", "hit; tier=exact"),
        got("You asked: ", "hit; tier=exact"),
        got("You asked: a", "miss; reason=empty"),
        got("You asked: a", "hit; tier=exact", tokens=3),
        got("You asked: a", "hit; tier=exact", status=500),
    ):
        with pytest.raises(WrongAnswerError):
            check(wrong, "hit; tier=exact", "a")
    part = Part("x", requests=20_000)
    before, after = Sizes(1, 1, 1, threads=5, descriptors=9), Sizes(1, 1, 1, threads=6, descriptors=8)
    part.judge([Grown("p", before, after, 6, 9, 99, Slope(2_048, 100), None, None)])
    assert part.faults == ["p: 6 threads at rest, 5 before", "p: grows by 2.0 MB each 10,000 requests"]
    assert not part.is_good


@pytest.mark.slow
def test_a_short_soak() -> None:
    """Two thousand requests to the proxy, eighty commands: every answer right, nothing left over."""
    soak = Path(__file__).parents[1] / "benchmarks" / "soak.py"
    command = [sys.executable, str(soak), "--requests", "2000", "--commands", "80"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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


def test_a_leak_and_a_false_redaction_are_counted(tmp_path: Path) -> None:
    """A part that is still there is one leak, whatever else went; a file counts once, its lines each."""
    token = "ghp_" + "a8Kd03JfLq72MzPw" + "X5Rt9VbN1cYh6GsE4uQo"
    made = [
        Case(f"a\n{token}\nb", 2, Planted("x", token, (token,))),
        Case("a\nplain", 2, Planted("y", "plain", ("plain",))),
    ]
    assert leaks(made) == {"x": 0, "y": 1}
    (tmp_path / "a.txt").write_text(f"one\n{token}\n{token}\n")
    (tmp_path / "b.txt").write_text("two\n")
    files, lines, total, shown = false_redactions([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert (files, lines, total, len(shown)) == (1, 2, 6, 1)


def test_what_is_planted_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    """Each kind as often as the others, in its line of a real file."""
    (tmp_path / "a.py").write_text("one\ntwo\nthree\n")
    made = list(cases(random.Random(1), [tmp_path / "a.py"], 2 * len(KINDS)))
    assert Counter(case.planted.kind for case in made) == dict.fromkeys(KINDS, 2)
    for case in made:
        assert "\n".join(case.text.split("\n")[case.first - 1 :]).startswith(case.planted.lines)


def test_a_log_is_what_its_commands_print(tmp_path: Path) -> None:
    """Both streams, in a folder of its own whose name is not in it; what is lacking is said."""
    log = make(Recipe("own", "echo out; echo err >&2; pwd; exit 3"), tmp_path)
    assert log.splitlines() == ["out", "err", "/work/project"]
    assert missing(Recipe("none", "true", ("no-such-tool-here",)), tmp_path) == "no-such-tool-here"
    assert missing(Recipe("none", "true", (), "no+repository"), tmp_path) == "no+repository"
    assert len({recipe.name for recipe in recipes()}) == len(recipes()) >= 20


def test_the_optimiser_benchmark_counts_what_went() -> None:
    """Tokens before and after, and which versions there were."""
    found = Found("own")
    log = "\n".join(f"Collecting pkg{n}\n  Downloading pkg{n}-1.{n}.0-py3-none-any.whl (9 kB)" for n in range(9))
    why = found.add([Passage("output", "log", log + "\nERROR: disk full")], len)
    assert (found.texts, found.before) == (1, len(log) + 17)
    assert 0 < found.after < found.before
    assert (found.errors_lost, found.fences_lost, found.versions_lost) == (0, 0, 0)
    assert [*why] == ["steps that went well"]


def test_prompts_are_those_that_were_typed(tmp_path: Path) -> None:
    """Lines behind four signs that follow each other are one prompt; a repeated one counts once."""
    (tmp_path / "route").mkdir()
    chat = "> told\n#### fix it  \n#### now\n\nanswer\n\n#### fix it  \n#### now\n#### \n\n#### other  \n"
    (tmp_path / "route" / "aider_chat_history.md").write_text(chat)
    assert prompts(tmp_path) == ["fix it\nnow", "fix it\nnow\n", "other"]


def test_the_middle_of_a_text_begins_with_a_line() -> None:
    """A short text is taken whole."""
    assert middle("a\nb\nc\n", 100) == "a\nb\nc\n"
    assert middle("".join(f"line {n}\n" for n in range(100)), 30).startswith("line ")
