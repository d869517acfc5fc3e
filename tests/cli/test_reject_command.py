"""optafly cache reject and stats, as typed, and the words that stats find for a promise."""

import pytest

from optafly_cli.cache.promise.certificate import Certificate
from optafly_cli.cache.stats import SemanticStats
from optafly_cli.cli.cache_output import promise_lines
from tests.cli.conftest import Cli, lookup

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
POLITE = ("ask", "please fix this bug", "--file", "src/main.rs")


def test_a_rejected_semantic_hit_does_not_come_back(cli: Cli) -> None:
    """After `cache reject` those words are a miss that says why; the words that were first asked still hit."""
    cli(*ASK)
    assert cli(*POLITE, "--json").json["cache"]["tier"] == "semantic"
    done = cli("cache", "reject")
    assert done.out == ""
    assert "'fix this bug' (entry 1) is not served for 'please fix this bug' any more" in done.err
    missed = lookup(cli, *POLITE)
    assert (missed["status"], missed["reason"].split(":")[0]) == ("miss", "rejected")
    assert lookup(cli, *ASK)["tier"] == "exact"


def test_a_rejection_that_ends_the_promise_says_so(cli: Cli) -> None:
    """Once only: what it means and what brings other words back, which it does."""
    said = []
    for words in ("fix this bug", "explain this function", "list every panic"):
        cli("ask", words, "--file", "src/main.rs")
        asked = ("ask", f"please {words}", "--file", "src/main.rs")
        tier = cli(*asked, "--cache-only", "--json", code=None).json["cache"]["tier"]
        said.append(cli("cache", "reject").err if tier == "semantic" else "no hit")
    assert "from now on" not in said[0]
    assert "from now on only the very same words are answered: 5 of " in said[1]
    assert "`optafly cache reject --forget` begins anew" in said[1]
    assert said[2] == "no hit"
    cli("cache", "reject", "--forget", "--yes")
    assert lookup(cli, *asked)["tier"] == "semantic"


def test_a_rejected_exact_hit_is_deleted(cli: Cli) -> None:
    """The document says what was done; afterwards the store has nothing to serve."""
    cli(*ASK)
    cli(*ASK)
    assert cli("cache", "reject", "LAST", "--json").json == {
        "schema": "optafly.cache.reject/1",
        "entry": 1,
        "tier": "exact",
        "asked": "fix this bug",
        "stored": "fix this bug",
        "labelled": False,
        "deleted": True,
        "ended": None,
    }
    assert lookup(cli, *ASK)["status"] == "miss"


def test_what_cannot_be_rejected(cli: Cli) -> None:
    """One sentence each, exit 2, and nothing is created or changed."""
    assert "no stored answer was served yet" in cli("cache", "reject", code=2).err
    assert not cli.store.exists()
    cli(*ASK)
    assert "entry 1 was never served again" in cli("cache", "reject", "1", code=2).err
    assert "there is no entry 7" in cli("cache", "reject", "7", code=2).err
    assert "'-1'" not in cli("cache", "reject", "9" * 30, code=2).err
    failed = cli("cache", "reject", "first", "--json", code=2).json
    assert (failed["schema"], failed["message"]) == (
        "optafly.error/1",
        "'first' is no entry: give LAST, or the number of one",
    )
    assert "give it no entry" in cli("cache", "reject", "1", "--forget", "--yes", code=2).err
    assert lookup(cli, *ASK)["status"] == "hit"


def test_forgetting_asks_first(cli: Cli) -> None:
    """Without --yes and a terminal nothing is forgotten; with it the number of labels is told."""
    cli(*ASK)
    assert "nothing was forgotten: nobody can be asked" in cli("cache", "reject", "--forget", code=2).err
    assert "forgot 0 labels" in cli("cache", "reject", "--forget", "--yes").err
    assert cli("cache", "reject", "--forget", "--yes", "--json").json == {
        "schema": "optafly.cache.reject/1",
        "forgotten": 0,
    }


def test_stats_say_whether_other_words_are_answered(cli: Cli) -> None:
    """A line for people, and a document with the certificate for programs; before there is a store, too."""
    assert "semantic  o" in cli("cache", "stats").out
    cli(*ASK)
    semantic = cli("cache", "stats", "--json").json["semantic"]
    assert set(semantic) == {"served", "state", "reason", "verifier", "threshold", "certificate", "labels"}


GRANTED = Certificate(0.01, 0.8, 412, 0, 0.0072, 12, "0 of 412 checked answers were wrong: with 95% confidence …")
REFUSED = Certificate(0.001, None, 812, 0, 0.0037, 0, "the asked rate 0.1% needs at least 2,995 …; there are 812")
SAID = [
    (
        SemanticStats(True, "certified", GRANTED.reason, "v@1", 0.8, GRANTED, {"reject": 2, "shadow": 10}),
        [
            "semantic  on, from a probability of 80%",
            "promise   at most 1% of them wrong; 0 of 412 checked answers were wrong: with 95% confidence …",
            "labels    412 checked answers, 12 of them yours (2 reject, 10 shadow)",
        ],
    ),
    (
        SemanticStats(False, "no_certificate", REFUSED.reason, "v@1", None, REFUSED),
        [
            "semantic  off, only the very same words are answered: the asked rate 0.1% needs at least 2,995 …; "
            "there are 812",
            "labels    812 checked answers, none of them yours",
        ],
    ),
    (
        SemanticStats(False, "drift", "2 of 3 answers to other words were wrong here", "v@1", None, GRANTED),
        [
            "semantic  off, only the very same words are answered: 2 of 3 answers to other words were wrong here; "
            "`optafly cache reject --forget` begins anew",
            "labels    412 checked answers, 12 of them yours",
        ],
    ),
    (
        SemanticStats(True, "no_verifier", "there is no verifier: the similarity decides, nothing is promised"),
        ["semantic  on; there is no verifier: the similarity decides, nothing is promised"],
    ),
    (
        SemanticStats(False, "unavailable", "the verifier's file is missing"),
        ["semantic  off, only the very same words are answered: the verifier's file is missing"],
    ),
]


@pytest.mark.parametrize(("semantic", "lines"), SAID, ids=[semantic.state for semantic, _ in SAID])
def test_every_state_has_its_words(semantic: SemanticStats, lines: list[str]) -> None:
    """On or off, why, from how many labels, and the way out of a drift."""
    assert promise_lines(semantic) == lines
