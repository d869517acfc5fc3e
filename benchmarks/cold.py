"""Where a command without the service spends its time: the real application, with a stopwatch around its parts.

    python benchmarks/cold.py RESULT.json WORDS…

Runs `optafly WORDS…` in this process and writes the milliseconds of each part, without those of the parts inside of
it. A library counts where it is imported first, with all that it brings along but the other libraries.
"""

import builtins
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LIBRARIES = ("numpy", "onnxruntime", "faiss", "tokenizers")
OUTSIDE = "the interpreter's start and end"
REST = "the application: its imports, settings, workspace, output"


class Stopwatch:
    """Seconds of each part; while one runs inside of another, the other's time stands still."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._open: list[str] = []
        self._since = time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is done inside to `name`."""
        self._book()
        self._open.append(name)
        try:
            yield
        finally:
            self._book()
            self._open.pop()

    def _book(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.spent[self._open[-1]] = self.spent.get(self._open[-1], 0.0) + now - self._since
        self._since = now

    def around(self, owner: Any, method: str, name: str) -> None:
        """Count every call of a method to `name`."""
        plain = vars(owner)[method]
        inner = plain.__func__ if isinstance(plain, classmethod) else plain

        def timed(*arguments: Any, **options: Any) -> Any:
            with self.part(name):
                return inner(*arguments, **options)

        setattr(owner, method, classmethod(timed) if isinstance(plain, classmethod) else timed)

    def around_imports(self, libraries: Sequence[str]) -> None:
        """Count the first import of each of these."""
        plain = builtins.__import__

        def timed(name: str, *rest: Any, **options: Any) -> Any:
            library = name.partition(".")[0]
            if library not in libraries or library in sys.modules:
                return plain(name, *rest, **options)
            with self.part(f"import {library}"):
                return plain(name, *rest, **options)

        builtins.__import__ = timed


def parts_of(argv: Sequence[str], env: Mapping[str, str], cwd: Path, runs: int) -> dict[str, float]:
    """Median milliseconds of each part over so many runs of a command, the longest first."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="optafly-cold-") as folder:
        result = Path(folder) / "result.json"
        for _ in range(runs):
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, __file__, str(result), *argv],
                env=dict(env), cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
            whole = (time.perf_counter() - begun) * 1000
            if done.returncode:
                raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
            parts: dict[str, float] = json.loads(result.read_text())
            for name, spent in {**parts, OUTSIDE: whole - sum(parts.values())}.items():
                found.setdefault(name, []).append(spent)
    rows = {name: median(values) for name, values in found.items()}
    return dict(sorted(rows.items(), key=lambda row: -row[1]))


def lines(parts: Mapping[str, float]) -> list[str]:
    """The parts for a person."""
    whole = sum(parts.values())
    return [f"  {name:60}{spent:8.1f} ms{spent / whole:6.0%}" for name, spent in parts.items()]


def main() -> int:
    """Run the command, write the result; the command's exit code."""
    watch = Stopwatch()
    result, argv = Path(sys.argv[1]), sys.argv[2:]
    with watch.part(REST):
        from optafly_cli.cache.embedder import Embedder
        from optafly_cli.cache.store import Store
        from optafly_cli.cache.verifier.cross_encoder import CrossEncoder
        from optafly_cli.cli.handler import run

        watch.around_imports(LIBRARIES)
        watch.around(Embedder, "load", "embedding model: load")
        watch.around(Embedder, "embed", "embedding model: the vector")
        watch.around(CrossEncoder, "load", "cross-encoder: load")
        watch.around(CrossEncoder, "logit", "cross-encoder: both orders")
        watch.around(Store, "look_up", "look-up: SQLite, index, rules, calibration")
        code = run(argv)
    result.write_text(json.dumps({name: spent * 1000 for name, spent in watch.spent.items()}))
    return code


if __name__ == "__main__":
    sys.exit(main())
