"""The score: what it is near, and in which direction it may move."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.errors import OptaflyError
from optafly_cli.refine.analyse import analyse, subject_of
from optafly_cli.refine.attached import Attached
from optafly_cli.refine.data import rising, weights
from optafly_cli.refine.features import features
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.result import Finding, Score
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.rules import findings
from optafly_cli.refine.score import calibrated, score, value_of
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.types import NamedContext, Workspace

Named = Callable[..., NamedContext]
HERE = Workspace(Path(__file__).parent, "tests", "folder", has_git=False)
ISSUE = """total() fails for an order without items

Steps to reproduce:
1. Start the shop 2.3.1 on Python 3.11
2. Call `total([{}])`

Expected: 0
Actual:

Traceback (most recent call last):
  File "app/orders.py", line 6, in total
    return sum(item["price"] for item in items)
KeyError: 'price'
"""


def value(prompt: str, workspace: Workspace, named: NamedContext | None = None) -> float:
    return analyse(prompt, named or NamedContext(), workspace).score.value


def test_a_bare_complaint_scores_low(workspace: Workspace) -> None:
    """ "fix this bug" and its like, with nothing to go with them, score between 0.1 and 0.3."""
    for prompt in ("fix this bug", "explain this function", "make it faster", "it does not work"):
        assert 0.1 <= value(prompt, workspace) <= 0.3, prompt


def test_a_named_line_with_its_code_scores_high(workspace: Workspace, named: Named) -> None:
    """The same words with file, line and code reach the default threshold."""
    assert value("fix this bug", workspace, named("src/main.rs:5")) >= 0.7


def test_a_full_issue_scores_high(workspace: Workspace) -> None:
    """Steps, expected and actual, an error and a version reach the default threshold without anything named."""
    assert value(ISSUE, workspace) >= 0.7


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Fix the panic in src/main.rs:5", "Fix the panic in src/gone.rs:5"),
        ("Fix the panic in src/main.rs:5", "Fix the panic in src/main.rs:500"),
        ("Fix total(): it raises KeyError for {} but should return 0", "Fix total()"),
        ("Return the smallest price of the orders", "Return the min or max price of the orders"),
        ("Write a function that trims a text", "Write a function that converts a text to another form"),
        ("Write a function that gives the average, 0 if empty", "Write a function that gives the average of the list"),
        ("Sort the orders by price", "Sort the orders in a certain order"),
        ("Use a set for the ids in total()", "Maybe use somehow a set for the ids in total()"),
        ("Explain `parse_port` in src/main.rs", "Explain this"),
    ],
)
def test_the_better_of_two_prompts_scores_higher(better: str, worse: str, workspace: Workspace) -> None:
    """What is grounded, specific and settled beats what is not."""
    assert value(better, workspace) > value(worse, workspace)


PROMPTS = st.lists(
    st.sampled_from(
        ["fix this bug ", "maybe ", "src/gone.rs:3 ", "`name` ", "it should return 0 ", "but it returns 1 ",
         "\n", "```\nx = 1\n```\n",
         "KeyError: 'a' ", "min or max ", "faster ", "for example 3 ", "TODO: "]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(prompt=PROMPTS)
def test_an_error_finding_never_raises_the_score(prompt: str) -> None:
    """Adding one more error-level finding lowers the score of every prompt, and every value is between 0 and 1."""
    subject = subject_of(PromptText(prompt), NamedContext(), WorkspaceFiles(HERE))
    before = findings(subject)
    error = Finding("OPF010", "error", "gone.rs is not in the workspace.", 1, 1, 1, 2)
    one, more = score(subject, before), score(subject, (*before, error))
    assert more.value <= one.value
    for each in (one, more):
        assert 0 <= each.value <= 1
        assert set(each.dimensions) == {"intent", "evidence", "precision", "grounding"}
        assert all(0 <= dimension <= 1 for dimension in each.dimensions.values())


@settings(max_examples=60, deadline=None)
@given(prompt=PROMPTS, attached=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()))
def test_what_is_attached_never_lowers_the_score(prompt: str, attached: tuple[bool, bool, bool, bool]) -> None:
    """Code, a place, an error and expectations can only help."""
    bare = subject_of(PromptText(prompt), NamedContext(), WorkspaceFiles(HERE))
    full = replace(bare, attached=Attached(*attached))
    assert score(full, findings(full)).value >= score(bare, findings(bare)).value


@given(
    values=st.fixed_dictionaries({name: st.floats(0, 1) for name in weights().weights}),
    name=st.sampled_from(sorted(weights().weights)),
    other=st.floats(0, 1),
)
def test_every_feature_moves_the_score_one_way(values: dict[str, float], name: str, other: float) -> None:
    """A feature that helps never lowers the score when it rises, one that hurts never raises it."""
    low, high = sorted((values[name], other))
    step = value_of({**values, name: high}) - value_of({**values, name: low})
    assert step * (1 if weights().weights[name] >= 0 else -1) >= 0


def test_features_and_weights_have_the_same_names(workspace: Workspace) -> None:
    """Every feature has a weight and belongs to one dimension; contributions are listed, largest first."""
    subject = subject_of(PromptText(ISSUE), NamedContext(), WorkspaceFiles(workspace))
    values = features(subject, findings(subject))
    table = weights()
    assert set(values) == set(table.weights)
    assert sorted(name for members in table.dimensions.values() for name in members) == sorted(values)
    assert all(0 <= one <= 1 for one in values.values())
    listed = score(subject, findings(subject)).contributions
    sizes = [abs(one.amount) for one in listed]
    assert sizes == sorted(sizes, reverse=True)
    assert {one.feature: one.value for one in listed}.items() <= dict(values).items()
    assert len(values) <= 25


def test_an_empty_prompt_scores_nothing(workspace: Workspace) -> None:
    """There is nothing to act on in an empty prompt."""
    assert value("", workspace) == value(" \n", workspace) == 0


def test_what_was_not_seen_is_said(workspace: Workspace, tmp_path: Path, project: Path) -> None:
    """An empty folder, a workspace without an index, another script, a file that nothing parses."""
    empty = tmp_path / "empty"
    empty.mkdir()
    nothing = analyse("Fix total()", NamedContext(), Workspace(empty, "empty", "folder", has_git=False)).score
    assert nothing.coverage == ("no workspace",)
    assert analyse("Fix total()", NamedContext(), workspace).score.coverage == ("workspace not searched",)
    (project / "app.kt").write_text("fun main() {}\n")
    named = analyse("Исправь ошибку в app.kt", NamedContext(), workspace).score
    assert named.coverage == ("workspace not searched", "no parser for kotlin", "not in English")


def test_grounding_is_the_chance_that_the_index_gives(workspace: Workspace, project: Path) -> None:
    """A prompt that names what the workspace has is better grounded than one that speaks of something else."""
    retriever = Retriever(Keeper(workspace, project.parent / "indexes"))
    files = WorkspaceFiles(workspace, retriever)

    def seen(prompt: str) -> Score:
        return analyse(prompt, NamedContext(), workspace, files=files).score

    named, foreign = (
        seen("`discount` in app/orders.py ignores percent"),
        seen("`Kafka` drops the offsets of a consumer"),
    )
    assert named.coverage == foreign.coverage == ()
    assert named.dimensions["grounding"] > foreign.dimensions["grounding"]
    assert seen("What is a monad?").coverage == ("names nothing of the workspace",)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=PROMPTS, attached=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()))
def test_what_is_attached_never_lowers_the_score_where_the_index_is_searched(
    workspace: Workspace, project: Path, prompt: str, attached: tuple[bool, bool, bool, bool]
) -> None:
    """However sure the search was, code that is there is surer."""
    retriever = Retriever(Keeper(workspace, project.parent / "indexes"))
    bare = subject_of(PromptText(prompt), NamedContext(), WorkspaceFiles(workspace, retriever))
    full = replace(bare, attached=Attached(*attached))
    assert score(full, findings(full)).value >= score(bare, findings(bare)).value


def test_what_each_rule_does_is_shown(workspace: Workspace) -> None:
    """A finding's rule stands with the feature that counts it, and costs points; without a search none is spoken of."""
    listed = {
        one.feature: one
        for one in analyse("Fix min or max in src/gone.rs", NamedContext(), workspace).score.contributions
    }
    assert (listed["open_points"].rules, listed["unresolved"].rules) == (("OPF009",), ("OPF010",))
    assert listed["open_points"].points < 0 and listed["unresolved"].points < 0
    assert "found" not in listed


@pytest.mark.parametrize(
    ("knots", "values"), [([0.0, 0.0], [0.1, 0.2]), ([0.0, 1.0], [0.2, 0.2]), ([0.0], [0.1]), ([0.0, 1.0], [0.1])]
)
def test_a_table_that_does_not_rise_is_refused(knots: list[float], values: list[float]) -> None:
    """Else a better prompt could score lower."""
    with pytest.raises(OptaflyError, match="must rise"):
        rising("calibration", knots, values)


def test_the_score_goes_on_rising_beyond_its_table() -> None:
    """Far below and far above everything that was seen it stays within 0 and 1, and no two sums score the same."""
    table = weights().calibration
    sums = [table.knots[0] + step for step in range(-40, 60)]
    values = [calibrated(table, one) for one in sums]
    assert values == sorted(set(values))
    assert values[0] > 0 and values[-1] < 1
