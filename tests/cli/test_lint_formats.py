"""The formats of optafly lint, read by what reads them: the SARIF schema, an XML parser, GitHub's rules."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema  # type: ignore[import-untyped]
import pytest

from optafly_cli.refine.rules import known_rules
from tests.cli.conftest import Cli
from tests.cli.terminal import on_a_terminal, plain_lines

DATA = Path(__file__).parents[1] / "data"
KEY = "AKIAQ3EGUZ4X7NJW2B5T"


@pytest.fixture
def prompts(repo: Path) -> Path:
    """Prompts with findings of each severity, one in a folder with an awkward name, and one with none."""
    folder = repo / "prompts" / "a b,c:d%é"
    folder.mkdir(parents=True)
    (folder / "x.md").write_text("---\ntitle: x\n---\nMaybe look at `parse_prot` in src/nowhere.rs\n")
    (repo / "prompts" / "secret.md").write_text(f"Why is {KEY} refused by the API? It should be taken.\n")
    (repo / "prompts" / "good.md").write_text("Explain what parse_port() in src/main.rs returns for an empty string.\n")
    return repo


def sarif_of(cli: Cli, *arguments: str, code: int = 1) -> Any:
    document = json.loads(cli("lint", "--format", "sarif", *arguments, code=code).out)
    schema = json.loads((DATA / "sarif-schema-2.1.0.json").read_text())
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    return document["runs"][0]


def test_sarif_is_valid_and_complete(cli: Cli, prompts: Path) -> None:
    """It passes the published schema; rules, places, marks and fixes are in it, the secret is not."""
    run = sarif_of(cli, "prompts")
    rules = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == [*known_rules(), "min-score"]
    by_rule = {one["ruleId"]: one for one in run["results"]}
    assert set(by_rule) >= {"OPF006", "OPF010", "OPF015", "OPF017"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    place = by_rule["OPF010"]["locations"][0]["physicalLocation"]
    assert unquote(place["artifactLocation"]["uri"]) == "prompts/a b,c:d%é/x.md"
    assert place["artifactLocation"]["uri"].isascii()
    assert place["region"] == {"startLine": 4, "startColumn": 31, "endLine": 4, "endColumn": 45}
    change = by_rule["OPF015"]["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["insertedContent"]["text"] == "[redacted: AWS access key]"
    assert KEY not in json.dumps(run["results"])


def test_sarif_places_are_those_of_the_repository_wherever_it_is_run(cli: Cli, prompts: Path) -> None:
    """Paths count from the root; a mark stays when lines move."""
    first = sarif_of(cli, "prompts/secret.md")["results"][0]
    file = prompts / "prompts" / "secret.md"
    file.write_text("One line more.\n" + file.read_text())
    cli.cwd = prompts / "prompts"
    second = sarif_of(cli, "secret.md")["results"][0]
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]
    assert uri == second["locations"][0]["physicalLocation"]["artifactLocation"]
    assert uri == {"uri": "prompts/secret.md", "uriBaseId": "%SRCROOT%"}
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_sarif_knows_rows_low_scores_and_nothing_at_all(cli: Cli, prompts: Path) -> None:
    """What is no file has a logical location; a score that is too low is a result; no result is valid as well."""
    rows = json.dumps({"id": "p 1", "prompt": "fix this bug"}) + "\n"
    (prompts / "rows.jsonl").write_text(rows)
    run = sarif_of(cli, "--jsonl", "rows.jsonl", "--min-score", "0.9")
    assert run["results"][-1]["ruleId"] == "min-score"
    assert run["results"][0]["locations"] == [{"logicalLocations": [{"name": "p 1", "kind": "resource"}]}]
    assert sarif_of(cli, "prompts/good.md", code=0)["results"] == []


def test_github_gets_one_escaped_command_for_each_finding(cli: Cli, prompts: Path) -> None:
    """A comma or colon in a path ends no property, a per cent sign is one, and no message has a line end."""
    lines = cli("lint", "prompts", "--format", "github", code=1).out.splitlines()
    command = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:\n]*,?)+)::(.+)")
    found = [command.fullmatch(line) for line in lines]
    assert all(found)
    places = [dict(part.split("=", 1) for part in match[2].split(",")) for match in found if match]
    assert places[0]["file"] == "prompts/a b%2Cc%3Ad%25é/x.md"
    assert {place["title"] for place in places} >= {"optafly OPF010", "optafly OPF015"}
    assert all(int(place["endColumn"]) >= int(place["col"]) >= 1 for place in places)
    assert {match[1] for match in found if match} == {"error", "notice"}
    assert KEY not in "".join(lines)


def test_junit_has_a_test_case_for_each_target(cli: Cli, prompts: Path) -> None:
    """Counts, failures and what only is said are where readers look for them, without characters that XML lacks."""
    (prompts / "prompts" / "odd.md").write_text('Fix the <b>&"quoted"</b> \x01\x0b in src/no\x02where.rs:3 ]]>\n')
    root = ET.fromstring(cli("lint", "prompts", "--format", "junit", code=1).out)
    assert root.tag == "testsuites"
    (suite,) = root
    cases = {case.attrib["name"]: case for case in suite}
    assert suite.attrib["tests"] == root.attrib["tests"] == "4"
    assert int(suite.attrib["failures"]) == sum(case.find("failure") is not None for case in suite)
    assert suite.attrib["errors"] == suite.attrib["skipped"] == "0"
    good = cases["prompts/good.md"]
    assert good.find("failure") is None
    failure = cases["prompts/a b,c:d%é/x.md"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "2 errors"
    assert failure.attrib["type"] == "OPF017"
    assert failure.text is not None
    assert "x.md:4:31: error OPF010 src/nowhere.rs is not in the workspace." in failure.text
    said = cases["prompts/a b,c:d%é/x.md"].find("system-out")
    assert said is not None
    assert "OPF006" in (said.text or "")


def test_junit_says_that_a_score_is_too_low(cli: Cli, prompts: Path) -> None:
    """A target that fails has a failure, whatever it fails by."""
    root = ET.fromstring(cli("lint", "-", "--format", "junit", "--min-score", "0.9", stdin="fix this bug", code=1).out)
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.attrib["type"] == "min-score"


def test_text_shows_the_line_with_a_caret_and_never_a_secret(cli: Cli, prompts: Path) -> None:
    """The caret stands under the words, whatever stands before them; in a pipe a message is one line."""
    (prompts / "wide.prompt").write_text(
        "\tMaybe 端口 é is `x`, in src/nowhere.rs, that is what I would like to know\n"
    )
    lines = cli("lint", "wide.prompt", "--select", "OPF010", code=1).out.splitlines()
    assert lines == [
        "wide.prompt:1:24: error OPF010 src/nowhere.rs is not in the workspace.",
        "    Maybe 端口 é is `x`, in src/nowhere.rs, that is what I would like to know",
        " " * 28 + "^^^^^^^^^^^^^^",
    ]
    shown = cli("lint", "prompts/secret.md", code=1).out
    assert KEY not in shown
    assert "    Why is [redacted: AWS access key] refused by the API?" in shown


def test_text_keeps_a_finding_on_one_line_whatever_its_file_is_called(cli: Cli, prompts: Path) -> None:
    """A newline in a name is spelled out: else its second half is a line that reads like a finding of another file."""
    (prompts / "a\nb.prompt.md").write_text("fix it", encoding="utf-8")
    out = cli("lint", "--select", "OPF001", "--min-score", "1", str(prompts / "a\nb.prompt.md"), code=1).out
    assert "a\\nb.prompt.md:1:1: warning" in out
    assert "a\\nb.prompt.md: score" in out


def test_on_a_terminal_no_line_is_wider_than_it(cli: Cli, prompts: Path) -> None:
    """Messages are wrapped, and the prompt's line is cut around what was found."""
    words = "and then this and that "
    (prompts / "long.prompt").write_text(f"{words * 9}src/nowhere.rs {words * 9}\n")
    _, written = on_a_terminal(cli, "lint", "long.prompt", "prompts")
    lines = [line.rstrip() for line in plain_lines(written)]
    assert max(len(line) for line in lines) <= 80
    (marked,) = [line for line in lines if line.startswith("    …") and "src/nowhere.rs" in line]
    caret = lines[lines.index(marked) + 1]
    assert marked[caret.index("^") : caret.rindex("^") + 1] == "src/nowhere.rs"
