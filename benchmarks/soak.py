"""A long time with many clients: no error, no wrong answer, nothing left over, nothing that grows.

    python benchmarks/soak.py [--requests N] [--commands N] [--json]

First the proxy: N requests (100,000) of 16 clients at once, in the mix of `soak_proxy.MIX`, the endpoint behind it a
process of its own. Then the service: commands (one for each 25 requests) typed by 16 clients, as `soak_commands.MIX`.
Every answer is checked against what it must be. The first tenth warms up; before and after the rest everybody hangs up
and what is there at rest is counted. It exits 1 when an answer was wrong or missing, when there are more threads,
descriptors or processes at rest than before, and in a run of 20,000 and more when memory grows steadily.
"""

import argparse
import asyncio
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import accumulate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import soak_commands, soak_proxy
from benchmarks.growth import Grown, Watch, now
from benchmarks.proxy import Running, endpoint, running
from benchmarks.soak_line import Line, WrongAnswerError
from benchmarks.soak_part import CLIENTS, EXAMPLES, QUIET_S, WARM_UP, Part, report
from benchmarks.soak_proxy import Client, Kind, Stored
from optafly_cli import direct
from optafly_cli.config.settings import ServiceSettings

MOST_LINES = 100
"""Of the proxy's log, however long it runs: what a client does is no news."""


async def proxy_part(at: Running, requests: int) -> Part:
    """The proxy's half."""
    part, pids = Part("the proxy"), {"proxy": at.process.pid}
    stored = await soak_proxy.seed(at.port)
    clients = [
        Client(Line(at.port), Line(at.port), random.Random(number), stored) for number in range(CLIENTS)
    ]  # fmt: skip

    def sent() -> int:
        return sum(client.line.sent + client.other.sent for client in clients)

    async def until(number: int) -> None:
        await asyncio.gather(*(_go_on(client, part, lambda: sent() < number) for client in clients))
        for client in clients:
            client.line.hang_up()
            client.other.hang_up()
        await asyncio.sleep(QUIET_S)

    begun = time.monotonic()
    await until(round(requests * WARM_UP))
    before = now(pids)
    with Watch(pids, sent) as watch:
        await until(requests)
    after = now(pids)
    part.requests, part.seconds = sent(), time.monotonic() - begun
    if at.process.poll() is not None:
        part.faults.append(f"the proxy has ended: {at.process.returncode}")
        return part
    pool = ServiceSettings().connection_pool
    part.judge([Grown.between(name, before[name], after[name], watch, pool) for name in pids])
    metrics = (await Line(at.port).ask("GET", "/metrics")).body
    if b"\noptafly_in_flight 1\n" not in metrics:
        part.faults.append("requests are under way after all clients have left")
    part.notes.append(_kept(stored))
    return part


def _kept(stored: Stored) -> str:
    return f"{len(stored.reworded)} other words were known to hit; {next(stored.fresh):,} questions were new"


async def _go_on(client: Client, part: Part, more: Callable[[], bool]) -> None:
    """One client, as long as there is more to do."""
    kinds: list[Kind] = [*soak_proxy.MIX]
    weights = [*accumulate(soak_proxy.MIX.values())]
    while more():
        (kind,) = client.random.choices(kinds, cum_weights=weights)
        part.kinds[kind.__name__] += 1
        try:
            await kind(client)
        except (WrongAnswerError, OSError, EOFError, ValueError, KeyError) as error:
            part.fail(kind.__name__, error)
            client.line.hang_up()
            client.other.hang_up()


def _entries(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        (number,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    return f"the store has {number:,} entries, {database.stat().st_size / 1e6:.1f} MB"


def soak_the_proxy(requests: int) -> Part:
    """Start everything, let it run, and look at how the proxy ends."""
    with tempfile.TemporaryDirectory(prefix="optafly-soak-") as home, (Path(home) / "log").open("wb") as log:
        with endpoint(Path(home), "--echo") as url, running(Path(home), url, log) as at:
            part = asyncio.run(proxy_part(at, requests))
        if at.process.returncode:
            part.faults.append(f"the proxy's exit code is {at.process.returncode}")
        part.notes.append(_entries(Path(home) / "optafly" / "store" / direct.FILE))
        said = (Path(home) / "log").read_text("utf-8", "replace").splitlines()
        part.faults += [line for line in said if "fault" in line or "Traceback" in line][:EXAMPLES]
        part.notes.append(f"the proxy's log has {len(said)} lines")
        if len(said) > MOST_LINES:
            part.faults.append(f"the proxy says too much: {said[-1]!r}")
    return part


def main() -> None:
    """Soak, print, and exit 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=100_000, metavar="N", help="to the proxy (default 100000)")
    parser.add_argument("--commands", type=int, metavar="N", help="through the service (default: a 25th of N)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the tables")
    options = parser.parse_args()
    commands = options.requests // 25 if options.commands is None else options.commands
    parts = [soak_the_proxy(options.requests)] if options.requests else []
    if commands:
        parts.append(soak_commands.soak_the_service(commands))
    report(parts, as_json=options.json)
    if not all(part.is_good for part in parts):
        raise SystemExit(1)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
