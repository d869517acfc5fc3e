"""What people use today, beside ours in the same rounds: GPTCache and simonw's `llm`, in an environment of their own.

GPTCache has no command: a process that imports it, opens a cache of one entry and looks up is what a command around it
would take. It is given our vectors, so that embedding costs it nothing. `llm` has no cache; what comes nearest to an
answer from its store is `llm logs -n 1 -r`, which prints the last logged response without looking for a question. That
was logged with the llm-echo plugin, which needs no network.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.gptcache_peer import REQUIREMENTS
from benchmarks.timing import Case, Finished

VARIABLE = "OPTAFLY_BENCH_PEERS"
ROOT = Path(__file__).resolve().parents[1]
ANSWER = "the stored answer"


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--peers [DIR]`; without it the variable names the environment, or there are none."""
    parser.add_argument(
        "--peers", nargs="?", const="", default=os.environ.get(VARIABLE), metavar="DIR",
        help="beside GPTCache and llm, in the venv DIR, which is made when it is missing (default: a temporary one)",
    )  # fmt: skip


@dataclass
class Peers:
    """An environment with both, and a folder for what they store. `spent`: look-ups of GPTCache in one process, ms."""

    venv: Path
    folder: Path
    spent: list[float] = field(default_factory=list)

    @classmethod
    def installed(cls, venv: Path, folder: Path, stored: str, asked: str) -> "Peers":
        """The peers in that venv, installed if they are missing; each has an answer to `stored`.

        Raises:
            SystemExit: they could not be installed.
        """
        made = cls(venv, folder)
        if not (venv / "bin" / "llm").exists():
            print(f"installing GPTCache and llm into {venv}", file=sys.stderr)
            made._run([sys.executable, "-m", "venv", str(venv)])
            made._run([made._python, "-m", "pip", "install", "--quiet", *REQUIREMENTS, "llm", "llm-echo"])
        made._store(stored, asked)
        return made

    @property
    def env(self) -> Mapping[str, str]:
        """What llm needs to find its store."""
        return {"LLM_USER_PATH": str(self.folder / "llm")}

    @property
    def _python(self) -> str:
        return str(self.venv / "bin" / "python")

    def _store(self, stored: str, asked: str) -> None:
        import numpy as np

        from optafly_cli.cache.embedder import Embedder

        (self.folder / "llm").mkdir(parents=True)
        np.save(self.folder / "vectors.npy", Embedder.load().embed([stored, asked]))
        self._run(self._gptcache("put", ANSWER))
        self._run([str(self.venv / "bin" / "llm"), "-m", "echo", stored])

    def _gptcache(self, *words: str) -> list[str]:
        # By its path, as -m would look for it where the measured commands run
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from benchmarks.gptcache_lookup import main; main()"
        return [self._python, "-c", code, str(self.folder), *words]

    def cases(self) -> list[Case]:
        """The rows. After each run of GPTCache's process its look-up alone is timed in another one."""
        llm = str(self.venv / "bin" / "llm")
        return [
            Case("GPTCache, a process that looks up", self._gptcache("get"), check=self._check),
            Case("llm --version", [llm, "--version"]),
            Case("llm logs -n 1 -r", [llm, "logs", "-n", "1", "-r"]),
        ]

    def _check(self, done: Finished) -> None:
        if done.stdout.decode().strip() != ANSWER:
            raise SystemExit(f"GPTCache found {done.stdout!r}")
        self.spent += json.loads(self._run(self._gptcache("time")))

    def notes(self) -> list[str]:
        """What no row says."""
        return [f"GPTCache's look-up in a process that has it loaded: {median(self.spent):.1f} ms, without embedding."]

    def _run(self, argv: list[str]) -> str:
        done = subprocess.run(argv, env={**os.environ, **self.env}, capture_output=True, text=True, check=False)
        if done.returncode:
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise SystemExit(f"{' '.join(argv[:3])} …: exit {done.returncode}\n{last}")
        return done.stdout
