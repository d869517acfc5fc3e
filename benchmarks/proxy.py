"""The proxy: hits at 50 clients, and what it adds to the first byte of a miss.

Everything is real: `optafly serve` and the test endpoint in processes of their own, HTTP over loopback, kept-alive
connections. Every round runs every case once, in an order that turns, so that a busy moment hits all of them; a miss
through the proxy stands next to the same question asked of the endpoint directly. The endpoint answers at once, which
no model does; a second one takes 30 ms. A second proxy runs beside a service and uses its engine; the memory of all
processes is the proportional share (PSS). `--runs N` rounds.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.timing import arguments, clean_environment, optafly
from optafly_cli.service.client import memory_mb

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = 50
PACE_S = 0.25
"""A client's pause between two questions where it is paced: 50 clients are 200 requests a second."""
PER_CLIENT = 8
MISSES = 20
FEW_CLIENTS, FEW_PACE_S = 10, 0.5
"""Clients with other words: 20 questions a second, about a third of what one thread can compare."""
BESIDE = "beside a service: "
THINKS_S = 0.03
THINKING = "after 30 ms: "
TOLD_APART = "miss, others in its scope that the rules tell apart"
COMPARED = "miss, others in its scope that have to be compared"
NEW_RULES = "miss, 16 KB of rules never seen before"
LONG = "a rule of the house that never changes " * 400
KEY = "sk-ant-api03-benchmark"


@dataclass(frozen=True)
class Row:
    """A case over all rounds, in milliseconds."""

    name: str
    p50_ms: float
    p95_ms: float
    requests: int
    budget: str = ""


class Connection:
    """One kept-alive connection, by hand: a client library would be measured along."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, body: bytes, header: str = "") -> tuple[float, float, str]:
        """Seconds to the first byte of the reply's body and to its end, and what the cache said."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = (
            f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\nanthropic-version: 2026-10-21\r\n"
            f"content-type: application/json\r\n{header}content-length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        writer.write(head.encode() + body)
        got = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if not got.startswith("http/1.1 200"):
            raise SystemExit(f"the reply is {got.splitlines()[0]}")
        first = 0.0
        if "transfer-encoding: chunked" in got:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
                first = first or time.perf_counter() - begun
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(got.split("content-length: ")[1].split("\r\n")[0]))
            first = time.perf_counter() - begun
        said = got.split("x-optafly-cache: ")[1].split("\r\n")[0] if "x-optafly-cache: " in got else ""
        return first, time.perf_counter() - begun, said

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()


def question(text: str, *, system: str = "", stream: bool = False, **more: object) -> bytes:
    """The body of a question."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 300, "messages": [{"role": "user", "content": text}]}
    return json.dumps({**body, **more, "stream": stream} | ({"system": system} if system else {})).encode()


async def hits(port: int, *, pace_s: float, stream: bool = False) -> list[float]:
    """Seconds to the end of exact hits, of 50 clients at once; each with a pause, or as fast as it gets answers."""

    async def client(number: int) -> list[float]:
        connection = Connection(port)
        found = []
        body = question(f"stored question {number % 20}", stream=stream)
        await asyncio.sleep(random.random() * pace_s)
        for _ in range(PER_CLIENT):
            _, whole, said = await connection.ask(body)
            if said != "hit; tier=exact":
                raise SystemExit(f"not a hit: {said}")
            found.append(whole)
            await asyncio.sleep(random.uniform(0.5, 1.5) * pace_s)
        connection.close()
        return found

    return [value for values in await asyncio.gather(*map(client, range(CLIENTS))) for value in values]


async def other_words(port: int) -> list[float]:
    """Seconds to the end of semantic hits, of 10 clients at once, each with a pause."""

    async def client() -> list[float]:
        connection = Connection(port)
        found = []
        await asyncio.sleep(random.random() * FEW_PACE_S)
        for _ in range(PER_CLIENT // 2):
            _, whole, said = await connection.ask(question("please fix this bug", system="semantic"))
            if not said.startswith("hit; tier=semantic"):
                raise SystemExit(f"not a semantic hit: {said}")
            found.append(whole)
            await asyncio.sleep(random.uniform(0.5, 1.5) * FEW_PACE_S)
        connection.close()
        return found

    return [value for values in await asyncio.gather(*(client() for _ in range(FEW_CLIENTS))) for value in values]


async def misses(
    through: Connection, direct: Connection, make: Callable[[int], bytes], first: int
) -> list[list[float]]:
    """Seconds to the first byte of the same new questions, through the proxy and directly, one after the other."""
    found: list[list[float]] = [[], []]
    for number in range(first, first + MISSES):
        body = make(number)
        for place, connection in random.sample([(0, through), (1, direct)], 2):
            value, _, said = await connection.ask(body)
            if place == 0 and not said.startswith(("miss", "bypass")):
                raise SystemExit(f"not a miss: {said}")
            found[place].append(value)
    return found


def cases(proxy: int, fake: int) -> dict[str, Callable[[int], Awaitable[list[list[float]]]]]:
    """The cases by name; each gives its values, and those of asking directly where there is something to compare."""
    through, direct = Connection(proxy), Connection(fake)

    async def paced(_: int) -> list[list[float]]:
        return [await hits(proxy, pace_s=PACE_S)]

    async def streamed(_: int) -> list[list[float]]:
        return [await hits(proxy, pace_s=PACE_S, stream=True)]

    async def semantic(_: int) -> list[list[float]]:
        return [await other_words(proxy)]

    async def full(_: int) -> list[list[float]]:
        return [await hits(proxy, pace_s=0)]

    def missed(make: Callable[[int], bytes]) -> Callable[[int], Awaitable[list[list[float]]]]:
        return lambda turn: misses(through, direct, make, turn * MISSES)

    return {
        "exact hit, 50 clients, 200 requests/s": paced,
        "the same, streamed": streamed,
        "exact hit, 50 clients, each at once again": full,
        "semantic hit, 10 clients, 20 requests/s": semantic,
        "miss, nothing stored in its scope": missed(lambda n: question("why?", system=f"scope {n}", stream=True)),
        TOLD_APART: missed(lambda n: question(sentence(n), system=f"told apart {n // MISSES}", stream=True)),
        COMPARED: missed(lambda n: question(matter(n), system=f"compared {n // MISSES}", stream=True)),
        "miss, 16 KB of rules to anchor": missed(
            lambda n: question("why?", system=f"{n % 3}{LONG}", stream=True, stop_sequences=[str(n)])
        ),
        NEW_RULES: missed(lambda n: question("why?", system=rules(n), stream=True)),
    }


def sentence(number: int) -> str:
    """A question that no other of the benchmark is like; each has a number, which tells it apart."""
    rng = random.Random(number)
    verb = rng.choice(["describe", "list", "compare", "summarise", "explain"])
    nouns = rng.sample(["sockets", "parsers", "orchids", "glaciers", "violins", "tariffs", "enzymes", "kernels"], 3)
    return f"{verb} {nouns[0]} and {nouns[1]} for {nouns[2]} number {number}"


def matter(number: int) -> str:
    """A question that no other of the benchmark is like, in plain words: no rule tells most of them apart."""
    asked = ["explain how {} work", "write a story with {}", "what are {} good for", "summarise the history of {}"]
    asked += ["think of a recipe with {}", "why do people like {}", "who would collect {}", "describe the sound of {}"]
    nouns = ["sockets", "parsers", "orchids", "glaciers", "violins", "tariffs", "enzymes", "kernels", "bicycles"]
    nouns += ["lighthouses", "mosses", "tides", "bridges", "carpets", "pigeons", "clocks", "castles", "candles", "nets"]
    about = random.Random(1).sample([one.format(noun) for one in asked for noun in nouns], len(asked) * len(nouns))
    return about[number % len(about)]


def rules(number: int) -> str:
    """16 KB of prose that no other number has."""
    rng = random.Random(number)
    words = [word for page in sorted((ROOT / "docs").glob("*.md")) for word in page.read_text().split()]
    return " ".join(rng.choices(words, k=3_000))[:16_000]


async def measure(
    proxy: int, fake: int, beside: int, thinking: tuple[int, int], rounds: int
) -> dict[str, list[list[float]]]:
    """All values of all cases; round 0 warms up. `thinking`: a proxy and the endpoint behind it that takes its time."""
    for port in (proxy, beside, thinking[0]):
        warm = Connection(port)
        for number in range(20):
            await warm.ask(question(f"stored question {number}"))
        await warm.ask(question("fix this bug", system="semantic"))
    todo = cases(proxy, fake)
    there = cases(beside, fake)
    todo |= {BESIDE + name: there[name] for name in todo if "50 clients, 200" in name or "semantic" in name}
    todo |= {BESIDE + name: there[name] for name in (TOLD_APART, COMPARED)}
    todo[THINKING + NEW_RULES] = cases(*thinking)[NEW_RULES]
    found: dict[str, list[list[float]]] = {name: [[], []] for name in todo}
    names = list(todo)
    for turn in range(rounds + 1):
        for step in range(len(names)):
            name = names[(turn + step) % len(names)]
            values = await todo[name](turn)
            if turn:
                for place, new in enumerate(values):
                    found[name][place] += new
    return found


def rows_of(found: dict[str, list[list[float]]]) -> Iterator[Row]:
    """The table: hits as they are, misses as what the proxy adds to the same question asked directly."""
    for name, (through, direct) in found.items():
        if not direct:
            budget = "8 / 25 ms" if "exact hit, 50 clients, 200" in name else ""
            yield Row(name, *_percentiles(through), len(through), budget)
            continue
        added = [one - two for one, two in zip(through, direct, strict=True)]
        yield Row(f"{name}: first byte", *_percentiles(through), len(through))
        yield Row("  the endpoint, asked directly", *_percentiles(direct), len(direct))
        yield Row("  added", *_percentiles(added), len(added), "3 ms")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _percentiles(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return round(statistics.median(values) * 1000, 2), round(cuts[-1] * 1000, 2)


@dataclass(frozen=True)
class Running:
    """A proxy's port, and its process."""

    port: int
    process: "subprocess.Popen[str]"


@contextmanager
def endpoint(home: Path, *options: str) -> Iterator[str]:
    """The URL of the test endpoint, started with those options."""
    fake = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.messages_api", *options],
        cwd=ROOT, env=clean_environment(home), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        said = fake.stdout.readline() if fake.stdout else ""
        yield said.split()[0].partition("=")[2]
    finally:
        fake.terminate()
        fake.wait()


@contextmanager
def running(home: Path, url: str, log: IO[bytes] | None = None) -> Iterator[Running]:
    """A proxy in front of that URL. `log` gets what it says; without it that goes to our stderr."""
    proxy = subprocess.Popen(
        [*optafly(), "serve", "--port", "0", "--json", "--upstream", url],
        cwd=home, env=clean_environment(home), stdout=subprocess.PIPE, stderr=log, text=True,
    )  # fmt: skip
    try:
        text = ""
        while not text.endswith("}\n"):
            text += proxy.stdout.readline() if proxy.stdout else ""
        yield Running(int(json.loads(text)["url"].rpartition(":")[2]), proxy)
    finally:
        proxy.terminate()
        proxy.wait()


@contextmanager
def service(home: Path) -> Iterator[int]:
    """The pid of a service of that home."""
    home.mkdir()

    def say(word: str) -> str:
        command = [*optafly(), "service", word, "--json"]
        return subprocess.run(
            command, cwd=home, env=clean_environment(home), stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    pid = json.loads(say("start"))["pid"]
    try:
        yield pid
    finally:
        say("stop")


def main() -> None:
    """Measure, and print the table."""
    options = arguments(__doc__)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(endpoint(home))
        alone = stack.enter_context(running(home, url))
        slow = stack.enter_context(endpoint(home, "--think", str(THINKS_S)))
        (home / "slow").mkdir()
        before_slow = stack.enter_context(running(home / "slow", slow))
        engine = stack.enter_context(service(home / "beside"))
        beside = stack.enter_context(running(home / "beside", url))
        thinking = (before_slow.port, _port(slow))
        found = asyncio.run(measure(alone.port, _port(url), beside.port, thinking, options.runs))
        pids = {"alone": alone.process.pid, "beside": beside.process.pid, "service": engine}
        memory = {name: memory_mb(pid) for name, pid in pids.items()}
    rows = list(rows_of(found))
    machine = f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    if options.json:
        print(
            json.dumps(
                {"machine": machine, "rounds": options.runs, "rows": [asdict(row) for row in rows], "pss_mb": memory},
                indent=2,
            )
        )
        return
    print(f"The proxy: {options.runs} interleaved rounds\n{machine}\n")
    print(f"{'case':56}{'p50 ms':>8}{'p95 ms':>8}  budget")
    for row in rows:
        print(f"{row.name:56}{row.p50_ms:8.2f}{row.p95_ms:8.2f}  {row.budget}".rstrip())
    print(
        f"\nMB: a proxy alone {memory['alone']}; beside a service {memory['beside']}, the service {memory['service']}"
    )
    closed = found["exact hit, 50 clients, each at once again"][0]
    print(f"\n50 clients without a pause: {CLIENTS / statistics.mean(closed):.0f} hits a second")


if __name__ == "__main__":
    main()
