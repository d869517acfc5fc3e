"""What a semantic cache serves rightly and wrongly: plain cosine, GPTCache and optafly on the same labelled pairs.

    python benchmarks/semantic_cache.py [FILES…] [--no-gptcache] [--gptcache-venv DIR] [--sample N] [-v]
                                        [--show wrong|missed] [--json]

Every pair is a cache of one stored prompt and one that is asked. One embedder makes all vectors. Without FILES: the
sets of ../shared/data/semcache, and our own. Report only: nothing here asserts a figure.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deciding import PLAIN_COSINE, Decision, decide, decide_pair, embedded_form, through_the_store
from benchmarks.embedding import Embedded, cache_folder
from benchmarks.gptcache_peer import VERSION, GptCache
from benchmarks.labelled import LabelledSet, Pair, default_paths, load, sampled, with_near_repeats
from optafly_cli.cache.embedder import Embedder

PRECISION = 0.95
THROUGH_STORE = 500
WIDTH = 100


@dataclass(frozen=True)
class Row:
    """One system on one set; shares are None where nothing could have been served. Times in milliseconds."""

    set: str
    system: str
    should_hit: int
    should_not: int
    served: int
    wrong: int
    precision: float | None
    recall_at_precision: float | None
    p50_ms: float | None
    p95_ms: float | None


@dataclass
class Result:
    """What came out of one set; pairs are (a, b, why)."""

    rows: list[Row] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def measure(one: LabelledSet, embedder: Embedder, gptcache: GptCache | None, options: argparse.Namespace) -> Result:
    """All systems on one set."""
    pairs = one.pairs
    texts = [text for pair in pairs for prompt in (pair.a, pair.b) for text in (prompt, embedded_form(prompt))]
    vectors = Embedded(texts, embedder, cache_folder())
    places = sampled(pairs, options.sample, options.seed)
    result = Result()
    plain, spent = _plain(pairs, vectors)
    result.rows.append(_row(one.name, f"cosine {PLAIN_COSINE}", pairs, plain, [spent[at] for at in places]))
    if gptcache is not None:
        some = [pairs[at] for at in places]
        served, times = gptcache.answer(some, vectors)
        answers = [Decision(hit, float(hit)) for hit in served]
        result.rows.append(_row(one.name, f"GPTCache {VERSION}", some, answers, times, sweep=False))
    ours, spent = _ours(pairs, vectors)
    result.rows.append(_row(one.name, "optafly", pairs, ours, [spent[at] for at in places]))
    _through_the_store(result, one, vectors, ours, options.seed)
    if len(places) < len(pairs):
        result.notes.append(f"{one.name}: GPTCache and times on {len(places):,} pairs (seed {options.seed})")
    for pair, decision in zip(pairs, ours, strict=True):
        if pair.same and not decision.served:
            result.missed.append((pair.a, pair.b, decision.reason))
        elif decision.served and not pair.same:
            result.wrong.append((pair.a, pair.b, f"score {decision.score:.3f}"))
    result.reasons = dict(Counter(why for *_, why in result.missed).most_common())
    return result


def _plain(pairs: Iterable[Pair], vectors: Embedded) -> tuple[list[Decision], list[float]]:
    found, spent = [], []
    for pair in pairs:
        start = time.perf_counter()
        cosine = vectors.cosine(pair.a, pair.b)
        spent.append((time.perf_counter() - start) * 1000)
        found.append(Decision(cosine >= PLAIN_COSINE, cosine))
    return found, spent


def _ours(pairs: Iterable[Pair], vectors: Embedded) -> tuple[list[Decision], list[float]]:
    decide("warm the lexicon", "warm a lexicon", 0.0)
    found, spent = [], []
    for pair in pairs:
        cosine = vectors.cosine(embedded_form(pair.a), embedded_form(pair.b))
        start = time.perf_counter()
        found.append(decide_pair(pair, cosine))
        spent.append((time.perf_counter() - start) * 1000)
    return found, spent


def _through_the_store(
    result: Result, one: LabelledSet, vectors: Embedded, ours: Sequence[Decision], seed: int
) -> None:
    """Ask the real store for a sample: its times, and whether `decide` says what it does."""
    places = sampled(one.pairs, THROUGH_STORE, seed)
    pairs = [one.pairs[at] for at in places]
    served, spent = through_the_store(pairs, vectors)
    decisions = [Decision(hit, float(hit)) for hit in served]
    result.rows.append(_row(one.name, "optafly, Store.look_up", pairs, decisions, spent, sweep=False))
    if differ := [at for at, hit in zip(places, served, strict=True) if ours[at].served != hit]:
        first = one.pairs[differ[0]]
        result.notes.append(
            f"{one.name}: decide() and the store DISAGREE on {len(differ)} of {len(places)} pairs, first {first.a!r}"
        )


def _row(
    name: str,
    system: str,
    pairs: Sequence[Pair],
    decisions: Sequence[Decision],
    times: Sequence[float],
    *,
    sweep: bool = True,
) -> Row:
    served = sum(decision.served and pair.same for pair, decision in zip(pairs, decisions, strict=True))
    wrong = sum(decision.served and not pair.same for pair, decision in zip(pairs, decisions, strict=True))
    should_hit = sum(pair.same for pair in pairs)
    return Row(
        set=name,
        system=system,
        should_hit=should_hit,
        should_not=len(pairs) - should_hit,
        served=served,
        wrong=wrong,
        precision=served / (served + wrong) if served + wrong else None,
        recall_at_precision=recall_at(PRECISION, pairs, decisions) if sweep else None,
        p50_ms=round(statistics.median(times), 4) if times else None,
        p95_ms=round(statistics.quantiles(times, n=20, method="inclusive")[-1], 4) if len(times) > 1 else None,
    )


def recall_at(precision: float, pairs: Sequence[Pair], decisions: Sequence[Decision]) -> float | None:
    """The largest share of should-hit pairs that one threshold on the score serves at that precision or better."""
    should_hit = sum(pair.same for pair in pairs)
    if not should_hit or should_hit == len(pairs):
        return None
    scored = [(decision.score, pair.same) for pair, decision in zip(pairs, decisions, strict=True)]
    ranked = sorted(scored, reverse=True)
    best = right = wrong = 0
    for at, (score, same) in enumerate(ranked):
        right, wrong = right + same, wrong + (not same)
        if score <= 0:
            break
        ends_a_tie = at + 1 == len(ranked) or ranked[at + 1][0] != score
        if ends_a_tie and right / (right + wrong) >= precision:
            best = right
    return best / should_hit


def table(results: Sequence[Result]) -> None:
    """Print the rows, at most 100 columns wide."""
    print(f"{'':24}{'served of should-hit':>22}{'wrong of should-not':>22}{'prec.':>8}{'R@P.95':>8}{'p50/p95 ms':>16}")
    for result in results:
        print(f"\n{result.rows[0].set}")
        for row in result.rows:
            times = "-" if row.p50_ms is None else f"{_ms(row.p50_ms)}/{_ms(row.p95_ms)}"
            print(
                f"  {row.system:22}{_share(row.served, row.should_hit):>22}{_share(row.wrong, row.should_not):>22}"
                f"{_percent(row.precision):>8}{_percent(row.recall_at_precision):>8}{times:>16}".rstrip()
            )


def _share(part: int, of: int) -> str:
    return f"{part / of:7.2%} ({part}/{of})" if of else "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def details(results: Sequence[Result], *, reasons: bool, show: Sequence[str]) -> None:
    """Print why pairs were missed, and the pairs themselves where they were asked for."""
    for result in results:
        name = result.rows[0].set
        if reasons and result.reasons:
            counted = ", ".join(f"{why} {count}" for why, count in result.reasons.items())
            print(f"\n{name}: {len(result.missed)} missed: {counted}")
        for kind, pairs in (("wrong", result.wrong), ("missed", result.missed)):
            if kind in show and pairs:
                print(f"\n{name}: {kind}")
                for a, b, why in pairs:
                    print(f"  [{why}]\n    {a}\n    {b}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("files", nargs="*", type=Path, help="JSONL (or .jsonl.gz) with a, b, same_answer")
    parser.add_argument("--no-gptcache", action="store_true", help="leave GPTCache out")
    parser.add_argument("--gptcache-venv", type=Path, default=cache_folder() / f"gptcache-{VERSION}", metavar="DIR")
    parser.add_argument("--sample", type=int, default=5_000, metavar="N", help="pairs for GPTCache and times")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("-v", "--verbose", action="store_true", help="why should-hit pairs were missed, counted")
    parser.add_argument("--show", action="append", choices=("wrong", "missed"), default=[], help="print those pairs")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args()
    options.files = options.files or default_paths()
    if not options.files:
        parser.error("no labelled sets beside the repository (../shared/data/semcache): give JSONL files")
    if options.sample < 2:
        parser.error("--sample must be at least 2")
    return options


def main() -> None:
    """Measure and print."""
    options = arguments()
    embedder = Embedder.load()
    gptcache = None if options.no_gptcache else GptCache.installed(options.gptcache_venv)
    sets = [one for path in options.files for one in with_near_repeats(load(path))]
    results = [measure(one, embedder, gptcache, options) for one in sets]
    notes = [f"embedder of all three: {embedder.identity}; no time includes the embedding"]
    notes += ["optafly's time is decide(), veto included whatever the cosine; Store.look_up is the whole look-up"]
    notes += ["GPTCache was left out (--no-gptcache)"] if gptcache is None else []
    notes += [note for result in results for note in result.notes]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    if options.json:
        print(json.dumps({"machine": machine, "results": [asdict(result) for result in results], "notes": notes}))
        return
    print(f"{machine}\n")
    table(results)
    details(results, reasons=options.verbose, show=options.show)
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
