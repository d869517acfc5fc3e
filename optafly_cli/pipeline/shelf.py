"""The store as `ask` uses it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.types import Hit, Lookup
from optafly_cli.errors import StoreError
from optafly_cli.pipeline.session import Session
from optafly_cli.provider.result import Answer, Usage
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.result import RoutedRequest

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation
    from optafly_cli.cache.store import Store
    from optafly_cli.cache.types import Evidence
    from optafly_cli.config.settings import CacheSettings

    OpenStore = Callable[[Path, CacheSettings], Store]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was sent, its answer, and when it was sent, in Unix seconds."""

    routed: RoutedRequest
    answer: Answer
    at: float


class Shelf:
    """The store, opened late, and never able to spoil an answer that was paid for.

    `problem` is the first thing that went wrong with it, `warnings` what went wrong beside it. What a
    look-up found is kept: a fresh answer is compared with it, so that the promise about semantic hits rests on what
    this user asks. `open_store` is for who has the models of a store loaded already. `later` closes the store after a
    hit: the last that does writes its log back.
    """

    def __init__(
        self,
        session: Session,
        folder: Path,
        open_store: "OpenStore | None" = None,
        later: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        self.session = session
        self._open_store = open_store
        self._later = later
        self.folder = folder
        self.problem: StoreError | None = None
        self.warnings: list[str] = []
        self._found: Lookup | None = None
        self._store: Store | None = None
        cache = session.settings.cache
        self._active = cache.enabled and session.job.cache != "off"

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            # Only a hit is awaited so eagerly; what was just paid for is put away before anything else is said
            if isinstance(self._found, Hit):
                self._later(self._store.close)
            else:
                self._store.close()

    @property
    def active(self) -> bool:
        """Whether the store is to be used at all."""
        return self._active

    def look_up(self) -> Lookup | None:
        """What the store says; None when it cannot be asked, or what it says is not to be served (`--refresh`)."""
        if not self._active:
            return None
        refresh = self.session.job.cache == "refresh"
        try:
            self._found = self._open().look_up(self.session.question, serve=not refresh)
        except StoreError as error:
            self.problem = error
        return None if refresh else self._found

    def alone(self, waiting: Callable[[], None]) -> AbstractContextManager[bool]:
        """Be the one process that asks this while the block runs; the value says whether another was waited for.

        Nobody waits who wants a fresh answer, or whose answer will not be kept.
        """
        if not self._active or self.problem or self.session.job.cache == "refresh":
            return nullcontext(False)
        patience = self.session.settings.provider.timeout_s
        return self._open().alone(self.session.question, patience_s=patience, waiting=waiting)

    def explain(self) -> "Explanation | None":
        """Why the look-up ends as it does; None when the store is not asked.

        Raises:
            StoreError: it cannot be explained. That alone spoils no answer, so it is no `problem`.
        """
        return self._open().explain(self.session.question) if self._active else None

    def before(self) -> str:
        """The workspace state, to be taken before anything is selected: an edit made since then voids the entry.

        Empty where nothing could be selected, or nothing will be kept.
        """
        from optafly_cli.refine.select import may_select

        session = self.session
        needed = self._active and self.problem is None and session.job.context
        needed = needed and may_select(session.job.prompt, session.named, session.workspace)
        return session.question.state() if needed else ""

    def evidence(self, refined: RefinedPrompt, before: str) -> "Evidence | None":
        """What the answer will have depended on; None when it will not be kept."""
        if not self._active or self.problem or refined.edited:
            return None
        from optafly_cli.cache.types import AutoEvidence

        named = self.session.question.named
        if not refined.selection:
            return named
        retriever = self.session.retriever
        # The same workspace gives more once it is indexed: only selecting again can tell
        state = "" if retriever is not None and retriever.pending else before
        return replace(named, auto=AutoEvidence(state, refined.selection, refined.unnamed))

    def remember(self, answer: Answer, evidence: "Evidence | None", cost: float | None, seconds: float) -> int | None:
        """Store the answer; the entry's id, None when it was not to be stored or could not be."""
        if evidence is None:
            return None
        question = self.session.question
        try:
            store = self._open()
            number = store.remember(question, answer, evidence=evidence, cost=cost, seconds=seconds)
            self.warnings += store.warnings
            store.warnings.clear()
        except StoreError as error:
            self.problem = error
            return None
        if self._found is not None:
            # A label that cannot be kept is no problem of the answer's: there will be others
            with suppress(StoreError):
                self._open().compare(question, self._found, answer)
        return number

    def previous_message(self) -> str | None:
        """The id of the last message for this workspace and model; None where there is none, or it cannot be told."""
        scope = self.session.question.scope
        if not self._active or self.problem:
            return None
        with suppress(StoreError):
            return self._open().previous_message(scope.workspace, scope.model)
        return None

    def learn(self, done: Sequence[Answered], *, secret: bool) -> None:
        """Keep what the next requests are planned by: what was sent, without a word of it, and what it was billed for.

        That it fails is no problem. Not even digests are kept of what a `secret` is in.
        """
        if not self._active or self.problem:
            return
        from optafly_cli.pipeline.sent_before import SentBefore
        from optafly_cli.provider.diagnostics import asks_why

        if not secret:
            with SentBefore.of(self.session, self.folder) as log:
                for one in done:
                    log.add_answered(one.routed, one.answer, one.at)
        for one in done:
            self._observe(one.routed, one.answer.usage)
        if asks_why(self.session.settings.provider, os.environ):
            self._keep_message(done[-1].answer)

    def _observe(self, routed: RoutedRequest, usage: Usage) -> None:
        from optafly_cli.route.billed import observed_ratio

        seen = observed_ratio(routed.body, self.session.model, usage.prompt_tokens)
        if seen is not None:
            with suppress(StoreError):
                self._open().observe(self.session.counted_as, *seen)

    def _keep_message(self, answer: Answer) -> None:
        """Let the next request be compared with the one that this answers."""
        scope, message = self.session.question.scope, answer.message.get("id")
        if isinstance(message, str):
            with suppress(StoreError):
                self._open().keep_message(scope.workspace, scope.model, message)

    def _open(self) -> "Store":
        if self._store is None:
            self._store = (self._open_store or open_beside_the_service)(self.folder, self.session.settings.cache)
        return self._store


def begin_with(prompt: str) -> None:
    """Have the engine begin with what the prompt will be compared by, while settings and workspace are read."""
    from optafly_cli.cache.engine.client import begin
    from optafly_cli.cache.lookup import exact_only
    from optafly_cli.cache.spelling import embedded_form
    from optafly_cli.cache.text import instruction_of

    instruction = instruction_of(prompt)
    if exact_only(instruction, prompt) is None:
        begin(os.environ, embedded_form(instruction))


def open_beside_the_service(folder: Path, settings: "CacheSettings") -> "Store":
    """The store in that folder, with the models of the service where one runs."""
    from optafly_cli.cache.engine.client import beside
    from optafly_cli.cache.store import Store

    return Store.open(folder, settings, engine=beside(os.environ))


def has_secret(session: Session, refined: RefinedPrompt, answer: Answer) -> bool:
    """Whether a secret stands in anything that an entry would keep or was made from."""
    from optafly_cli.workspace.secrets import redact

    if refined.redacted:
        return True
    named, job = session.named, session.job
    texts = [job.prompt, job.system, named.piped, answer.text, *_strings(answer.message)]
    texts += [part.text for part in named.diff or ()] + [file.source.text for file in named.files]
    return any(text and redact(text).kinds for text in texts)


def _strings(value: object) -> Iterator[str]:
    """Every text in a message: what a tool found, and what was thought, is stored with it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _strings(part)
            # A password is told by its key alone
            if isinstance(part, str):
                yield f'{key}="{part}"'
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _strings(part)
