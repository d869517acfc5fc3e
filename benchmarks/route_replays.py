"""What traces of public data cost under the planner, over no caching and over the least that is possible."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.route_rows import Row
from benchmarks.route_traces import agent_loops, one_shot_asks, tokens_of
from optafly_cli.models import Model, catalogue
from optafly_cli.route.history import Memory
from optafly_cli.route.pricing import rates
from optafly_cli.route.purse import Thrifty
from optafly_cli.route.reuse import ByKind, shipped_prior
from optafly_cli.route.shape import RequestShape
from optafly_cli.route.simulator.hindsight import Hindsight
from optafly_cli.route.simulator.oracle import least_cost
from optafly_cli.route.simulator.policies import Planned, Policy, automatic, none, system_and_tail
from optafly_cli.route.simulator.remembering import Remembering
from optafly_cli.route.simulator.replay import replay
from optafly_cli.route.strategy import heuristic

MINIMUMS = (512, 1024, 2048, 4096)


def sweagent(folder: Path, name: str) -> Iterator[Row]:
    """Agents' loops, for the prices of one model and each minimum."""
    model = catalogue().get(name)
    trace = agent_loops(folder / "sweagent", model)
    yield Row(f"SWE-agent: requests ({name})", len(trace), beside=f"{tokens_of(trace):,} tokens")
    for minimum in MINIMUMS:
        facts = replace(model, min_cacheable=minimum)
        policies = {"tail": automatic, "prior, no memory": _ours(facts, remembers=False), "ours": _ours(facts)}
        ratios, least = _ratios(trace, facts, policies)
        beside = ", ".join(f"{policy} {ratio:.4f}" for policy, ratio in ratios.items() if policy != "ours")
        yield Row(
            f"  over no caching, minimum {minimum:,}", ratios["ours"], "≤ 0.260" if minimum < 2048 else "", beside
        )
        yield Row("    over the least", ratios["ours"] / least, "≤ 1.02", f"least {least:.4f}")


def asks(folder: Path, name: str) -> Iterator[Row]:
    """One-shot asks of the aider history: with the files as they were edited, and with files that stay as they are."""
    model = catalogue().get(name)
    edited = one_shot_asks(folder / "aider_chat_history.md", folder / "aider_analytics.jsonl", model)
    yield Row(f"asks: requests ({name})", len(edited), beside=f"{tokens_of(edited):,} tokens")
    for title, trace in (("system, outline, files, edits", edited), ("system, files", [*map(stable, edited)])):
        known = Planned(Hindsight(trace), lambda _: model)
        policies: dict[str, Policy] = {
            "system + tail": system_and_tail,
            "prior, no memory": _ours(model, remembers=False),
            "ours": _ours(model),
            "hindsight": known,
        }
        ratios, least = _ratios(trace, model, policies)
        uncached = replay(trace, none, lambda _: model).cost
        short = least_cost(trace, lambda _: model, ["5m"]) / uncached
        beside = ", ".join(f"{policy} {ratio:.4f}" for policy, ratio in ratios.items() if policy != "ours")
        yield Row(f"  over no caching: {title}", ratios["ours"], "", beside)
        target = "≤ 1.05" if trace is not edited else ""
        yield Row("    over the least with 5m alone", ratios["ours"] / short, target, f"least {short:.4f}")
        yield Row("    over the least with both TTLs", ratios["ours"] / least, "", f"least {least:.4f}")


def openings(folder: Path) -> Iterator[Row]:
    """Of conversations that open with at least three blocks of 512 tokens of their own: how many go on."""
    with gzip.open(folder / "mooncake_first_half.jsonl.gz", "rt") as lines:
        requests = [json.loads(line) for line in lines]
    ends = max(request["timestamp"] for request in requests) / 1000
    # The last block is what is left of the request: nothing else has it
    times: dict[tuple[int, ...], list[float]] = {tuple(request["hash_ids"][:-1]): [] for request in requests}
    begun: set[tuple[int, ...]] = set()
    opened: list[tuple[float, tuple[int, ...]]] = []
    for request in requests:
        ids, at = tuple(request["hash_ids"]), request["timestamp"] / 1000
        own = ids[:-1]
        if len(own) >= 3 and own[:3] not in begun:
            opened.append((at, own))
        for length in range(1, len(ids) + 1):
            if (prefix := ids[:length]) in times:
                times[prefix].append(at)
            begun.add(ids[: min(length, len(own))])
    for minutes in (5, 20):
        those = [(at, own) for at, own in opened if at < ends - 60 * minutes]
        back = sum(any(at < later < at + 60 * minutes for later in times[own]) for at, own in those)
        yield Row(f"openings that go on within {minutes} minutes", back / len(those), "", f"of {len(those):,}")


def stable(request: RequestShape) -> RequestShape:
    """The ask without the outline, its files as they were at first."""
    blocks = (block for block in request.blocks if block.kind != "project_context")
    return replace(
        request,
        blocks=tuple(
            replace(block, digest=block.digest.rsplit(" ", 1)[0]) if block.kind == "file_reference" else block
            for block in blocks
        ),
    )


def _ours(model: Model, *, remembers: bool = True) -> Policy:
    """The planner that counts along the trace; without memory it has the prior alone, as the first request has."""
    if not remembers:
        return Planned(ByKind(shipped_prior()), lambda _: model, knows_what_lives=False)
    history = Memory()
    return Remembering(Thrifty(heuristic(history), history, rates(model, 0)), history, lambda _: model)


def _ratios(trace: Sequence[RequestShape], model: Model, policies: dict[str, Policy]) -> tuple[dict[str, float], float]:
    """The bill under each policy, and the least, over that of no caching."""
    model_of = lambda _: model  # noqa: E731 - a name for what every call takes
    uncached = replay(trace, none, model_of).cost
    ratios = {name: replay(trace, policy, model_of).cost / uncached for name, policy in policies.items()}
    return ratios, least_cost(trace, model_of) / uncached
