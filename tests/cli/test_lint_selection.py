"""What optafly lint looks at and what counts: folders, comments, settings, baselines, fixes, the catalogue."""

import json
from pathlib import Path

import pytest

from optafly_cli.refine.rules import CATALOGUE
from tests.cli.conftest import Cli, Result


def findings(done: Result) -> list[tuple[str, str, int]]:
    """Path, rule and line of each finding in a JSON document."""
    return [
        (result["path"], finding["rule"], finding["line"])
        for result in done.json["results"]
        for finding in result["findings"]
    ]


def lint(cli: Cli, *arguments: str, code: int | None = 0) -> list[tuple[str, str, int]]:
    return findings(cli("lint", "--json", *arguments, code=code))


def test_a_folder_is_walked_for_everything_that_holds_prompts(cli: Cli, repo: Path) -> None:
    """Prompt files, instructions and marked strings; neither ignored files nor other texts, and each file once."""
    for name in ("prompts/a.md", "x.prompt", "CLAUDE.md", "build/b.prompt", "notes.md", "prompts/data.json"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text("Maybe look at src/gone.rs\n")
    (repo / "bot.py").write_text('X = """maybe"""\n# prompt\ny = f("""\nMaybe look at src/gone.rs""")\n')
    (repo / ".gitignore").write_text("build/\n")
    expected = [
        ("CLAUDE.md", "OPF006", 1), ("CLAUDE.md", "OPF010", 1), ("bot.py", "OPF006", 4), ("bot.py", "OPF010", 4),
        ("prompts/a.md", "OPF006", 1), ("prompts/a.md", "OPF010", 1), ("x.prompt", "OPF006", 1),
        ("x.prompt", "OPF010", 1),
    ]  # fmt: skip
    assert sorted(lint(cli, ".", "--select", "OPF006,OPF010", code=1)) == expected
    assert sorted(lint(cli, ".", "x.prompt", "prompts", "--select", "OPF006,OPF010", code=1)) == expected
    cli.cwd = repo / "prompts"
    assert lint(cli, ".", "--select", "OPF010", code=1) == [("a.md", "OPF010", 1)]


def test_instructions_are_no_task(cli: Cli, repo: Path) -> None:
    """CLAUDE.md may be a list of many orders; it has no score, so no minimum fails it."""
    text = "Fix bugs.\nAlso review the tests, rename modules and add a login page.\n"
    (repo / "CLAUDE.md").write_text(text)
    (repo / "a.prompt").write_text(text)
    document = cli("lint", "--json", "CLAUDE.md", "--min-score", "1").json
    assert document["results"][0]["score"] is None
    assert document["results"][0]["findings"] == []
    assert "OPF004" in {rule for _, rule, _ in lint(cli, "a.prompt")}


def test_template_variables_are_something_to_point_at(cli: Cli, repo: Path) -> None:
    """ "Fix this bug: {{bug}}" is whole once it is filled in."""
    for variable in ("{{ bug }}", "{bug}", "${bug}", "{% include bug %}", "$BUG"):
        (repo / "a.prompt").write_text(f"Fix this bug:\n{variable}\n")
        assert "OPF002" not in {rule for _, rule, _ in lint(cli, "a.prompt")}, variable
    (repo / "a.prompt").write_text("Fix this bug:\n")
    assert "OPF002" in {rule for _, rule, _ in lint(cli, "a.prompt")}


def test_a_variable_at_the_front_that_changes_fights_the_prompt_cache(cli: Cli, repo: Path) -> None:
    """The date belongs at the end of a template."""
    body = "The service reads its settings and starts. " * 12
    (repo / "a.prompt").write_text(f"Today is {{{{ date }}}}.\n{body}\n")
    assert ("a.prompt", "OPF016", 1) in lint(cli, "a.prompt")
    (repo / "a.prompt").write_text(f"{body}\nToday is {{{{ date }}}}.\n")
    assert "OPF016" not in {rule for _, rule, _ in lint(cli, "a.prompt")}


def test_comments_switch_rules_off(cli: Cli, repo: Path) -> None:
    """On their line, on the next, for the file; a name that is no rule is warned of."""
    (repo / "a.prompt").write_text(
        "Maybe see src/gone.rs. <!-- optafly: disable=OPF010 -->\n"
        "# optafly: disable-next-line=OPF006 (that is how they talk)\n"
        "Maybe see src/gone.rs.\n"
        "Maybe see src/gone.rs.\n"
    )
    found = lint(cli, "a.prompt", "--select", "OPF006,OPF010", code=1)
    assert [(rule, line) for _, rule, line in found] == [("OPF006", 1), ("OPF010", 3), ("OPF006", 4), ("OPF010", 4)]
    (repo / "b.prompt").write_text("<!-- optafly: disable-file=OPF99,OPF01 -->\nSee src/gone.rs.\n")
    done = cli("lint", "b.prompt")
    assert "b.prompt: a comment disables OPF99, which is no rule" in done.err


def test_settings_of_the_project_select_and_grade_and_options_replace_them(cli: Cli, repo: Path) -> None:
    """[lint] in .optafly.toml; the longer of two prefixes decides."""
    (repo / "a.prompt").write_text("Maybe make it faster, see src/gone.rs\n")
    (repo / ".optafly.toml").write_text('[lint]\nignore = ["OPF010"]\nseverity = ["OPF00=off", "OPF006=error"]\n')
    assert lint(cli, "a.prompt", code=1) == [("a.prompt", "OPF006", 1)]
    assert "OPF010" in {rule for _, rule, _ in lint(cli, "a.prompt", "--ignore", "OPF005", code=1)}
    assert lint(cli, "a.prompt", "--severity", "OPF0=off") == []
    (repo / ".optafly.toml").write_text('[lint]\nselect = ["OPF005"]\nmin_score = 1.0\n')
    assert lint(cli, "a.prompt", code=1) == [("a.prompt", "OPF005", 1)]
    assert lint(cli, "a.prompt", "--min-score", "0") == [("a.prompt", "OPF005", 1)]
    refined = cli("refine", "maybe make it faster", "--json").json
    assert {one["rule"] for one in refined["findings"]} >= {"OPF005", "OPF006"}


def test_a_baseline_is_written_and_then_only_what_is_new_counts(cli: Cli, repo: Path) -> None:
    """From any folder of the repository; the number of what was left out is said."""
    (repo / "prompts").mkdir()
    (repo / "prompts" / "a.md").write_text("Explain src/gone.rs to a beginner\n")
    done = cli("lint", "prompts", "--baseline", "known.json", "--write-baseline")
    assert done.out == ""
    assert "known.json now has 1 finding" in done.err
    (repo / "prompts" / "a.md").write_text("One line more.\n\nExplain src/gone.rs to a beginner\n")
    known = cli("lint", "prompts", "--baseline", "known.json")
    assert "1 in the baseline" in known.err
    cli.cwd = repo / "prompts"
    (repo / "prompts" / "b.md").write_text("Explain src/gone.rs to an expert\n")
    assert lint(cli, ".", "--baseline", "../known.json", code=1) == [("b.md", "OPF010", 1)]


def test_fixes_are_shown_by_diff_and_written_by_fix(cli: Cli, repo: Path) -> None:
    """--diff writes nothing, with --fix as well; after --fix only what is left counts."""
    file = repo / "a.prompt"
    text = "Explain lib/main.rs to me: is it kind of slow for 10 ports?\n"
    file.write_text(text)
    shown = cli("lint", "a.prompt", "--fix", "--diff", code=1)
    assert "-" + text in shown.out
    assert "+Explain src/main.rs to me: is it slow for 10 ports?\n" in shown.out
    assert "2 can be fixed (nothing was written)" in shown.err
    assert file.read_text() == text
    done = cli("lint", "a.prompt", "--fix")
    assert "2 fixed" in done.err
    assert file.read_text() == "Explain src/main.rs to me: is it slow for 10 ports?\n"


def test_the_catalogue_is_listed_and_explained(cli: Cli) -> None:
    """--rules has every rule on a line; --explain says what it means, with an example, in any case of its letters."""
    lines = cli("lint", "--rules").out.splitlines()
    assert [line.split()[0] for line in lines] == [one.id for one in CATALOGUE]
    assert [one["rule"] for one in cli("lint", "--rules", "--json").json["rules"]] == [one.id for one in CATALOGUE]
    shown = cli("lint", "--explain", "opf010").out
    assert shown.startswith("OPF010 path that does not exist (error)\n")
    assert "    Fix the overflow in src/mian.rs\n" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert cli("lint", "--explain", "OPF010", "--json").json["better"] == "Fix the overflow in src/main.rs"


@pytest.mark.parametrize("count", [100])
def test_rows_are_checked_in_one_listing_of_the_workspace(cli: Cli, count: int) -> None:
    """A hundred prompts keep their order, and what is said of each is its own."""
    rows = [json.dumps({"id": number, "prompt": f"Explain src/gone{number}.rs"}) for number in range(count)]
    document = cli("lint", "--jsonl", "-", "--json", stdin="\n".join(rows), code=1).json
    assert [result["id"] for result in document["results"]] == [str(number) for number in range(count)]
    for number, result in enumerate(document["results"]):
        assert f"src/gone{number}.rs" in result["findings"][0]["message"]


def test_what_cannot_be_read_in_a_folder_hides_nothing_else(cli: Cli, repo: Path) -> None:
    """A binary file in a folder is said to be left out, and the others are checked; one that is named is an error."""
    (repo / "prompts").mkdir()
    (repo / "prompts" / "a.prompt").write_bytes(b"\x00\x01")
    (repo / "prompts" / "b.prompt").write_text("")
    found = cli("lint", "prompts", "--json", code=1)
    assert [one["path"] for one in found.json["results"]] == ["prompts/b.prompt"]
    assert "warning: prompts/a.prompt is a binary file: it was not checked" in found.err
    assert "is a binary file" in cli("lint", "prompts/a.prompt", code=2).err
