"""optafly refine: what it prints, what it asks, what it checks."""

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import MAIN_RS, Cli
from tests.cli.terminal import on_a_terminal, plain_lines

GOOD = """\
`parse_port` in src/main.rs panics when the first argument is missing.

Steps: run `cargo run` without arguments.
Expected: the message "usage: unwrap PORT" on stderr and exit code 2.
Actual: thread 'main' panicked at src/main.rs:8:26: called `Result::unwrap()` on an `Err` value: ParseIntError
Rust 1.95, Linux. Keep the signature of `main`; add a test for the empty argument.
"""


def test_the_refined_prompt_is_on_stdout_with_the_code_and_the_original(cli: Cli) -> None:
    """Location, code, expectations and the original words; nothing is sent."""
    refined = cli("refine", "fix this bug", "--file", "src/main.rs:8").out
    assert "    text.parse::<u16>().unwrap()\n" in refined
    assert "src/main.rs:8" in refined
    assert "fix this bug" in refined
    assert "hello {name}" not in refined


def test_json_has_the_fields_of_the_design(cli: Cli) -> None:
    """Fields, and pieces whose text stands verbatim in the refined prompt and in the file."""
    document = cli("refine", "fix this bug", "--file", "src/main.rs:8", "--json").json
    assert set(document) == {
        "schema", "original", "refined", "score", "intent", "findings", "changes", "context",
        "estimated_cache_hit_improvement", "timing_ms",
    }  # fmt: skip
    assert set(document["score"]) == {"original", "refined", "dimensions", "coverage", "contributions"}
    assert document["score"]["contributions"]
    for one in document["score"]["contributions"]:
        assert set(one) == {"feature", "dimension", "value", "amount", "points", "rules"}
        assert one["dimension"] in document["score"]["dimensions"]
        assert one["points"] * one["amount"] >= 0
    assert document["score"]["refined"] > document["score"]["original"]
    assert document["intent"]["action"] == "debug"
    lines = MAIN_RS.split("\n")
    for piece in document["context"]["pieces"]:
        assert piece["path"] == "src/main.rs"
        text = "\n".join(lines[piece["start_line"] - 1 : piece["end_line"]])
        assert text in document["refined"]
    assert document["context"]["tokens"] <= document["context"]["budget"]
    assert {change["kind"] for change in document["changes"]} >= {"added_code_snippet", "added_expected_behavior"}


def test_refining_twice_changes_nothing(cli: Cli) -> None:
    """A refined prompt is left as it is."""
    once = cli("refine", "fix this bug", "--file", "src/main.rs:8").out
    assert cli("refine", "-", stdin=once).out == once


def test_a_good_prompt_is_left_as_it_is(cli: Cli) -> None:
    """At or above the threshold, without named context, nothing is added."""
    document = cli("refine", "-", "--json", stdin=GOOD).json
    assert document["score"]["original"] >= 0.7
    assert (document["refined"].strip(), document["changes"]) == (GOOD.strip(), [])


@pytest.mark.parametrize(("prompt", "code"), [("fix this bug", 1), (GOOD, 0)], ids=["vague", "good"])
def test_check_exits_1_for_a_prompt_that_does_not_pass(cli: Cli, prompt: str, code: int) -> None:
    """--check rewrites nothing; the verdict is the result."""
    checked = cli("refine", prompt, "--check", code=code)
    assert ("does not pass" in checked.out) == (code == 1)
    assert "<request>" not in checked.out


def test_min_score_decides(cli: Cli) -> None:
    """--min-score sets what passes."""
    assert cli("refine", "fix this bug in src/main.rs", "--check", "--min-score", "0.01").code == 0
    cli("refine", "fix this bug in src/main.rs", "--check", "--min-score", "1", code=1)


def test_the_budget_is_kept(cli: Cli, repo: Path) -> None:
    """--max-context-tokens bounds the context whatever the files, and says what was left out."""
    (repo / "long.py").write_text("\n".join(f"value_{number} = {number}" for number in range(3000)))
    done = cli("refine", "explain this", "--file", "long.py", "--max-context-tokens", "200", "--json")
    assert 0 < done.json["context"]["tokens"] <= 200
    assert done.json["context"]["left_out"]


def test_changes_say_why_they_are_and_can_be_left_out(cli: Cli) -> None:
    """--json has rule, evidence, cost and gain of each; --without takes numbers and kinds, others are refused."""
    ask = ("refine", "fix this bug", "--file", "src/main.rs:8", "--json")
    whole = cli(*ask).json
    assert [change["number"] for change in whole["changes"]] == [*range(1, len(whole["changes"]) + 1)]
    code = next(change for change in whole["changes"] if change["kind"] == "added_code_snippet")
    assert code["rule"] == "named"
    assert code["evidence"] == "src/main.rs:5-9"
    assert code["score_gain"] > 0.1
    assert code["undoable"]
    less = cli(*ask, "--without", f"{code['number']},added_expected_behavior", "--without", "added_context").json
    assert {change["kind"] for change in less["changes"]} == {
        "added_structure",
        "added_file_location",
        "improved_clarity",
    }
    assert [change["number"] for change in less["changes"]] == [3, 4, 7]
    assert "parse::<u16>" not in less["refined"]
    assert "Expected:" not in less["refined"]
    assert less["context"]["pieces"] == []
    assert whole["score"]["original"] <= less["score"]["refined"] < whole["score"]["refined"]
    for wrong in ("99", "added_everything", ""):
        assert "there is no such change" in cli(*ask[:-1], "--without", wrong, code=2).err


def test_interactive_accepts_rejects_and_edits(cli: Cli, repo: Path) -> None:
    """Side by side on a terminal; y gives the rewrite, n the original words, e what the editor leaves."""
    ask = ("refine", "fix this bug", "--file", "src/main.rs:8", "--interactive")
    question = b"Use this?"
    code, accepted = on_a_terminal(cli, *ask, answers=((question, b"y\n"),))
    assert code == 0
    assert b"original" in accepted
    assert b"refined" in accepted
    after = accepted.partition(question)[2]
    assert b"Expected:" in after
    rejected = on_a_terminal(cli, *ask, answers=((question, b"n\n"),))[1].partition(question)[2]
    assert b"Expected:" not in rejected
    editor = repo.parent / "editor.sh"
    editor.write_text('#!/bin/sh\necho "edited by hand" > "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    edited = on_a_terminal(cli, *ask, answers=((question, b"e\n"),), env={"EDITOR": str(editor)})[1]
    assert b"edited by hand" in edited.partition(question)[2]


def test_interactive_in_a_pipe_asks_nothing(cli: Cli) -> None:
    """Never asks when piped: it says so and goes on."""
    done = cli("refine", "fix this bug", "--file", "src/main.rs:8", "--interactive")
    assert "needs a terminal" in done.err
    assert "fix this bug" in done.out


def test_eighty_columns_are_enough(cli: Cli) -> None:
    """No line of the side-by-side view is wider than the terminal."""
    ask = ("refine", "fix this bug", "--file", "src/main.rs:8", "--interactive")
    written = on_a_terminal(cli, *ask, answers=((b"Use this?", b"y\n"),))[1]
    table = [line for line in plain_lines(written) if line.startswith(("│", "╭", "╰"))]
    assert table
    assert {len(line) for line in table} == {80}


def test_stdin_that_nobody_writes_to_is_spoken_about(cli: Cli) -> None:
    """Waiting for stdin for longer than 2 s says so on stderr."""
    import os
    import subprocess
    import sys

    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "optafly_cli", "refine", "-"],
        cwd=cli.cwd, env=cli.env, stdin=reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(reading)
    assert process.stderr is not None
    assert b"waiting for input on stdin" in process.stderr.readline()
    os.write(writing, b"explain src/main.rs\n")
    os.close(writing)
    out, _ = process.communicate(timeout=30)
    assert b"explain src/main.rs" in out


@pytest.mark.parametrize("prompt", ["fix `", "```", "<request>", "</code>", "🦀" * 50, "a\u2028b", "\ufeffx"])
def test_odd_prompts_are_kept_verbatim(cli: Cli, prompt: str) -> None:
    """Whatever is typed stands in the refined prompt as it was typed."""
    assert prompt in cli("refine", prompt, "--file", "src/main.rs:8", "--json").json["refined"]


def test_an_index_that_is_waited_for_says_so_on_a_terminal(cli: Cli, repo: Path) -> None:
    """With a bar that is gone afterwards; a pipe and a second time see nothing of it."""
    for number in range(60):
        (repo / f"part_{number}.py").write_text(f"def step_{number}():\n    return {number}\n")
    ask = ("refine", "make `step_7` return 8", "--yes")
    assert b"indexing the workspace" in on_a_terminal(cli, *ask)[1]
    assert b"indexing the workspace" not in on_a_terminal(cli, *ask)[1]
    assert "indexing" not in cli("refine", "make `step_9` return 8", "--yes").err


def test_verbose_shows_what_made_the_score(cli: Cli) -> None:
    """Dimensions, what was not seen, and a line for each feature with its points and rules, on stderr only."""
    shown = cli("refine", "-v", "Return the min or max of the ports")
    assert "intent" in shown.err and "grounding" in shown.err
    assert any(line.startswith("  -0.") and "(OPF009)" in line for line in shown.err.split("\n"))
    assert "open points" not in shown.out
    checked = cli("refine", "-v", "--check", "Return the min or max of the ports", code=1)
    assert "(OPF009)" in checked.err


def test_a_home_folder_is_not_indexed(cli: Cli) -> None:
    """What lies in it is everybody's; a repository, or a folder of its own, is what a prompt can be about."""
    scripts = cli.home / "scripts"
    scripts.mkdir()
    for folder in (cli.home, scripts):
        (folder / "ports.py").write_text("def parse_port(text):\n    return int(text)\n")
    asked = ("refine", "fix the crash in parse_port", "--yes", "--json")
    at_home = cli(*asked, cwd=cli.home).json
    assert at_home["context"]["pieces"] == []
    assert not list((cli.store / "workspaces").glob("*.index"))
    inside = cli(*asked, cwd=scripts).json
    assert [piece["path"] for piece in inside["context"]["pieces"]] == ["ports.py"]
