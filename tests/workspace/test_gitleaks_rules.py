"""gitleaks' rules as they were translated: what they need to be quick, and that none of them can be made slow."""

import json
import re

import pytest

from optafly_cli.workspace import gitleaks
from optafly_cli.workspace.searched import Searched
from optafly_cli.workspace.secrets import redact
from scripts.translate_gitleaks import _anchors, _translated

DATA = json.loads(gitleaks.RULES.read_text("utf-8"))
RULES = {rule["id"]: rule for rule in DATA["rules"]}


def test_the_data_says_where_it_is_from() -> None:
    """The commit and its day, and which rules were left out."""
    assert re.fullmatch(r"[0-9a-f]{40} \d{4}-\d\d-\d\d", DATA["version"])
    assert "gitleaks" in DATA["source"]
    assert len(RULES) > 200
    assert DATA["rules"][-1]["id"] == "generic-api-key"


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_tried_where_its_anchors_stand(name: str) -> None:
    """An anchor is what the pattern begins with; a text made of anchors, keywords and operators takes no minutes."""
    rule = RULES[name]
    pattern = re.compile(rule["pattern"], re.ASCII)
    assert pattern.groups >= rule["group"]
    assert all(word == word.lower() for word in (*rule["anchors"], *rule["keywords"]))
    for word in (*rule["anchors"], *rule["keywords"])[:4]:
        for around in ("{} ", "{}=", "{}\n", "{}" + "a" * 40 + ".", "{}: \"' "):
            list(gitleaks.find(Searched(around.format(word) * (5_000 // (len(word) + 2)))))


def test_flags_inside_a_pattern() -> None:
    """RE2's flag holds up to the end of its group, for each alternative."""
    assert re.fullmatch(_translated(r"\b(p8e-(?i)[a-z]{2}|Q)(?:x)"), "p8e-ABx")
    assert re.fullmatch(_translated(r"(a(?i)b|c)d"), "Cd")
    assert not re.fullmatch(_translated(r"(a(?i)b|c)d"), "Abd")


@pytest.mark.parametrize(
    ("pattern", "anchors"),
    [
        (r"\b(gh[pous]_[a-z]{3})", ["gho_", "ghp_", "ghs_", "ghu_"]),
        (r"(?i)(?:new-?relic|SNYK)x", ["new-relicx", "newrelicx", "snykx"]),
        (r"[a-z]{5}\.atlas", []),
        (r"(?:a|bcd)\d", []),
    ],
)
def test_anchors(pattern: str, anchors: list[str]) -> None:
    """What any match begins with, in lower case; none where that is a letter or anything at all."""
    assert _anchors(pattern) == anchors


def test_a_letter_that_grows_in_lower_case_moves_nothing() -> None:
    """One of them becomes two letters: offsets would be one off behind it."""
    token = "ghp_" + "a8Kd03JfLq72MzPw" + "X5Rt9VbN1cYh6GsE4uQo"
    assert redact(f"İİİ {token} İ", {}).text == "İİİ [redacted: GitHub token] İ"
