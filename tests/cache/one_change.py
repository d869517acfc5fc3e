"""Random questions about real files, and the trial that changes exactly one thing in one.

A `Case` is everything that fixes a question. `World` makes it true on disk and asks. All vectors are the same, so that
every entry of a partition is as near as can be: only scope, evidence and guard keep a wrong answer back.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.question import build_question
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import AutoEvidence, Evidence, FileEvidence, Hit, Lookup, Question, Unnamed
from optafly_cli.config.settings import CacheSettings
from optafly_cli.workspace.named import gather
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import DiffFile
from tests.cache.support import answer

ENDS = "\n\n\n"
LABELS = ("src/alpha.py", "src/beta.py", "lib/gamma.py")
TWIN = "src/twin.py"
VERBS = ("explain", "fix", "review", "document", "refactor", "simplify", "debug", "check", "describe", "summarise")
COURTESIES = (
    "please {}",
    "{}, please",
    "can you please {}",
    "{}, thanks",
    "hi, could you please {}",
    "please {}. thank you!",
)


@dataclass(frozen=True, slots=True)
class Named:
    """A named file; with `unit`, `count` lines of that function from its line `first` (0 is its header)."""

    label: str
    unit: int | None = None
    first: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Auto:
    """That context was selected: the state of the workspace and what selection gives."""

    state: str
    selection: str
    unnamed: Unnamed = "none"
    may_send: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """All that fixes a question. Files are tuples of functions; `raw` replaces the bytes of some."""

    words: str
    files: Mapping[str, tuple[str, ...]]
    named: tuple[Named, ...] = ()
    read: tuple[str, ...] = ()
    raw: Mapping[str, bytes] = field(default_factory=dict)
    pasted: tuple[str, ...] = ()
    piped: str | None = None
    diff: tuple[DiffFile, ...] | None = None
    system: str | None = None
    model: str = "claude-sonnet-5"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tools: Any = None
    turns: Any = None
    namespace: str = "user:1"
    versions: Mapping[str, str] = field(default_factory=dict)
    project: str = "one/app"
    markers: tuple[str, ...] = ("Cargo.toml",)
    auto: Auto | None = None

    @property
    def prompt(self) -> str:
        """The words, then the pasted code."""
        return "\n".join([self.words, *(f"```\n{code}\n```" for code in self.pasted)])

    def content(self, label: str) -> bytes:
        """The bytes of a file."""
        return self.raw[label] if label in self.raw else (ENDS.join(self.files[label]) + "\n").encode()

    def argument(self, named: Named) -> str:
        """What `--file` gets for it, wherever the function is by now."""
        if named.unit is None:
            return named.label
        above = self.files[named.label][: named.unit]
        first = sum(text.count("\n") + len(ENDS) for text in above) + named.first + 1
        last = first + named.count - 1
        return f"{named.label}:{first}" if named.count == 1 else f"{named.label}:{first}-{last}"


def draw(rng: Random, needed: frozenset[str]) -> Case:
    """A random question that has what is needed (see `changes.CHANGES`)."""

    def has(feature: str) -> bool:
        return feature in needed or rng.random() < 0.3

    files = {label: tuple(function(rng) for _ in range(rng.randint(2, 4))) for label in LABELS}
    if "copy" in needed:
        files[LABELS[0]] = (*files[LABELS[0]], files[LABELS[0]][0])
    files[TWIN] = files[LABELS[0]]
    return Case(
        words=f"{rng.choice(VERBS)} how {name(rng)} works with {name(rng)} here",
        files=files,
        named=_named(rng, needed, has),
        read=("lib/gamma.py", "notes/absent.md") if has("read") else (),
        pasted=tuple(function(rng) for _ in range(rng.randint(1, 2))) if has("pasted") else (),
        piped=function(rng) if has("piped") else None,
        diff=tuple(_hunk(rng, label) for label in LABELS[: rng.randint(1, 2)]) if has("diff") else None,
        system=f"Answer as {name(rng)} would." if has("system") else None,
        model=rng.choice(("claude-sonnet-5", "claude-opus-5")),
        parameters={
            "max_tokens": rng.randint(1, 9_999),
            "rewrite": True,
            "stop": [name(rng)],
            "top": {"k": 5, "p": 0.5},
        },
        tools=[_tool(rng) for _ in range(2)] if has("tools") else None,
        turns=[{"role": "user", "content": name(rng)}, {"role": "assistant", "content": name(rng)}]
        if has("turns")
        else None,
        versions={"refiner": "1", "template": "1", "embedder": "same"},
        auto=Auto(name(rng), name(rng), "left out" if "left_out" in needed else "none") if has("auto") else None,
    )


def _named(rng: Random, needed: frozenset[str], has: Any) -> tuple[Named, ...]:
    first = Named(LABELS[0], 0, rng.randint(0, 4), 1 if "line" in needed else rng.randint(1, 2))
    if "whole" in needed or ("range" not in needed and rng.random() < 0.4):
        first = Named(LABELS[0])
    second = (Named(LABELS[1], rng.choice((None, 0, 1)), rng.randint(0, 4)),) if has("two") else ()
    return (first, *second) if has("named") or needed & {"range", "whole", "two"} else ()


def name(rng: Random) -> str:
    """A random identifier."""
    return f"{rng.choice(('parse', 'load', 'send', 'merge'))}_{rng.getrandbits(32):08x}"


def function(rng: Random) -> str:
    """A function of six lines."""
    lines = (
        f"def {name(rng)}(given):",
        f"    value = given + {rng.randint(1, 999)}",
        f"    if value > {rng.randint(1, 999)}:",
        f'        return "{rng.getrandbits(24):x}"',
        f"    # {name(rng)}",
        f"    return value * {rng.randint(2, 99)}",
    )
    return "\n".join(lines)


def _hunk(rng: Random, label: str) -> DiffFile:
    text = f"@@ -1,2 +1,2 @@\n-{name(rng)}\n+{name(rng)}\n"
    return DiffFile(label, staged=rng.random() < 0.5, text=text, start_line=1, end_line=2)


def _tool(rng: Random) -> dict[str, Any]:
    properties = {"path": {"type": "string"}, "limit": {"type": "integer", "default": rng.randint(1, 99)}}
    return {"name": name(rng), "description": name(rng), "input_schema": {"type": "object", "properties": properties}}


class World:
    """Two projects in a folder, one store for all trials. `show` makes a case true, `ask` asks about what is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(
            folder / "store", CacheSettings(), load_embedder=_same_vectors, load_verifier=lambda: None
        )
        self._written: dict[Path, bytes] = {}

    def show(self, case: Case) -> None:
        """Write the case's files into its project, and nothing else; files that are right already are left alone."""
        root = self.folder / case.project
        wanted = {root / label: case.content(label) for label in case.files}
        wanted |= {root / marker: b"[package]\n" for marker in case.markers}
        for path in [path for path in self._written if path.is_relative_to(root) and path not in wanted]:
            path.unlink()
            del self._written[path]
        for path, content in wanted.items():
            if self._written.get(path) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                self._written[path] = content

    def touch(self, case: Case, at: int) -> None:
        """Give every file of the case another time stamp."""
        for label in case.files:
            os.utime(self.folder / case.project / label, (at, at))

    def question(self, case: Case) -> Question:
        """The case as the cache sees it, read from disk now."""
        root = self.folder / case.project
        workspace = find_workspace(root)
        context = gather(workspace, root, files=[case.argument(named) for named in case.named], piped=case.piped)
        auto = case.auto or Auto("", "")
        return build_question(
            case.prompt,
            replace(context, diff=case.diff),
            workspace,
            namespace=case.namespace,
            model=case.model,
            system=case.system,
            parameters=case.parameters,
            versions=case.versions,
            state=lambda: auto.state,
            reselect=lambda _prompt: auto.selection,
            may_send_unnamed=auto.may_send,
            tools=case.tools,
            turns=case.turns,
        )

    def remember(self, case: Case) -> int:
        """Store an answer to the case as it is on disk; the entry's id."""
        auto = None
        if case.auto is not None:
            auto = AutoEvidence(case.auto.state, case.auto.selection, case.auto.unnamed)
        root = self.folder / case.project
        read = tuple(FileEvidence(label, _digest(root / label)) for label in case.read)
        return self.store.remember(
            self.question(case), answer(), evidence=Evidence(files=read, auto=auto), cost=None, seconds=None
        )

    def ask(self, case: Case) -> Lookup:
        """Look the case up as it is on disk."""
        return self.store.look_up(self.question(case))

    def close(self) -> None:
        """Let go of the store and delete everything."""
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def politely(case: Case, rng: Random) -> Case:
    """The same in other words."""
    return replace(case, words=rng.choice(COURTESIES).format(case.words))


def is_exact(found: Lookup, entry: int) -> bool:
    """Whether that entry was found by the exact tier."""
    return isinstance(found, Hit) and found.tier == "exact" and found.entry.id == entry


def _same_vectors() -> Embedder:
    return Embedder("same@test", 8, lambda texts: np.full((len(texts), 8), 8**-0.5, dtype=np.float32))


def _digest(path: Path) -> str | None:
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None
