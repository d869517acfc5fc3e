"""What the tests of the cache share: a small workspace with real files, questions about it, answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optafly_cli.cache.maintenance import Maintenance
from optafly_cli.cache.question import build_question
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Question
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer, Usage
from optafly_cli.workspace.named import gather
from optafly_cli.workspace.root import find_workspace

MAIN_RS = """\
use std::env;

fn greet(name: &str) -> String {
    let trimmed = name.trim();
    format!("Hello, {trimmed}")
}

fn main() {
    let name = env::args().nth(1).unwrap();
    let again = env::args().nth(2).unwrap();
    println!("{} {}", greet(&name), again);
}
"""
VERSIONS = {"refiner": "1", "template": "1", "embedder": "all-MiniLM-L6-v2"}


@dataclass
class Project:
    """A folder with src/main.rs and src/lib.rs; `ask` builds a question about it as it is at that moment."""

    root: Path
    state: str = "clean"
    selection: str = "nothing"
    computed: list[str] = field(default_factory=list)

    def write(self, label: str, text: str) -> None:
        path = self.root / label
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def read(self, label: str) -> str:
        return (self.root / label).read_text("utf-8")

    def ask(
        self,
        prompt: str,
        *files: str,
        piped: str | None = None,
        model: str = "claude-sonnet-5",
        system: str | None = None,
        namespace: str = "",
        parameters: Mapping[str, object] = {"max_tokens": 1000},
        versions: Mapping[str, str] = VERSIONS,
        tools: object = None,
        turns: object = None,
    ) -> Question:
        workspace = find_workspace(self.root)
        return build_question(
            prompt,
            gather(workspace, self.root, files=files, piped=piped),
            workspace,
            namespace=namespace,
            model=model,
            system=system,
            parameters=parameters,
            versions=versions,
            state=self._state,
            reselect=self._reselect,
            tools=tools,
            turns=turns,
        )

    def _state(self) -> str:
        self.computed.append("state")
        return self.state

    def _reselect(self, prompt: str) -> str:
        self.computed.append(f"select for {prompt}")
        return self.selection


@dataclass
class Clock:
    """A clock that stands still until it is told."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def scattered(texts: list[str]) -> npt.NDArray[np.float32]:
    """A unit vector for each text that depends on all of it: nothing is near anything else."""
    rows = [
        np.random.default_rng(int(sha256(text.encode()).hexdigest()[:12], 16)).standard_normal(64) for text in texts
    ]
    matrix = np.asarray(rows, dtype=np.float32)
    unit: npt.NDArray[np.float32] = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return unit


OpenStore = Callable[..., Store]


def answer(text: str = "Use `?` instead of unwrap.", *, stop_reason: str = "end_turn") -> Answer:
    """A complete answer as the provider hands it on."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    return Answer(text, "claude-sonnet-5", stop_reason, Usage(10, 5), message, "req_1")


def keep(store: Store, question: Question, text: str = "Use `?` instead of unwrap.", cost: float = 0.01) -> int:
    """Remember an answer drawn from what was named."""
    return store.remember(question, answer(text), evidence=question.named, cost=cost, seconds=4.0)


def words(rows: Sequence[str]) -> list[list[str]]:
    """Test data written as lines of "one | other"."""
    return [[part.strip() for part in row.split("|")] for row in rows]


def maintained(folder: Path, settings: CacheSettings | None = None, **options: object) -> Maintenance:
    """The store in that folder for who looks after it."""
    return Maintenance.open(folder, settings or CacheSettings(), **options)  # type: ignore[arg-type]
