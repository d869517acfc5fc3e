"""optafly route --simulate, as typed."""

import json
from pathlib import Path

from optafly_cli.route.shape import BlockShape, RequestShape
from optafly_cli.route.simulator.trace import line_of
from tests.cli.conftest import Cli
from tests.cli.terminal import on_a_terminal, plain_lines


def loop(path: Path, model: str = "claude-sonnet-5", mark: bool = False) -> Path:
    """A trace of a conversation that grows by 1,000 tokens five times."""
    requests = []
    for turn in range(1, 6):
        blocks = [BlockShape(f"turn {i}", 1000, "conversation") for i in range(turn)]
        if mark:
            blocks[-1] = BlockShape(f"turn {turn - 1}", 1000, "conversation", mark="1h")
        requests.append(RequestShape(model, tuple(blocks), at=60.0 * turn))
    path.write_text("".join(line_of(request) + "\n" for request in requests))
    return path


def test_every_policy_is_billed(cli: Cli, tmp_path: Path) -> None:
    """In dollars and over no caching; the least is below all of them, and ours comes near it."""
    document = cli("route", "--simulate", str(loop(tmp_path / "loop.jsonl")), "--json").json
    assert document["schema"] == "optafly.simulate/1"
    assert (document["requests"], document["input_tokens"], document["seconds"]) == (5, 15_000, 240)
    ratios = {one["policy"]: one["ratio"] for one in document["policies"]}
    assert list(ratios) == ["none", "automatic", "system + tail", "ours", "oracle"]
    assert ratios["none"] == 1
    assert min(ratios, key=lambda name: ratios[name]) == "oracle"
    assert ratios["oracle"] <= document["hindsight"] + 1e-9
    assert document["hindsight"] <= ratios["ours"] + 1e-9 < 0.6
    none = document["policies"][0]
    assert none["cost"] == 15_000 * 2 / 1e6
    assert none["tokens"] == {"read": 0, "written_1h": 0, "written_5m": 0, "plain": 15_000}


def test_what_the_client_marked_is_a_policy_of_its_own(cli: Cli, tmp_path: Path) -> None:
    """An hour for every turn costs more here than five minutes."""
    document = cli("route", "--simulate", str(loop(tmp_path / "loop.jsonl", mark=True)), "--json").json
    ratios = {one["policy"]: one["ratio"] for one in document["policies"]}
    assert ratios["as sent"] > ratios["ours"]


def test_another_model_can_be_asked_about(cli: Cli, tmp_path: Path) -> None:
    """--model bills the whole trace at its prices; a model that is not known is said."""
    trace = str(loop(tmp_path / "loop.jsonl", model="no-such-model"))
    done = cli("route", "--simulate", trace, code=None)
    assert (done.code, "no-such-model" in done.err) == (2, True)
    assert cli("route", "--simulate", trace, "--model", "claude-opus-5", "--json").json["models"] == ["claude-opus-5"]


def test_the_chart_fits_eighty_columns(cli: Cli, tmp_path: Path) -> None:
    """A bar for each policy, the longest for the dearest."""
    shown, screen = on_a_terminal(cli, "route", "--simulate", str(loop(tmp_path / "loop.jsonl")))
    assert shown == 0
    # The progress that was shown before is written over
    lines = [line.rsplit("\r", 1)[-1] for line in plain_lines(screen)]
    assert [line for line in lines if len(line) > 80] == []
    bars = {line.split("█")[0].strip(): line.count("█") for line in lines if "█" in line}
    assert list(bars) == ["none", "automatic", "system + tail", "ours", "oracle"]
    assert max(bars, key=lambda name: bars[name]) == "none"


def test_a_trace_without_tokens_costs_nothing(cli: Cli, tmp_path: Path) -> None:
    """Under every policy, with a chart all the same."""
    empty = RequestShape("claude-sonnet-5", (BlockShape("nothing", 0, "conversation"),))
    (tmp_path / "empty.jsonl").write_text(line_of(empty))
    assert cli("route", "--simulate", str(tmp_path / "empty.jsonl")).out.count("$0.0000") == 5


def test_what_is_no_trace_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    """Absent, empty, binary, or with a line that is no request: exit code 2."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "other.jsonl").write_text(json.dumps({"prompt": "x"}) + "\n")
    for name, said in (
        ("absent", "cannot be read: No such file"),
        ("empty", "has no requests"),
        ("binary", "is no text"),
        ("other.jsonl", "other.jsonl:1 is no request of a trace: blocks is missing"),
    ):
        done = cli("route", "--simulate", str(tmp_path / name), code=None)
        assert (done.code, said in done.err) == (2, True), done.err
