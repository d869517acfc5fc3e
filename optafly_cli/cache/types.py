"""What is asked of the cache, what it answers, and what it keeps. Frozen; no I/O; standard library only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from optafly_cli.provider.result import Answer

Tier = Literal["exact", "semantic"]
Status = Literal["hit", "miss", "bypass"]
Unnamed = Literal["none", "sent", "left out"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that the user fixed besides the instruction: the exact key of a partition.

    `named`: one item per named file, its label and, for a range, the digest of the enclosing unit (never its line
    numbers). `piped`, `diff`, `pasted`, `system`: SHA-256 hex of the text, empty for none. `parameters` and `tools`
    and `turns`: canonical JSON. `versions`: of refiner, template and embedder.
    """

    workspace: str
    headline: str
    namespace: str
    model: str
    named: tuple[tuple[str, str], ...] = ()
    piped: str = ""
    diff: str = ""
    pasted: str = ""
    system: str = ""
    parameters: str = ""
    tools: str = ""
    turns: str = ""
    versions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """A whole file that the answer was drawn from: SHA-256 hex of its bytes, None when it did not exist."""

    path: str
    digest: str | None


@dataclass(frozen=True, slots=True)
class UnitEvidence:
    """A unit of a file that the answer was drawn from.

    `digest` is SHA-256 hex of the unit's text; `start` its first line when the entry was made. `typed` is the range as
    the user gave it then and `pointed` the digest of just those lines: another line of the same unit is
    another question.
    """

    path: str
    digest: str
    start: int
    typed: tuple[int, int]
    pointed: str


@dataclass(frozen=True, slots=True)
class AutoEvidence:
    """That context was selected, not named: the state of the workspace, and a digest of what was selected.

    Selecting nothing is a selection too: tomorrow the file that is mentioned may be there. `unnamed` says whether text
    of files that the user did not name was there to be sent, and was.
    """

    state: str
    selection: str
    unnamed: Unnamed = "none"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an entry's answer could depend on. All of it must hold for the entry to be served."""

    files: tuple[FileEvidence, ...] = ()
    units: tuple[UnitEvidence, ...] = ()
    auto: AutoEvidence | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt as the cache sees it.

    `instruction` is the prompt without pasted code: what is embedded and guarded. `exact` is the whole prompt, NFC,
    trimmed, white space collapsed outside code fences: what the exact tier compares. `named` is the evidence that
    the named context gives right now. `state` computes the workspace state, `reselect` the digest of what
    selection gives now for a prompt; both run only when an entry asks for them. `may_send_unnamed`: text of files that
    were not named may be sent this time, or will be asked about. `root` is the folder that labels of files are relative
    to; empty: the workspace of the scope is one. `only_exact`: no other words may reach it (a picture is part of it).
    """

    prompt: str
    instruction: str
    exact: str
    scope: Scope
    named: Evidence
    state: Callable[[], str]
    reselect: Callable[[str], str]
    may_send_unnamed: bool = False
    root: str = ""
    only_exact: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored answer. Times are Unix seconds; `saved` is what the answer cost when it was made, in US dollars."""

    id: int
    prompt: str
    instruction: str
    scope: Mapping[str, Any]
    evidence: Evidence
    answer: Answer
    created: float
    last_used: float
    hits: int
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer that may be served. `notices` are for stderr ("src/main.rs: the function moved by +2 lines").

    `confidence` is 1 for an exact hit, the verifier's probability for a semantic one; `verifier` names who gave it.
    Without one it is the similarity, which promises nothing.
    """

    entry: Entry
    tier: Tier
    similarity: float
    confidence: float
    age_s: float
    reason: str
    notices: tuple[str, ...] = ()
    verifier: str | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """An entry with nothing against it but the verifier's `probability`: what a fresh answer may be compared with."""

    entry: int
    similarity: float
    probability: float
    verifier: str


@dataclass(frozen=True, slots=True)
class Miss:
    """No answer may be served. `reason` is one stable word or name; `detail` says it in a sentence.

    `nearest` and `similarity` describe the closest entry that was looked at, `near` the first that only the promise
    kept back. `warnings` are for stderr: a part of the cache that could not be used (no embedding model, say).
    """

    reason: str
    detail: str = ""
    nearest: int | None = None
    similarity: float | None = None
    warnings: tuple[str, ...] = field(default=())
    near: Near | None = None


Lookup = Hit | Miss


class VerifierUnavailable(Exception):
    """The verifier cannot be used. The message is one sentence; the cache goes on without its semantic tier."""


class Verifier(Protocol):
    """Says how likely a stored answer also answers other words. Cheap to make: weights load at the first question.

    `identity` names the weights and what they read: probabilities of two identities are not comparable.
    """

    @property
    def identity(self) -> str:
        """The name that labels are kept under."""

    def probability(self, asked: str, stored: str, similarity: float) -> float:
        """From 0 to 1, for two instructions and the cosine between them."""
