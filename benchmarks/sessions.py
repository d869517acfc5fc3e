"""What a user gets: real edits of real repositories, asked about through `optafly ask`, with and without other words.

    python benchmarks/sessions.py --repo PATH [--repo PATH …] [--functions N] [--seed N] [--latency S] [--json]

For each function: ask, edit (its next real commit), ask, revert, ask, ask about its neighbour, edit elsewhere, ask. The
command line runs in this process, its embedder is loaded once as the service would, and the fake Messages server of
tests/fakes answers with a digest of the code that it was sent: every hit is held against what is on disk.
"""

import argparse
import contextlib
import functools
import io
import json
import os
import platform
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.histories import Edit, clone, edits, functions, git
from benchmarks.prompt_bank import BANK, CLOSE
from benchmarks.timing import clean_environment
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cli.handler import run
from tests.fakes.messages_api import MessagesApi

OFF = {"OPTAFLY_CACHE_EMBEDDING_MODEL": "none/exact-only"}
"""Exact only: no such embedding model can be loaded. similarity = 1 still serves what differs by courtesy alone, and a
max_error_rate of 0 is not a legal setting."""
_CODE = re.compile(r'<code path="(?P<path>[^"]*)"[^>]*>\n(?P<text>.*)\n</code>', re.DOTALL)
_MARK = re.compile(r"code:(?P<digest>\w+) intent:(?P<intent>.*)\Z")


@dataclass(frozen=True, slots=True)
class Ask:
    """One `ask` and what became of it. `answerable`: the same was asked about the same code before. Milliseconds."""

    step: str
    answerable: bool
    tier: str | None
    verdict: str
    own_ms: float
    reason: str


@dataclass
class Provider:
    """The fake's mind: it answers with the digest of the code in the request, and what the request was meant to ask."""

    intent: str = ""
    sent: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def reply(self, body: Mapping[str, Any]) -> str:
        """The text of the answer to a request."""
        blocks = [block["text"] for message in body["messages"] for block in message["content"]]
        pieces = [(found["path"], found["text"]) for block in blocks if (found := _CODE.search(block))]
        digest = sha256(json.dumps(pieces).encode()).hexdigest()[:16]
        self.sent[digest] = pieces
        return f"code:{digest} intent:{self.intent}"


class Developer:
    """Somebody in a clone of the repository who edits and asks."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        self.folder = folder
        self.provider = provider
        self.asks: list[Ask] = []
        self._asked: set[tuple[str, str, str]] = set()

    def session(self, edit: Edit, rng: random.Random) -> None:
        """All that is asked around one edit."""
        git(self.folder, "checkout", "--quiet", "--force", "--detach", f"{edit.commit}^")
        intent = rng.choice(list(BANK))
        other = CLOSE[intent]
        first, *rewordings = BANK[intent]
        rng.shuffle(rewordings)
        self._ask("first", edit, edit.before, intent, first)
        self._ask("edited, other words", edit, edit.after, intent, rewordings[0])
        self._ask("edited, same words", edit, edit.after, intent, first)
        self._ask("reverted, same words", edit, edit.before, intent, first)
        self._ask("reverted, other words", edit, edit.before, intent, rewordings[1])
        self._ask("its neighbour", edit, edit.before, intent, first, neighbour=True)
        self._ask("a close question", edit, edit.before, other, BANK[other][0])
        self._ask("edited elsewhere, same words", edit, edit.elsewhere, intent, first)
        self._ask("edited elsewhere, other words", edit, edit.elsewhere, intent, rewordings[2])

    def _ask(self, step: str, edit: Edit, version: str, intent: str, words: str, *, neighbour: bool = False) -> None:
        """Make the file that version and ask about the function in it."""
        path = self.folder / edit.path
        if path.read_text("utf-8") != version:
            path.write_text(version, "utf-8")
        name = edit.neighbour if neighbour else edit.function
        place = functions(version)[name]
        self.provider.intent = intent
        document = optafly("ask", words, "--file", f"{edit.path}:{place.line}", "--json")
        cache = document["cache"]
        known = (edit.path, place.text, intent)
        own = document["timing_ms"]["total"] - document["timing_ms"]["provider"]
        verdict = (
            self._verdict(document["answer"], edit.path, place.text, intent) if cache["status"] == "hit" else "miss"
        )
        self.asks.append(Ask(step, known in self._asked, cache["tier"], verdict, own, cache["reason"]))
        if cache["status"] == "miss":
            self._asked.add(known)
            if self._verdict(document["answer"], edit.path, place.text, intent) != "useful":
                raise SystemExit(f"{edit.path}:{place.line} ({edit.commit}): the request does not hold the function")

    def _verdict(self, answer: str, path: str, text: str, intent: str) -> str:
        """Useful: drawn from code that is on disk now, all of the function in it, for the same intent."""
        mark = _MARK.search(answer)
        if mark is None:
            raise SystemExit(f"not an answer of the fake: {answer!r}")
        pieces = self.provider.sent[mark["digest"]]
        on_disk = all(piece in self._on_disk(name) for name, piece in pieces)
        if not (on_disk and any(name == path and text in piece for name, piece in pieces)):
            return "stale"
        return "useful" if mark["intent"] == intent else "wrong intent"

    def _on_disk(self, name: str) -> str:
        """The text of a file now; empty when it is gone."""
        path = self.folder / name
        return path.read_text("utf-8", "replace") if path.is_file() else ""


def optafly(*arguments: str) -> dict[str, Any]:
    """The JSON document of one command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    if code != 0:
        raise SystemExit(f"optafly {' '.join(arguments)}: exit {code}\n{out.getvalue()}{err.getvalue()}")
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@contextlib.contextmanager
def _environment(variables: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Run in `folder` with these environment variables and no others, and with nothing on stdin."""
    before = Path.cwd()
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.object(Embedder, "load", functools.cache(Embedder.load)),
        Path(os.devnull).open() as nothing,
        mock.patch.object(sys, "stdin", nothing),
    ):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def replay(source: Path, found: Sequence[Edit], seed: int, settings: Mapping[str, str]) -> list[Ask]:
    """Everything that is asked about one repository, in a clone and a store of its own."""
    provider = Provider()
    with tempfile.TemporaryDirectory(prefix="optafly-sessions-") as name, MessagesApi(reply=provider.reply) as api:
        home = Path(name)
        folder = home / "work"
        clone(source, folder)
        endpoint = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": api.key}
        developer = Developer(folder, provider)
        with _environment({**clean_environment(home), **endpoint, **settings}, folder):
            for edit in found:
                developer.session(edit, random.Random(f"{seed}:{edit.commit}"))
    return developer.asks


def summary(asks: Sequence[Ask], latency: float) -> dict[str, Any]:
    """The figures of one replay. Time saved: what hits did not wait for, less all that look-ups and storing took."""
    verdicts = [ask.verdict for ask in asks]
    answerable = [ask for ask in asks if ask.answerable]
    own = sum(ask.own_ms for ask in asks) / 1000
    hits = len(asks) - verdicts.count("miss")
    without = latency * len(asks)
    return {
        "asks": len(asks),
        "answerable": len(answerable),
        "useful": verdicts.count("useful"),
        "useful_rate": verdicts.count("useful") / len(asks),
        "useful_of_answerable": sum(ask.verdict == "useful" for ask in answerable) / max(1, len(answerable)),
        "semantic": sum(ask.tier == "semantic" for ask in asks),
        "stale": verdicts.count("stale"),
        "wrong_intent": verdicts.count("wrong intent"),
        "own_s": own,
        "saved_s": latency * hits - own,
        "saved_share": (latency * hits - own) / without,
    }


def steps(asks: Sequence[Ask]) -> dict[str, str]:
    """For each step: hits, answerable asks and asks."""
    found: dict[str, list[Ask]] = {}
    for ask in asks:
        found.setdefault(ask.step, []).append(ask)
    return {
        step: f"{sum(ask.verdict != 'miss' for ask in some)}/{sum(ask.answerable for ask in some)}/{len(some)}"
        for step, some in found.items()
    }


def report(results: Sequence[Mapping[str, Any]], latency: float) -> None:
    """Print the table and, with all repositories together, where the hits were."""
    print(f"{'asks':>34}{'useful hits':>14}{'of answerable':>18}{'stale':>7}{'wrong':>7}{'time saved':>18}")
    for result in results:
        of_answerable = f"{result['useful_of_answerable']:.1%} ({result['answerable']})"
        print(
            f"{result['repository'][:17]:18}{result['tiers']:10}{result['asks']:>6}"
            f"{result['useful']:>6} {result['useful_rate']:>7.1%}{of_answerable:>18}"
            f"{result['stale']:>7}{result['wrong_intent']:>7}"
            f"{result['saved_s']:>9.0f} s {result['saved_share']:>6.1%}"
        )
    print(f"\n{'hits/answerable/asks':34}" + "".join(f"{result['tiers'][:9]:>15}" for result in results[:2]))
    for step in results[0]["steps"]:
        print(f"{step:34}" + "".join(f"{_together(results, tiers, step):>15}" for tiers in ("semantic", "exact")))
    print(
        f"\nAnswerable: the same question about the same code was answered before. Time saved: {latency:g} s for each"
        "\nhit, less optafly's own time in all asks, of what the asks take without it."
    )


def _together(results: Sequence[Mapping[str, Any]], tiers: str, step: str) -> str:
    counts = [map(int, result["steps"][step].split("/")) for result in results if result["tiers"] == tiers]
    return "/".join(str(sum(column)) for column in zip(*counts, strict=True))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repo", action="append", type=Path, default=[], metavar="PATH", help="a git repository")
    parser.add_argument("--functions", type=int, default=60, metavar="N", help="of each repository (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the commits, questions and words (default 0)")
    parser.add_argument("--latency", type=float, default=4.0, metavar="S", help="of the provider (default 4 s)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args()
    if not options.repo:
        parser.error("pass git repositories of Python code, with their history: --repo requests --repo click …")
    return options


def main() -> None:
    """Replay and print; exits 1 when an answer was stale."""
    options = arguments()
    results = []
    for path in options.repo:
        found = list(edits(path, options.functions, options.seed))
        if not found:
            raise SystemExit(f"{path}: no commit edits a Python function of 4 to 60 lines")
        name = path.resolve().parent.name if path.name in {"repo", ".git"} else path.resolve().name
        real = sum(edit.elsewhere_is_real for edit in found)
        print(f"{name}: {len(found)} functions; {real} of the edits elsewhere are real", file=sys.stderr)
        for tiers, settings in (("semantic", {}), ("exact", OFF)):
            asks = replay(path, found, options.seed, settings)
            result = {"repository": name, "tiers": tiers, **summary(asks, options.latency), "steps": steps(asks)}
            if tiers == "exact" and result["semantic"]:
                raise SystemExit("the exact-only run had semantic hits: it is not one")
            results.append({**result, "bad": [asdict(ask) for ask in asks if ask.verdict not in {"useful", "miss"}]})
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    if options.json:
        print(json.dumps({"machine": machine, "latency_s": options.latency, "results": results}))
    else:
        print(f"{machine}; `ask` in this process\n")
        report(results, options.latency)
    sys.exit(1 if any(result["stale"] for result in results) else 0)


if __name__ == "__main__":
    main()
