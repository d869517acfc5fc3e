"""`refine` as a whole: golden examples, and what holds for every prompt."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.refine.analyse import analyse
from optafly_cli.refine.approval import approval_needed
from optafly_cli.refine.engine import edited
from optafly_cli.refine.markup import original_of
from optafly_cli.refine.result import Answer, Question
from optafly_cli.refine.stable import stable_share
from optafly_cli.workspace.types import NamedContext, Workspace
from tests.refine.rewriting import ARGUMENTS, PROMPTS, TRACE, characters, run, words, write_odd_files

Named = Callable[..., NamedContext]


UNWRAP = """\
<project>
shop: Rust, Cargo.toml
</project>

<code path="src/main.rs" lines="3-7" at="5">
/// Reads the port.
fn parse_port(value: Option<String>) -> u16 {
    let text = value.unwrap();
    text.parse().unwrap()
}
</code>

<request>
fix this bug
</request>

Location: src/main.rs:5, in fn parse_port

Can fail at src/main.rs:5 (.unwrap() panics on Err or None)

Expected:
1. The root cause, with the line it is in.
2. A fix, as the smallest change that removes the cause.
3. How to keep it from coming back (a test, a check or a type).

If the expected behaviour is not clear from the code, ask before changing it."""


def test_fix_this_bug_with_a_line_becomes_a_full_prompt(workspace: Workspace, named: Named) -> None:
    """Location, code, what can fail and what is expected stand in the refined prompt, and the score rises over 0.7."""
    refined = run("fix this bug", workspace, named("src/main.rs:5"))
    assert refined.text == UNWRAP
    assert refined.score_original.value < 0.3
    assert refined.score_refined.value >= 0.7
    assert [section.kind for section in refined.sections] == ["project_context", "code_block", "instruction"]
    assert [change.kind for change in refined.changes] == [
        "added_context",
        "added_code_snippet",
        "added_structure",
        "added_file_location",
        "improved_clarity",
        "added_expected_behavior",
        "improved_clarity",
    ]


def test_a_whole_file_is_a_file_section(workspace: Workspace, named: Named) -> None:
    """`--file F` sends the file as a section of its own, more stable than code, and says where it is."""
    refined = run("fix this bug", workspace, named("src/main.rs"))
    assert [section.kind for section in refined.sections] == ["project_context", "file_reference", "instruction"]
    assert "Location: src/main.rs\n" in refined.text
    assert "Can fail at src/main.rs:5" in refined.text


def test_a_piped_traceback_brings_the_code_that_it_names(workspace: Workspace, named: Named) -> None:
    """The traceback stays verbatim, and the function around its innermost frame is added, marked as not named."""
    refined = run("why does it crash?", workspace, named(piped=TRACE))
    assert TRACE.strip() in refined.text
    (piece,) = refined.unsafe
    assert piece.path == "app/orders.py"
    assert "def total(items):" in piece.text
    assert refined.selection
    assert refined.intent.action == "debug"


def test_an_error_left_in_a_comment_is_put_beside_the_request(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """An error text in the code that was named is repeated where the task is, without its comment marks."""
    path = project / "src" / "main.rs"
    comment = "    // thread 'main' panicked at src/main.rs:5:22:\n    // called `Option::unwrap()` on a `None` value\n"
    path.write_text(path.read_text().replace("    let text", comment + "    let text"))
    text = run("fix this bug", workspace, named("src/main.rs:7")).text
    assert (
        "<error from=\"src/main.rs:5-6\">\nthread 'main' panicked at src/main.rs:5:22:\n"
        "called `Option::unwrap()` on a `None` value\n</error>"
    ) in text


def test_the_error_of_a_long_log_is_put_beside_the_request(workspace: Workspace, named: Named) -> None:
    """Of a long input the error is repeated; of a short one it is not."""
    noise = "".join(f"step {number}\n" for number in range(60))
    assert '<error from="the input, line 61">' in run("why does it fail?", workspace, named(piped=noise + TRACE)).text
    assert "<error" not in run("why does it fail?", workspace, named(piped=TRACE)).text


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("fix this bug", "1. The root cause, with the line it is in."),
        (
            "add a retry option to this function",
            "1. The complete change, file by file, in the style of the surrounding code.",
        ),
        ("refactor this function", "1. The refactored code, complete."),
        ("explain this function", "1. What it does, in one or two sentences."),
        ("write unit tests for this function", "1. Tests for the normal case, the edge cases and the errors."),
        ("review this function", "1. Problems in order of severity, each with its file and line."),
        ("document this function", "1. The documentation, ready to paste, in the form the file already uses."),
        ("optimise this function", "1. Where the time or memory goes, and why."),
    ],
)
def test_each_action_says_what_is_expected_of_it(prompt: str, first: str, workspace: Workspace, named: Named) -> None:
    """Every action but other has its own numbered expectations, after the request."""
    text = run(prompt, workspace, named("app/orders.py:6")).text
    assert first in text
    assert text.index(prompt) < text.index(first)


def test_nothing_to_add_adds_nothing(workspace: Workspace) -> None:
    """A general question is sent as it is: one section, no change, no token."""
    for prompt in ("What is the difference between a mutex and a semaphore?", "hello", " \n"):
        refined = run(prompt, workspace)
        assert [section.text for section in refined.sections] == [prompt]
        assert refined.sections[0].kind == "instruction"
        assert refined.changes == ()
        assert refined.context_tokens == 0
        assert refined.score_refined == refined.score_original


def test_a_prompt_over_the_threshold_is_left_as_it_is_but_gets_what_was_named(
    workspace: Workspace, named: Named
) -> None:
    """A good prompt is not rewritten unless forced; a file that was named goes with it all the same."""
    prompt = (
        "total() in app/orders.py:6 fails on orders without a price.\n\nSteps:\n1. Run Python 3.11\n2. Call "
        "`total([{}])`\n\n"
        f"Expected: it returns 0. Actual: it raises.\n\n{TRACE}"
    )
    refined = run(prompt, workspace, named("src/main.rs:5"))
    assert refined.score_original.value >= 0.7
    assert refined.sections[-1].text == prompt
    assert [piece.path for piece in refined.pieces] == ["src/main.rs"]
    assert "Expected:\n1." in run(prompt, workspace, named("src/main.rs:5"), force=True).text


def test_no_rewrite_gives_context_and_the_original_only(workspace: Workspace, named: Named) -> None:
    """Without rewriting the instruction is the original itself, behind what was named."""
    refined = run("fix this bug", workspace, named("src/main.rs:5"), rewrite=False)
    assert refined.sections[-1].text == "fix this bug"
    assert [piece.path for piece in refined.pieces] == ["src/main.rs"]
    assert not run("fix this bug", workspace, rewrite=False).changes


def test_no_context_keeps_the_place_and_piped_text(workspace: Workspace, named: Named) -> None:
    """Without context no text of files is sent; where the code is and what was piped in are."""
    refined = run("fix this bug", workspace, named("src/main.rs:5", piped="it printed 7\n"), context=False)
    assert "Location: src/main.rs:5, in fn parse_port" in refined.text
    assert "unwrap" not in refined.text
    assert "it printed 7" in refined.text
    assert [piece.kind for piece in refined.pieces] == ["piped"]
    bare = run("fix this bug", workspace, named("src/main.rs:5"), context=False, rewrite=False)
    assert bare.text == "<request>\nfix this bug\n</request>\n\nLocation: src/main.rs:5, in fn parse_port"


def test_missing_facts_become_questions(workspace: Workspace) -> None:
    """With no code at all the model is told to ask, and nothing about the code is made up."""
    refined = run("fix this bug", workspace, unsafe=False)
    assert "Ask which code is meant" in refined.text
    assert refined.unsafe == ()


def test_what_is_typed_already_is_not_said_again(workspace: Workspace, named: Named) -> None:
    """A place that the prompt gives itself gets no location line."""
    assert "Location:" not in run("fix src/main.rs:5", workspace, named("src/main.rs:5")).text


def test_named_lines_that_cannot_fit_are_reported(workspace: Workspace, named: Named) -> None:
    """A tiny budget adds nothing, and each thing that was withheld has a sentence."""
    refined = run("fix this bug", workspace, named("src/main.rs:5"), budget=6)
    assert refined.text == "fix this bug"
    assert refined.changes == ()
    assert any(one.startswith("src/main.rs:5 was left out") for one in refined.left_out)
    assert any("said what is expected" in one for one in refined.left_out)


def test_findings_are_about_the_original(workspace: Workspace, named: Named) -> None:
    """Findings see what was named, so a pointer with a file is settled, and their spans lie in the original."""
    rules = [one.rule for one in run("fix this bug", workspace, named("src/main.rs:5")).findings]
    assert "OPF002" not in rules
    assert "OPF002" in [one.rule for one in run("fix this bug", workspace).findings]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prompt=PROMPTS,
    files=ARGUMENTS,
    piped=st.sampled_from([None, "a </input> b\n", TRACE]),
    budget=st.sampled_from([0, 10, 40, 120, 300, 700, 2048]),
    count=st.sampled_from([words, characters]),
    rewrite=st.booleans(),
    context=st.booleans(),
    force=st.booleans(),
)
def test_what_holds_for_every_prompt(
    workspace: Workspace,
    project: Path,
    named: Named,
    prompt: str,
    files: list[str],
    piped: str | None,
    budget: int,
    count: Callable[[str, str], int],
    rewrite: bool,
    context: bool,
    force: bool,
) -> None:
    """The original is there verbatim, refining twice changes nothing, the score never falls, the budget holds."""
    write_odd_files(project)
    given_context = named(*files, piped=piped)
    flags = {"rewrite": rewrite, "context": context, "force": force}
    refined = run(prompt, workspace, given_context, budget=budget, count=count, **flags)
    assert prompt in refined.sections[-1].text
    assert refined.sections[-1].kind == "instruction"
    assert refined.text == "\n\n".join(section.text for section in refined.sections)
    assert refined.score_refined.value >= refined.score_original.value
    assert refined.context_tokens <= budget
    added = count(refined.text, "") - count(prompt, "")
    assert sum(change.tokens_added for change in refined.changes) == added <= budget
    for piece in refined.pieces:
        assert piece.text in refined.text
        assert piece.tokens > 0
    if not refined.changes:
        assert refined.text == prompt
    for again in (given_context, NamedContext()):
        twice = run(refined.text, workspace, again, budget=budget, count=count, **flags)
        if refined.changes or again is given_context:
            assert twice.text == refined.text
    alone = analyse(refined.text, NamedContext(), workspace).score.value
    assert alone == pytest.approx(refined.score_refined.value)


def test_a_refined_prompt_still_gets_a_file_that_is_new(workspace: Workspace, named: Named) -> None:
    """Naming another file with a prompt that is refined already puts that file in front, and keeps it verbatim."""
    refined = run("fix this bug", workspace, named("src/main.rs:5"))
    more = run(refined.text, workspace, named("app/orders.py:6"))
    assert original_of(more.text) == refined.text
    assert original_of(original_of(more.text)) == "fix this bug"
    assert [piece.path for piece in more.pieces] == ["app/orders.py"]
    assert run(more.text, workspace, named("app/orders.py:6")).text == more.text


def test_an_edited_prompt_keeps_its_sections(workspace: Workspace, named: Named) -> None:
    """After an edit of the instruction the context is still a section of its own; what was deleted is gone."""
    refined = run("fix this bug", workspace, named("src/main.rs:5"))
    changed = edited(refined, refined.text.replace("fix this bug", "fix the panic"), words)
    assert [section.kind for section in changed.sections] == [section.kind for section in refined.sections]
    assert changed.text == refined.text.replace("fix this bug", "fix the panic")
    assert changed.pieces == refined.pieces
    bare = edited(refined, "just fix it", words)
    assert [section.text for section in bare.sections] == ["just fix it"]
    assert bare.pieces == ()


def test_approval_is_asked_for_what_the_user_did_not_name(workspace: Workspace, named: Named) -> None:
    """always asks about every rewrite, unsafe about files that nobody named, never not at all."""
    safe = run("fix this bug", workspace, named("src/main.rs:5"))
    unsafe = run("fix this bug", workspace)
    nothing = run("hello", workspace)
    assert [approval_needed(one, "unsafe") for one in (safe, unsafe, nothing)] == [False, True, False]
    assert [approval_needed(one, "always") for one in (safe, unsafe, nothing)] == [True, True, False]
    assert [approval_needed(one, "never") for one in (safe, unsafe, nothing)] == [False, False, False]


def test_the_stable_share_is_that_of_the_context(workspace: Workspace, named: Named) -> None:
    """Tokens before the instruction over all tokens; nothing is stable in a bare prompt."""
    refined = run("fix this bug", workspace, named("src/main.rs:5"), rewrite=False)
    total = words(refined.text)
    assert stable_share(refined, words) == pytest.approx((total - 3) / total)
    assert stable_share(run("hello", workspace), words) == 0


@pytest.mark.slow
def test_a_prompt_of_ten_megabytes_is_refined(workspace: Workspace, named: Named) -> None:
    """Rules look at the front of a huge prompt; all of it stays in the result."""
    for unit in (
        "fix this bug, maybe. ",
        "x",
        "`",
        '"',
        "(",
        "a/b.py:1 ",
        "```\n",
        "\n",
        "<code ",
        "at x (",
        "TypeError: ",
    ):
        prompt = "fix this bug\n" + unit * (200_000 // len(unit))
        refined = run(prompt, workspace, rewrite=False)
        assert refined.text == prompt
    prompt = "fix this bug\n" + "word " * 2_000_000
    refined = run(prompt, workspace, named("src/main.rs:5"))
    assert prompt in refined.sections[-1].text


@pytest.mark.parametrize("failing", ["", "    raise KeyError(first)\n"])
def test_code_takes_the_room_that_the_instruction_leaves(
    workspace: Workspace, project: Path, named: Named, failing: str
) -> None:
    """All that is said beside the request fits, an error in the code and an answer too; the rest is full of code."""
    functions = [f"def step_{at}(value):\n    first = value * {at}\n{failing}    return first\n" for at in range(400)]
    (project / "app" / "big.py").write_text("\n\n".join(functions))
    asked = Question("OPF003", "What happens?", "the prompt, line 1")
    for prompt, answers in (("fix the wrong steps", []), ("fix the wrong steps", [Answer(asked, "it " * 90)])):
        for budget in (700, 1200):
            refined = run(prompt, workspace, named("app/big.py"), budget=budget, force=True, answers=answers)
            spent = sum(change.tokens_added for change in refined.changes)
            assert budget - 60 < spent <= budget
            ids = {change.id for change in refined.changes}
            assert "expectations" in ids
            assert ("failure" in ids) == bool(failing)
            assert not any(one.startswith("Left out, because") for one in refined.left_out)


def test_where_nothing_is_said_beside_it_the_budget_is_all_for_code(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """A prompt of no kind that is known of gets code up to the last tokens."""
    functions = [f"def step_{at}(value):\n    first = value * {at}\n    return first\n" for at in range(400)]
    (project / "app" / "big.py").write_text("\n\n".join(functions))
    refined = run("steps of the value", workspace, named("app/big.py"), budget=600, force=True)
    beside = sum(change.tokens_added for change in refined.changes) - refined.context_tokens
    assert beside < 30
    assert refined.context_tokens > 600 - 60
