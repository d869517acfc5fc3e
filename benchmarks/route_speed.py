"""What planning and routing take, in CPU time of a warm process, with a loop of known work in the same rounds."""

import random
import statistics
import time
from collections.abc import Callable, Iterator

from benchmarks.route_rows import Row
from optafly_cli.config.settings import RouteSettings
from optafly_cli.models import catalogue
from optafly_cli.refine.result import Intent, RefinedPrompt, Score, Section
from optafly_cli.route.engine import route
from optafly_cli.route.planner import place
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import ByKind, Reads, shipped_prior
from optafly_cli.route.shape import BlockShape, RequestShape, prefixes
from optafly_cli.tokens.counter import counter_for

MODEL = "claude-sonnet-5-5"


def speed(rounds: int) -> Iterator[Row]:
    """Medians, interleaved."""
    dice = random.Random(1)
    blocks = tuple(BlockShape(f"{i:032x}", dice.randint(20, 900), "conversation") for i in range(200))
    request = RequestShape(MODEL, blocks)
    falling = [Reads(3 * 0.99**i, 9 * 0.99**i) for i in range(200)]
    cases: dict[str, tuple[Callable[[], object], str]] = {
        "reference: 20,000 additions": (lambda: sum(range(20_000)), ""),
        "planner, 200 blocks of a conversation": (_planner(request, {}), "≤ 2 ms"),
        "planner, the turn before is in the cache": (_planner(request, {170: "5m"}), "≤ 2 ms"),
        "planner, 200 blocks, each with its estimate": (_planner(request, {}, falling), "≤ 2 ms"),
        "planner, both": (_planner(request, {170: "5m"}, falling), "≤ 2 ms"),
        "route, 2,000 tokens of context": (_route(5, 400), "≤ 5 ms"),
        "route, 200 files": (_route(200, 60), ""),
    }
    spent: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, (run, _) in cases.items():
            start = time.process_time()
            run()
            if number:
                spent[name].append((time.process_time() - start) * 1000)
    for name, (_, target) in cases.items():
        yield Row(f"{name}, p50 ms", statistics.median(spent[name]), target, f"p95 {_p95(spent[name]):.2f}")


def _planner(request: RequestShape, live: dict[int, Ttl], expected: list[Reads] | None = None) -> Callable[[], object]:
    model = catalogue().get(MODEL)
    reuse = ByKind(shipped_prior())

    def run() -> object:
        ends = prefixes(request)
        return place(request, ends, expected or reuse.expected(request, ends), model=model, live=live)

    return run


def _route(files: int, words: int) -> Callable[[], object]:
    model = catalogue().get(MODEL)
    context = (
        Section("file_reference", f"f{i}.py", " ".join(f"name_{i}_{j % 40}" for j in range(words)))
        for i in range(files)
    )
    sections = (*context, Section("instruction", "prompt", "why does this fail when the file is empty?"))
    score = Score(0.5, {})
    prompt = RefinedPrompt("why", sections, Intent("other", 0.5), score, score, (), (), (), 0, 2048)
    system = "Answer briefly, and with the file's own names. " * 150
    return lambda: route(
        prompt,
        model=model,
        system=system,
        max_tokens=1000,
        ttl="auto",
        settings=RouteSettings(),
        # A command has one of its own, which has counted nothing yet
        counter=counter_for(model),
    )


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
