"""optafly lint: many prompts in one process, for CI and for pre-commit."""

import json
from pathlib import Path

from tests.cli.conftest import Cli

EXAMPLES = Path(__file__).parents[2] / "examples" / "pre-commit"


def test_findings_have_a_place_a_rule_and_a_message(cli: Cli, repo: Path) -> None:
    """Text output is PATH:LINE:COLUMN: severity RULE message."""
    (repo / "a.prompt.md").write_text("Look at the code.\nFix the bug in src/nowhere.rs\n")
    done = cli("lint", "a.prompt.md", code=1)
    assert "a.prompt.md:2:16: error OPF" in done.out
    assert "src/nowhere.rs" in done.out


def test_json_has_the_shape_of_the_design(cli: Cli, repo: Path) -> None:
    """Results by path, and a summary."""
    (repo / "a.prompt.md").write_text("fix this bug\n")
    document = cli("lint", "a.prompt.md", "--format", "json").json
    assert document["schema"] == "optafly.lint/1"
    (result,) = document["results"]
    assert set(result) == {"path", "score", "dimensions", "coverage", "findings"}
    assert result["path"] == "a.prompt.md"
    assert set(result["findings"][0]) == {
        "rule", "severity", "message", "line", "column", "end_line", "end_column", "fix",
    }  # fmt: skip


def test_a_jsonl_is_checked_row_by_row(cli: Cli) -> None:
    """--jsonl - reads rows from stdin and keeps their ids and their order."""
    rows = "".join(json.dumps({"id": f"p{number}", "prompt": "fix this bug"}) + "\n" for number in range(3))
    document = cli("lint", "--jsonl", "-", "--json", stdin=rows).json
    assert [result["id"] for result in document["results"]] == ["p0", "p1", "p2"]


def test_min_score_and_rules_decide_about_the_exit_code(cli: Cli, repo: Path) -> None:
    """Warnings alone pass; a score under the minimum or an error does not; --ignore and --select pick the rules."""
    (repo / "vague.md").write_text("fix this bug\n")
    (repo / "wrong.md").write_text("Explain what parse does in src/nowhere.rs, line by line, for a beginner.\n")
    assert cli("lint", "vague.md").code == 0
    cli("lint", "vague.md", "--min-score", "0.6", code=1)
    found = cli("lint", "wrong.md", "--json", code=1).json["results"][0]["findings"]
    rule = next(finding["rule"] for finding in found if finding["severity"] == "error")
    cli("lint", "wrong.md", "--ignore", rule)
    selected = cli("lint", "vague.md", "wrong.md", "--select", rule, "--json", code=1).json["results"]
    assert {finding["rule"] for result in selected for finding in result["findings"]} == {rule}


def test_the_examples_of_the_pre_commit_hook_are_what_they_say(cli: Cli) -> None:
    """The good prompt passes the hook's command and the vague one does not."""
    prompts = sorted(EXAMPLES.rglob("*.prompt.md"))
    assert len(prompts) == 2
    codes = {path.name: cli("lint", "--min-score", "0.6", str(path), code=None).code for path in prompts}
    assert sorted(codes.values()) == [0, 1]


def test_names_are_as_certain_with_an_index_as_without(cli: Cli, repo: Path) -> None:
    """What the index knows is not searched for; what only a file that is not indexed has is found all the same."""
    (repo / "vendor").mkdir()
    (repo / "vendor" / "made.rs").write_text("fn vendored_port() {}\n")
    (repo / "src" / "more.rs").write_text("fn known_port(value_of_it: u16) {}\n")
    (repo / "names.prompt.md").write_text(
        "Make `known_port` return what `vendored_port` does with `value_of_it`, and drop `known_prot`.\n"
    )
    before = cli("lint", "names.prompt.md", "--json", code=1).json
    assert not list(cli.home.rglob("*.index"))
    cli("refine", "Make `known_port` quicker", "--json")
    assert list(cli.home.rglob("*.index"))
    after = cli("lint", "names.prompt.md", "--json", code=1).json
    assert after == before
    messages = [one["message"] for one in after["results"][0]["findings"] if one["severity"] == "error"]
    assert messages == ["known_prot stands nowhere in the workspace; did you mean known_port?"]
    (repo / "src" / "more.rs").write_text("fn known_prot() {}\n")
    later = cli("lint", "names.prompt.md", "--json", code=1).json
    messages = [one["message"] for one in later["results"][0]["findings"] if one["severity"] == "error"]
    assert messages == ["known_port stands nowhere in the workspace; did you mean known_prot?"]
