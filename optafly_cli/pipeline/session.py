"""One command's settings, workspace and named context, read once and shared by all stages."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.types import Question
from optafly_cli.config.settings import CacheSettings, Settings
from optafly_cli.errors import ConfigError, UnknownModelError
from optafly_cli.models import Model, catalogue
from optafly_cli.pipeline.job import Job
from optafly_cli.workspace.types import NamedContext, Workspace

if TYPE_CHECKING:
    from optafly_cli.refine.retrieval.retriever import Retriever
    from optafly_cli.refine.select import Selection
    from optafly_cli.tokens.counter import Counter
    from optafly_cli.workspace.index.keeper import Waiting


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """A system prompt as it is sent, and what was taken out of it, in sentences."""

    text: str | None
    left_out: tuple[str, ...] = ()


class Session:
    """One command's settings, workspace and named context; the costly parts are made when they are first used.

    `waiting` says on a terminal what is being waited for.
    """

    def __init__(self, job: Job, settings: Settings, waiting: "Waiting | None" = None) -> None:
        from optafly_cli.workspace.named import gather
        from optafly_cli.workspace.root import find_workspace

        self.job = job
        self._waiting = waiting
        self.workspace: Workspace = find_workspace(job.cwd)
        self.settings = with_project_key(settings, self.workspace)
        self.named: NamedContext = gather(
            self.workspace, job.cwd, files=job.files, selection=job.selection, piped=job.piped, diff=job.diff
        )
        self.model: Model = find_model(settings)

    def with_model(self, name: str) -> "Session":
        """The same with another model."""
        provider = replace(self.settings.provider, model=name)
        return Session(self.job, replace(self.settings, provider=provider), self._waiting)

    @cached_property
    def counter(self) -> "Counter":
        """Token counts in the model's own measure."""
        from optafly_cli.tokens.counter import counter_for

        return counter_for(self.model)

    @cached_property
    def routing_counter(self) -> "Counter":
        """The same with what the model's answers say: for prices, not for what is selected, which must stay."""
        if self.job.cache == "off" or not self.settings.cache.enabled:
            return self.counter
        from optafly_cli.cache.counts import ratios_in
        from optafly_cli.config.paths import store_folder
        from optafly_cli.tokens.counter import counter_for

        ratios = ratios_in(store_folder(self.settings.cache, os.environ), self.counted_as)
        return counter_for(self.model, ratios) if ratios else self.counter

    @property
    def counted_as(self) -> str:
        """The name under which the store keeps what the model's answers say about token counts."""
        from optafly_cli.cache.counts import counted_as

        return counted_as(self.model.id, _endpoint_digest(self.settings))

    @cached_property
    def system(self) -> SystemPrompt:
        """The system prompt without secrets, however it was given."""
        if not self.job.system:
            return SystemPrompt(self.job.system)
        from optafly_cli.refine.redacted import describe
        from optafly_cli.workspace.secrets import redact

        clean = redact(self.job.system)
        said = (f"redacted {describe(clean.text)} in the system prompt",) if clean.kinds else ()
        return SystemPrompt(clean.text, said)

    @cached_property
    def shown(self) -> NamedContext:
        """What the user named, as it is chosen from: of a piped log that is too long, with its repetitions folded."""
        return replace(self.named, piped=self._folded[0])

    @property
    def folded(self) -> tuple[str, ...]:
        """A sentence on what was folded."""
        return self._folded[1]

    @cached_property
    def _folded(self) -> tuple[str | None, tuple[str, ...]]:
        piped, route = self.named.piped, self.settings.route
        room = self.settings.refine.max_context_tokens
        if not piped or len(piped) < room or not (route.enabled and route.token_optimisation):
            return piped, ()
        count = self.counter.count
        before = count(piped)
        if before <= room // 2:
            return piped, ()
        from optafly_cli.route.optimiser.run import folded

        shorter = folded(piped)
        if shorter == piped:
            return piped, ()
        lines = len(piped.splitlines()) - len(shorter.splitlines())
        return shorter, (f"piped text: {lines:,} lines that repeat or went well are folded ({before:,} tokens before)",)

    def select(self, prompt: str) -> "Selection":
        """What context selection gives for `prompt` now, unnamed files included."""
        from optafly_cli.refine.select import select

        return select(
            prompt,
            self.shown,
            self.workspace,
            self.settings.refine,
            self.counter.count,
            unsafe=True,
            retriever=self.retriever,
        )

    @cached_property
    def retriever(self) -> "Retriever | None":
        """The workspace index, to be searched; nothing is opened before it is. None for a home folder and above it."""
        from optafly_cli.workspace.root import is_no_project

        if is_no_project(self.workspace):
            return None
        from optafly_cli.config.paths import store_folder
        from optafly_cli.refine.retrieval.retriever import Retriever
        from optafly_cli.workspace.index.keeper import Keeper, in_silence

        folder = store_folder(self.settings.cache, os.environ) / "workspaces"
        return Retriever(Keeper(self.workspace, folder, self._waiting or in_silence))

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
            may_send_unnamed=self.may_send_unnamed,
            identity=self._identity,
        )

    @property
    def _identity(self) -> str | None:
        return shared_name(self.workspace, self.settings.cache)

    @property
    def _parameters(self) -> Mapping[str, object]:
        """Everything else that changes the request, and the endpoint that answers it."""
        refine = self.settings.refine
        return {
            "endpoint": _endpoint_digest(self.settings),
            "max_tokens": self.settings.provider.max_tokens,
            "rewrite": self.job.rewrite and refine.enabled,
            "context": self.job.context,
            "max_context_tokens": refine.max_context_tokens,
            "threshold": refine.threshold,
            "include": [refine.include_active_file, refine.include_selection, refine.include_project_structure],
            # Not named where it is not asked for: entries from before it are still found
            **({"compress": True} if self.job.compress else {}),
        }

    @property
    def may_send_unnamed(self) -> bool:
        """Whether text of files that were not named may be sent, or will be asked about."""
        return self.job.yes or self.job.interactive or self.settings.refine.approve == "never" or self.approved

    @cached_property
    def approved(self) -> bool:
        """Whether the user said "always" for this project."""
        from optafly_cli.config.approvals import is_approved

        return self.settings.refine.approve == "unsafe" and is_approved(self.workspace.root, os.environ)


def shared_name(workspace: Workspace, settings: CacheSettings) -> str | None:
    """What the workspace is called on every machine of a team; None for who shares nothing."""
    if settings.backend == "faiss":
        return None
    from optafly_cli.config.paths import store_folder
    from optafly_cli.workspace.identity import first_commit

    return first_commit(workspace, store_folder(settings, os.environ) / "workspaces.json")


def with_project_key(settings: Settings, workspace: Workspace) -> Settings:
    """The settings with the variable that holds the key of this project.

    Raises:
        ConfigError: an entry of `[provider] project_keys` is not FOLDER=VARIABLE.
    """
    chosen, longest = "", -1
    for entry in settings.provider.project_keys:
        folder, equals, variable = entry.rpartition("=")
        place = Path(folder).expanduser()
        if not (equals and variable.isidentifier() and place.is_absolute()):
            raise ConfigError(
                f"provider.project_keys: {entry!r} is not FOLDER=VARIABLE", remedy='as in "/home/me/work=WORK_API_KEY"'
            )
        if len(place.parts) > longest and workspace.root.resolve().is_relative_to(place.resolve()):
            chosen, longest = variable, len(place.parts)
    if not chosen:
        return settings
    return replace(settings, provider=replace(settings.provider, key_variable=chosen))


def find_model(settings: Settings) -> Model:
    """The model that the settings name, or the data file's default.

    A name in `[provider] extra_models` needs no row in the data file: its prices and minimum are unknown.

    Raises:
        UnknownModelError: the name is neither in the data file nor declared.
    """
    name = settings.provider.model or catalogue().default
    if name in settings.provider.extra_models:
        return catalogue().unlisted(name)
    try:
        return catalogue().get(name)
    except UnknownModelError as error:
        hint = "or declare it: optafly config set provider.extra_models " + name
        raise UnknownModelError(error.message, remedy=f"{error.remedy}; {hint}") from None


def _endpoint_digest(settings: Settings) -> str:
    """Who answers: base URL and custom headers, as a digest, since both may hold credentials; empty for the default."""
    from hashlib import sha256

    url = settings.provider.base_url or os.environ.get("ANTHROPIC_BASE_URL", "")
    headers = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "")
    return sha256(f"{url}\0{headers}".encode("utf-8", "replace")).hexdigest() if url or headers else ""
