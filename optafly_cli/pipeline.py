"""ask = look up ▸ refine ▸ route ▸ provider ▸ store, and the parts of it that refine and route run alone.

Nothing here knows about terminals: what has to be said or asked goes through the callbacks of `Voice`.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optafly_cli.cache.types import Hit, Lookup, Miss, Question, Status
from optafly_cli.config.settings import Settings
from optafly_cli.errors import OptaflyError, StoreError, UnknownModelError, UsageError
from optafly_cli.models import Model, catalogue
from optafly_cli.provider.result import Answer
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.result import RoutedRequest
from optafly_cli.workspace.types import NamedContext, Workspace

if TYPE_CHECKING:
    from optafly_cli.cache.store import Store
    from optafly_cli.cache.types import Evidence
    from optafly_cli.refine.select import Selection
    from optafly_cli.tokens.counter import Counter

CacheMode = Literal["use", "off", "refresh", "only"]
TtlChoice = Literal["5m", "1h", "auto"]


@dataclass(frozen=True, slots=True)
class Job:
    """What a command was asked to do, before anything is read. `system` is the text, not a path."""

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
    system: str | None = None
    ttl: TtlChoice = "auto"
    cache: CacheMode = "use"


Decision = Literal["accept", "reject", "always"] | tuple[Literal["edit"], str]
"""What the user said to a rewrite; an edit carries the text that is to be sent."""


Approver = Callable[[RefinedPrompt], Decision]


@dataclass(frozen=True, slots=True)
class Voice:
    """How the pipeline speaks: each callback takes plain text. `approve` is None where nobody can be asked."""

    warn: Callable[[str], None]
    status: Callable[[str], None]
    text: Callable[[str], None]
    approve: Approver | None = None


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


class Session:
    """One command's settings, workspace and named context; the costly parts are made when they are first used."""

    def __init__(self, job: Job, settings: Settings) -> None:
        from optafly_cli.workspace.named import gather
        from optafly_cli.workspace.root import find_workspace

        self.job = job
        self.settings = settings
        self.workspace: Workspace = find_workspace(job.cwd)
        self.named: NamedContext = gather(
            self.workspace, job.cwd, files=job.files, selection=job.selection, piped=job.piped, diff=job.diff
        )
        self.model: Model = find_model(settings)

    @cached_property
    def counter(self) -> "Counter":
        """Token counts in the model's own measure."""
        from optafly_cli.tokens.counter import counter_for

        return counter_for(self.model)

    def select(self, prompt: str) -> "Selection":
        """What context selection gives for `prompt` now, unnamed files included."""
        from optafly_cli.refine.select import select

        return select(prompt, self.named, self.workspace, self.settings.refine, self.counter.count, unsafe=True)

    def state(self) -> str:
        """The workspace state: HEAD, index and dirty files."""
        from optafly_cli.workspace.state import workspace_state

        return workspace_state(self.workspace)

    @cached_property
    def question(self) -> Question:
        """The prompt as the cache sees it."""
        from optafly_cli.cache.embedder import embedder_identity
        from optafly_cli.cache.question import build_question
        from optafly_cli.refine.versions import REFINER_VERSION, TEMPLATE_VERSION

        return build_question(
            self.job.prompt,
            self.named,
            self.workspace,
            namespace=self.settings.cache.namespace,
            model=self.model.id,
            system=self.job.system,
            parameters=self._parameters,
            versions={
                "refiner": REFINER_VERSION,
                "template": TEMPLATE_VERSION,
                "embedder": embedder_identity(self.settings.cache.embedding_model),
            },
            state=self.state,
            reselect=lambda prompt: self.select(prompt).digest,
        )

    @property
    def _parameters(self) -> Mapping[str, object]:
        """Everything else that changes the request, and the endpoint that answers it."""
        refine = self.settings.refine
        return {
            "endpoint": self.settings.provider.base_url or os.environ.get("ANTHROPIC_BASE_URL", ""),
            "max_tokens": self.settings.provider.max_tokens,
            "rewrite": self.job.rewrite and refine.enabled,
            "context": self.job.context,
            "max_context_tokens": refine.max_context_tokens,
            "threshold": refine.threshold,
            "include": [refine.include_active_file, refine.include_selection, refine.include_project_structure],
        }


def find_model(settings: Settings) -> Model:
    """The model that the settings name, or the data file's default.

    A name in `[provider] extra_models` needs no row in the data file: its prices and minimum are unknown.

    Raises:
        UnknownModelError: the name is neither in the data file nor declared.
    """
    name = settings.provider.model or catalogue().default
    if name in settings.provider.extra_models:
        default = catalogue().get(catalogue().default)
        return replace(default, id=name, min_cacheable=None, prices=())
    try:
        return catalogue().get(name)
    except UnknownModelError as error:
        hint = "or declare it: optafly config set provider.extra_models " + name
        raise UnknownModelError(error.message, remedy=f"{error.remedy}; {hint}") from None


def refine(session: Session, voice: Voice, *, ask_always: bool = False) -> RefinedPrompt:
    """Rewrite the prompt and settle what may be sent.

    The user is asked where that is wanted and possible; otherwise only named context is used.
    """
    from optafly_cli.refine.approval import approval_needed

    rewritten = _rewrite(session, unsafe=True)
    if ask_always and voice.approve is not None:
        return _settle(session, rewritten, voice.approve)
    if session.job.yes or not approval_needed(rewritten, session.settings.refine.approve):
        return rewritten
    if _approved_before(session):
        return rewritten
    if voice.approve is None:
        return _rewrite(session, unsafe=False) if rewritten.unsafe else rewritten
    return _settle(session, rewritten, voice.approve)


def _rewrite(session: Session, *, unsafe: bool, rewrite: bool = True) -> RefinedPrompt:
    from optafly_cli.refine.engine import refine as run

    job, settings = session.job, session.settings.refine
    return run(
        job.prompt,
        session.named,
        session.workspace,
        settings,
        session.counter.count,
        unsafe=unsafe,
        rewrite=rewrite and job.rewrite and settings.enabled,
        context=job.context,
        force=job.force,
    )


def _settle(session: Session, rewritten: RefinedPrompt, approve: Approver) -> RefinedPrompt:
    from optafly_cli.refine.engine import edited

    decision = approve(rewritten)
    if decision == "accept":
        return rewritten
    if decision == "always":
        from optafly_cli.config.approvals import approve_project

        approve_project(session.workspace.root, os.environ)
        return rewritten
    if decision == "reject":
        return _rewrite(session, unsafe=False, rewrite=False)
    return edited(rewritten, decision[1], session.counter.count)


def _approved_before(session: Session) -> bool:
    from optafly_cli.config.approvals import is_approved

    return session.settings.refine.approve == "unsafe" and is_approved(session.workspace.root, os.environ)


def route(session: Session, refined: RefinedPrompt) -> RoutedRequest:
    """Arrange the refined prompt into the request that will be sent."""
    from optafly_cli.route.engine import route as run

    return run(
        refined,
        model=session.model,
        system=session.job.system,
        max_tokens=session.settings.provider.max_tokens,
        ttl=session.job.ttl,
        settings=session.settings.route,
        counter=session.counter,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `ask` found out. On a hit nothing was refined or routed; `answer` is None on a `--cache-only` miss.

    `store_problem` is why the store could not be used although the question was answered. Costs are in US dollars.
    """

    status: Status
    lookup: Lookup | None
    answer: Answer | None
    refined: RefinedPrompt | None
    routed: RoutedRequest | None
    cost: float | None
    entry: int | None
    store_problem: StoreError | None
    timing: Timing


def ask(session: Session, voice: Voice, folder: Path) -> Outcome:
    """Answer the prompt from the store in `folder`, or ask the provider and remember.

    Raises:
        OptaflyError: whatever ends the attempt before there is an answer.
    """
    timing = Timing()
    with timing.stage("total"), _Shelf(session, folder) as shelf:
        with timing.stage("lookup"):
            lookup = shelf.look_up()
        if isinstance(lookup, Hit):
            for notice in lookup.notices:
                voice.warn(notice)
            outcome = Outcome("hit", lookup, lookup.entry.answer, None, None, 0.0, lookup.entry.id, None, timing)
        elif session.job.cache == "only":
            if shelf.problem:
                raise shelf.problem
            outcome = Outcome("miss", lookup, None, None, None, 0.0, None, None, timing)
        else:
            outcome = _ask_provider(session, voice, shelf, lookup, timing)
    return outcome


def _ask_provider(session: Session, voice: Voice, shelf: "_Shelf", lookup: Lookup | None, timing: Timing) -> Outcome:
    from optafly_cli.provider.client import send
    from optafly_cli.route.pricing import answer_cost

    for warning in lookup.warnings if isinstance(lookup, Miss) else ():
        voice.warn(warning)
    with timing.stage("refine"):
        refined = refine(session, voice)
        evidence = shelf.evidence(refined)
    for sentence in (*session.named.left_out, *refined.left_out):
        voice.warn(sentence)
    with timing.stage("route"):
        routed = route(session, refined)
    with timing.stage("provider"):
        answer = send(routed.body, settings=session.settings.provider, on_text=voice.text, on_status=voice.status)
    usage = answer.usage
    cost = answer_cost(
        session.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_creation_input_tokens=usage.cache_creation_input_tokens,
        cache_read_input_tokens=usage.cache_read_input_tokens,
    )
    with timing.stage("store"):
        entry = shelf.remember(answer, evidence, cost, timing.ms["provider"] / 1000)
    status: Status = "bypass" if session.job.cache == "off" or not session.settings.cache.enabled else "miss"
    return Outcome(status, lookup, answer, refined, routed, cost, entry, shelf.problem, timing)


class _Shelf:
    """The store as `ask` uses it: opened late, and never able to spoil an answer that was paid for.

    `problem` is the first thing that went wrong with it.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.problem: StoreError | None = None
        self._store: Store | None = None
        cache = session.settings.cache
        self._active = cache.enabled and session.job.cache != "off"

    def __enter__(self) -> "_Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            self._store.close()

    def look_up(self) -> Lookup | None:
        """What the store says; None when it is not to be asked or cannot be."""
        if not self._active or self.session.job.cache == "refresh":
            return None
        try:
            store = self._open()
            return store.look_up(self.session.question)
        except StoreError as error:
            self.problem = error
            return None

    def evidence(self, refined: RefinedPrompt) -> "Evidence | None":
        """What the answer will have depended on; None when it will not be kept.

        Taken before the request is sent, so that an edit made while Claude answers voids the entry.
        """
        if not self._active or self.problem:
            return None
        from optafly_cli.cache.types import AutoEvidence

        named = self.session.question.named
        if not refined.auto_context:
            return named
        selection = self.session.select(self.session.job.prompt)
        return replace(named, auto=AutoEvidence(self.session.state(), selection.digest))

    def remember(
        self, answer: Answer, evidence: "Evidence | None", cost: float | None, seconds: float
    ) -> int | None:
        """Store the answer; the entry's id, None when it was not to be stored or could not be."""
        if evidence is None:
            return None
        try:
            return self._open().remember(
                self.session.question, answer, evidence=evidence, cost=cost, seconds=seconds
            )
        except StoreError as error:
            self.problem = error
            return None

    def _open(self) -> "Store":
        from optafly_cli.cache.store import Store

        if self._store is None:
            self._store = Store.open(self.folder, self.session.settings.cache)
        return self._store


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


__all__ = ["Job", "OptaflyError", "Outcome", "Session", "Voice", "ask", "refine", "route"]
