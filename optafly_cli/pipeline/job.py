"""What a command was asked to do, how it may speak, and how long each stage took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optafly_cli.errors import UsageError
from optafly_cli.refine.proposal import Proposal
from optafly_cli.refine.result import RefinedPrompt

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation

CacheMode = Literal["use", "off", "refresh", "only"]
TtlChoice = Literal["5m", "1h", "auto"]


@dataclass(frozen=True, slots=True)
class Job:
    """What a command was asked to do, before anything is read.

    `system` is the text, not a path. `interactive`: the user can be asked. `max_cost`: US dollars that the request may
    cost at most, its answer included. `may_choose_model`: the user named none for this command.
    """

    prompt: str
    cwd: Path
    files: tuple[str, ...] = ()
    selection: str | None = None
    diff: bool = False
    piped: str | None = None
    context: bool = True
    rewrite: bool = True
    force: bool = False
    yes: bool = False
    interactive: bool = False
    system: str | None = None
    ttl: TtlChoice = "auto"
    compress: bool = False
    max_cost: float | None = None
    may_choose_model: bool = True
    cache: CacheMode = "use"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the user said to a rewrite, and the rewrite as he left it; an edit carries the text that is to be sent."""

    word: Literal["accept", "reject", "always", "edit"]
    refined: RefinedPrompt
    text: str = ""


Approver = Callable[[Proposal], Decision]


@dataclass(frozen=True, slots=True)
class Voice:
    """How the pipeline speaks, in plain text: `warn` and `status` a line, `text` a part of the answer.

    `waiting` is called when the request is about to be sent. `approve` is None where nobody can be asked, `explain`
    where nobody wants to know why the store answers as it does. `later` does what the answer need not wait for.
    """

    warn: Callable[[str], None]
    status: Callable[[str], None]
    text: Callable[[str], None]
    waiting: Callable[[], None] = lambda: None
    approve: Approver | None = None
    explain: "Callable[[Explanation], None] | None" = None
    later: Callable[[Callable[[], None]], None] = lambda work: work()


@dataclass
class Timing:
    """Milliseconds spent in each stage."""

    ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the body to the stage `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - start) * 1000

    def document(self, *names: str) -> dict[str, float]:
        """The stages by name, 0 for those that did not run, rounded to microseconds."""
        return {name: round(self.ms.get(name, 0.0), 3) for name in names}


def check_cache_mode(*, no_cache: bool, refresh: bool, cache_only: bool) -> CacheMode:
    """The cache mode of ask's three exclusive flags.

    Raises:
        UsageError: more than one was given.
    """
    chosen: list[tuple[bool, CacheMode, str]] = [
        (no_cache, "off", "--no-cache"),
        (refresh, "refresh", "--refresh"),
        (cache_only, "only", "--cache-only"),
    ]
    given = [(mode, name) for flag, mode, name in chosen if flag]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(name for _, name in given)} exclude each other", remedy="give one of them")
    return given[0][0] if given else "use"
