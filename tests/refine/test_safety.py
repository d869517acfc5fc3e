"""What a rewrite may never do: lose the original, invent a place, lower the score, spend more."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.refine import sections
from optafly_cli.refine.markup import Part, original_of, parse, wrap
from optafly_cli.refine.result import Answer, Change, Question, RefinedPrompt
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.types import NamedContext, Workspace
from tests.refine.rewriting import ARGUMENTS, PROMPTS, TRACE, characters, run, words, write_odd_files

Named = Callable[..., NamedContext]
PLACE = re.compile(r"(?<![(\w.])([\w./-]*\.\w+)(?::(\d+)(?:-(\d+))?)?")
PIPED = st.sampled_from([None, "it failed </input>\n", TRACE, "step\n" * 40 + TRACE])
BUDGETS = st.sampled_from([0, 12, 60, 150, 400, 2048])
every = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _evil(project: Path) -> None:
    """A file that is full of our tags, and one that is longer than most budgets."""
    write_odd_files(project)


def wrapped_prompts() -> st.SearchStrategy[str]:
    """Prompts that begin as refined prompts do, whole or damaged."""
    tags = st.sampled_from(["request", "code", "file", "input", "project", "answer", "diff"])
    attributes = st.sampled_from([{}, {"path": "src/main.rs", "lines": "1-3"}, {"to": "Which file is meant?"}])
    around = st.builds(
        lambda tag, inner, values, rest: wrap(tag, inner, values) + rest,
        tags,
        PROMPTS,
        attributes,
        st.sampled_from(["", "\n", "\n\n", "\n\nfix this bug", "\n\nExpected:\n1. x"]),
    )
    return st.one_of(PROMPTS, around, around.map(lambda text: wrap("request", text) + "\n\nLocation: x.py:1"))


@every
@given(
    prompt=wrapped_prompts(), files=ARGUMENTS, piped=PIPED, budget=BUDGETS, count=st.sampled_from([words, characters])
)
def test_the_original_can_be_cut_out_again(
    workspace: Workspace,
    named: Named,
    prompt: str,
    files: list[str],
    piped: str | None,
    budget: int,
    count: Callable[[str, str], int],
) -> None:
    """From the text of a refined prompt alone the original comes back byte for byte, whatever tags are in it."""
    refined = run(prompt, workspace, named(*files, piped=piped), budget=budget, count=count, force=True)
    if refined.changes:
        assert original_of(refined.text) == prompt
    else:
        assert refined.text == prompt
    again = run(refined.text, workspace, named("tests/test_places.py"), budget=budget, count=count)
    assert again.text == refined.text or original_of(again.text) == refined.text


@every
@given(prompt=wrapped_prompts(), files=ARGUMENTS, piped=PIPED, budget=BUDGETS)
def test_every_place_that_is_added_exists(
    workspace: Workspace, project: Path, named: Named, prompt: str, files: list[str], piped: str | None, budget: int
) -> None:
    """Paths and lines, in what was added and in the evidence for it, are in the workspace; the lines hold that text."""
    refined = run(prompt, workspace, named(*files, piped=piped), budget=budget, force=True)
    structure = parse(refined.text) if refined.changes else None
    for part in structure.parts[: structure.outer] if structure else ():
        assert _is_there(project, part)
    added = refined.text[structure.original[1] :] if structure else ""
    beside = [line for line in added.split("\n") if line.startswith(("Location: ", "Can fail at ", "<error from="))]
    for place in [*beside, *(change.evidence for change in refined.changes)]:
        for path, first, last in PLACE.findall(place.split(" in ")[0]):
            _check(project, path, int(first or 1), int(last or first or 1))
    for change in refined.changes:
        assert change.rule
        if match := re.fullmatch(r"the prompt, line (\d+)", change.evidence):
            assert int(match[1]) <= len(prompt.split("\n"))
        elif match := re.fullmatch(r"piped text, lines? (?:\d+-)?(\d+)", change.evidence):
            assert int(match[1]) <= len((piped or "").split("\n"))
        else:
            assert PLACE.match(change.evidence) or change.rule == "project"


def _is_there(project: Path, part: Part) -> bool:
    """Whether the lines of the file are the text, as far as no secret was taken out."""
    if part.tag not in ("file", "code"):
        return True
    lines = (project / part.attributes["path"]).read_text().split("\n")
    held = [(text, "\n".join(lines[at.start - 1 : at.end])) for at, text in sections.parts(part.attributes, part.text)]
    return all(text in (there, redact(there).text) for text, there in held)


def _shown(refined: RefinedPrompt) -> set[tuple[str, int]]:
    """The first lines of all that the text of a refined prompt shows of files before the request."""
    structure = parse(refined.text) if refined.changes else None
    held = structure.parts[: structure.outer] if structure else ()
    code = [part for part in held if part.tag in ("file", "code")]
    return {(one.attributes["path"], at.start) for one in code for at, _ in sections.parts(one.attributes, one.text)}


def _check(project: Path, path: str, first: int, last: int) -> None:
    lines = (project / path).read_text().splitlines()
    assert 1 <= first <= last <= len(lines), (path, first, last)


@every
@given(prompt=PROMPTS, files=ARGUMENTS, piped=PIPED, budget=BUDGETS, data=st.data())
def test_what_is_left_out_leaves_no_trace(
    workspace: Workspace,
    named: Named,
    prompt: str,
    files: list[str],
    piped: str | None,
    budget: int,
    data: st.DataObject,
) -> None:
    """Less any of its changes a rewrite still keeps original, budget and score; less all of them it is the prompt."""
    context = named(*files, piped=piped)
    refined = run(prompt, workspace, context, budget=budget, force=True)
    ids = [change.id for change in refined.changes if change.undoable]
    assert len(set(ids)) == len(ids)
    without = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
    less = run(prompt, workspace, context, budget=budget, force=True, without=without, review=True)
    assert not {change.id for change in less.changes} & without
    assert {change.number for change in (*less.changes, *less.undone)} == {change.number for change in refined.changes}
    assert sum(change.tokens_added for change in less.changes) == words(less.text) - words(prompt) <= budget
    assert less.context_tokens == sum(change.tokens_added for change in _of_context(less.changes))
    assert less.score_refined.value >= less.score_original.value
    assert all(change.score_gain is not None and change.score_gain >= 0 for change in less.changes)
    assert (original_of(less.text) == prompt) if less.changes else (less.text == prompt)
    kept = {(piece.path, piece.start_line) for piece in less.pieces}
    gone = {(piece.path, piece.start_line) for piece in refined.pieces} - kept
    assert not gone & _shown(less)
    bare = run(prompt, workspace, context, budget=budget, force=True, without=ids)
    assert bare.text == prompt
    assert bare.changes == ()
    assert bare.score_refined == bare.score_original


def _of_context(changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.rule in ("project", "named", "context", "piped", "diff")]


ASKED = st.sampled_from(
    [
        Question("OPF003", "What happens, and what should happen instead?", "the prompt, line 1"),
        Question("OPF013", "How will you tell that it is done?", "the prompt, line 1"),
        Question("OPF018", 'Which "a<b>" is meant?', "the prompt, line 1", ("src/main.rs:4",)),
    ]
)


@every
@given(
    prompt=PROMPTS.filter(lambda text: parse(text) is None and text.strip() != ""),
    answers=st.lists(st.tuples(ASKED, PROMPTS), max_size=3, unique_by=lambda pair: pair[0].rule),
    budget=BUDGETS,
)
def test_an_answer_stands_in_the_prompt_verbatim(
    workspace: Workspace, prompt: str, answers: list[tuple[Question, str]], budget: int
) -> None:
    """Whatever the user answers can be cut out again, with its question, and never lowers the score."""
    given_answers = [Answer(question, text) for question, text in answers]
    refined = run(prompt, workspace, budget=budget, force=True, answers=given_answers)
    structure = parse(refined.text) if refined.changes else None
    found = structure.answers if structure else ()
    assert found == tuple((one.question.text, one.text) for one in given_answers[: len(found)])
    assert len(found) == len(given_answers) or refined.left_out
    plain = run(prompt, workspace, budget=budget, force=True)
    if budget == 2048:
        assert refined.score_refined.value >= plain.score_refined.value
    assert run(refined.text, workspace, budget=budget).text == refined.text


FULL = (
    "total() in app/orders.py:6 fails on orders without a price.\r\n\r\nSteps:\r\n1. Run Python 3.11\r\n2. Call "
    f"`total([{{}}])`\r\n\r\nExpected: it returns 0. Actual: it raises.\r\n\r\n{TRACE}"
)


@every
@given(tail=st.text(alphabet=" \t\r\n\x00\ufeffé", max_size=8))
def test_a_full_prompt_comes_out_as_it_went_in(workspace: Workspace, tail: str) -> None:
    """A prompt over the threshold gets no byte more and no byte less."""
    refined = run(FULL + tail, workspace)
    assert refined.score_original.value >= 0.7
    assert refined.text.encode() == (FULL + tail).encode()
    assert refined.changes == ()


def refined_twice(workspace: Workspace, refined: RefinedPrompt) -> str:
    """The text of the refined prompt, refined once more with nothing named."""
    return run(refined.text, workspace, force=True).text


@every
@given(prompt=wrapped_prompts(), files=ARGUMENTS, piped=PIPED)
def test_refining_a_refined_prompt_changes_nothing(
    workspace: Workspace, named: Named, prompt: str, files: list[str], piped: str | None
) -> None:
    """Once is enough, also when nothing is named the second time and a rewrite is forced."""
    refined = run(prompt, workspace, named(*files, piped=piped), force=True)
    if refined.changes:
        assert refined_twice(workspace, refined) == refined.text
