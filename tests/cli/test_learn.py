"""optafly learn, as typed: from a log of requests to the plan that ask uses."""

import json
import sqlite3
import stat
from pathlib import Path

from optafly_cli.cache.requests import RequestLog
from optafly_cli.route.history import Account, Sent
from optafly_cli.route.shape import BlockShape, RequestShape, prefixes
from optafly_cli.route.strategy import ENOUGH
from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi


def store_of(cli: Cli) -> Path:
    """The folder of the store, which exists after the first write."""
    return Path(cli("cache", "path").out.strip())


def fill(folder: Path, sessions: int) -> None:
    """A log of sessions of three turns each, 40 seconds apart."""
    with RequestLog(folder) as log:
        for i in range(sessions):
            for turn in range(3):
                names = ("S", f"a{i}", *(f"a{i}{k}" for k in range(turn)))
                blocks = (BlockShape(n, 2_000, "conversation" if j else "system") for j, n in enumerate(names))
                request = RequestShape("claude-opus-5", tuple(blocks), 40.0 * (3 * i + turn))
                log.add(Sent(request, prefixes(request), {}, 100, Account()))


def test_too_few_requests_are_told(cli: Cli) -> None:
    """With how many there are and how many are needed."""
    failed = cli("learn", code=2)
    assert "0 requests in the log" in failed.err
    assert str(ENOUGH) in failed.err


def test_a_report_changes_nothing(cli: Cli) -> None:
    """It bills both plans on the newest third; without --report the lesson is kept, for the user alone."""
    folder = store_of(cli)
    fill(folder, 80)
    shown = cli("learn", "--report").out
    assert "240 requests in the log" in shown
    assert all(word in shown for word in ("no caching", "100.0%", "heuristic", "learned"))
    assert not (folder / "reuse.json").exists()
    found = cli("learn", "--json").json
    assert found["schema"] == "optafly.learn/1"
    assert (found["requests"], found["compared"], found["kept"]) == (240, 80, True)
    assert 0 < found["ratio"]["learned"] < 1
    assert found["cost"]["learned"] < found["cost"]["none"]
    kept = folder / "reuse.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["learned"] == found["ratio"]["learned"]


def test_what_was_learned_can_be_forgotten(cli: Cli) -> None:
    """The log stays."""
    fill(store_of(cli), 80)
    cli("learn")
    assert cli("learn", "--forget", "--json").json["forgotten"]
    assert not cli("learn", "--forget", "--json").json["forgotten"]
    assert "--report and --forget" in cli("learn", "--forget", "--report", code=2).err
    assert cli("learn", "--report", "--json").json["requests"] == 240


def test_ask_logs_what_it_sent_without_a_word_of_it(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """A request with its tokens, its answer's usage and digests; none on a hit, and none with --no-cache."""
    cli("ask", "what does parse_port do", "--file", "src/main.rs")
    cli("ask", "what does parse_port do", "--file", "src/main.rs")
    cli("ask", "what does greet do", "--file", "src/main.rs", "--no-cache")
    with sqlite3.connect(store_of(cli) / "entries.sqlite") as database:
        rows = database.execute("SELECT model, tokens, output, size, blocks FROM request").fetchall()
        prefix = database.execute("SELECT count(*) FROM prefix").fetchone()[0]
    database.close()
    ((model, tokens, output, size, blocks),) = rows
    assert model == api.requests[0].body["model"]
    assert tokens > 0
    assert output > 0
    assert (size, prefix) == (len(blocks) // 15, size)
    assert b"parse_port" not in blocks


def test_what_was_sent_before_is_expected_again(cli: Cli, repo: Path) -> None:
    """`route` expects more reads of a file that was just asked about than before."""
    question = ("route", "what does greet do", "--file", "src/main.rs", "--json")
    before = cli(*question).json["anchors"]
    cli("ask", "what does parse_port do", "--file", "src/main.rs")
    after = cli(*question).json["anchors"]
    assert [anchor["label"] for anchor in after] == [anchor["label"] for anchor in before]
    file = next(i for i, anchor in enumerate(before) if anchor["kind"] == "file_reference")
    assert after[file]["expected_reads"] > before[file]["expected_reads"]
