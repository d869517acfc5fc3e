"""GPTCache in an environment of its own: installed here, driven as a subprocess, with our vectors in a file."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.embedding import Embedded
from benchmarks.labelled import Pair

VERSION = "0.1.44"
REQUIREMENTS = (f"gptcache=={VERSION}", "faiss-cpu", "sqlalchemy", "numpy")
DRIVER = Path(__file__).with_name("gptcache_driver.py")


@dataclass(frozen=True)
class GptCache:
    """An installed GPTCache."""

    python: Path

    @classmethod
    def installed(cls, folder: Path) -> "GptCache":
        """The one in that environment, which is made when it is missing.

        Raises:
            SystemExit: it could not be installed; the message says what to do.
        """
        python = folder / "bin" / "python"
        probe = "import importlib.metadata as m; print(m.version('gptcache'))"
        found = python.exists() and _output([str(python), "-c", probe]) == VERSION
        if not found:
            print(f"installing GPTCache {VERSION} into {folder}", file=sys.stderr)
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS])
        return cls(python)

    def answer(self, pairs: Sequence[Pair], vectors: Embedded) -> tuple[list[bool], list[float]]:
        """Whether it serves each pair, and the milliseconds of each `get` without the embedding."""
        texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
        number = {text: at for at, text in enumerate(texts)}
        with tempfile.TemporaryDirectory(prefix="gptcache-") as name:
            job, rows, result = Path(name, "job.json"), Path(name, "vectors.npy"), Path(name, "result.json")
            places = [[number[pair.a], number[pair.b]] for pair in pairs]
            job.write_text(json.dumps({"texts": texts, "pairs": places}), "utf-8")
            np.save(rows, np.stack([vectors[text] for text in texts]))
            _run([str(self.python), str(DRIVER), str(job), str(rows), str(result)])
            answers = json.loads(result.read_text())
        return answers["served"], answers["ms"]


def _output(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise SystemExit(f"{' '.join(argv[:4])} …: exit {done.returncode}\n{last}\n--no-gptcache leaves GPTCache out")
