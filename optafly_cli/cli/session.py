"""From parsed options to a pipeline session: settings, prompt, system text, and the voice on the terminal."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cli.prompt_input import read_prompt
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError

if TYPE_CHECKING:
    from optafly_cli.cli.approve import Verb
    from optafly_cli.pipeline.job import Approver, CacheMode, TtlChoice
    from optafly_cli.pipeline.session import Session


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """The options of `cli.options` that refine, route and ask share."""

    prompt: str | None
    files: list[str] | None = None
    selection: str | None = None
    diff: bool = False
    no_context: bool = False
    yes: bool = False
    no_refine: bool = False
    system: str | None = None
    ttl: str = "auto"
    no_optimise: bool = False
    compress: bool = False
    max_cost: float | None = None
    force: bool = False
    cache: "CacheMode" = "use"
    max_context_tokens: int | None = None
    model: str | None = None
    max_tokens: int | None = None
    base_url: str | None = None
    max_error_rate: float | None = None
    command: str = "ask"

    @property
    def flags(self) -> Mapping[str, object]:
        """Those that stand for a setting, by its name."""
        return {
            "refine.max_context_tokens": self.max_context_tokens,
            "route.token_optimisation": False if self.no_optimise else None,
            "provider.model": self.model,
            "provider.max_tokens": self.max_tokens,
            "provider.base_url": self.base_url,
            "cache.max_error_rate": self.max_error_rate,
        }


_ENDING = re.compile(r"\w\.[A-Za-z]{1,4}\Z")


def load(ui: Ui, flags: Mapping[str, object]) -> Any:
    """The settings for the working folder, with the flags that were given; warnings go to stderr."""
    from optafly_cli.config.load import load_settings

    loaded = load_settings(working_folder(), os.environ, flags)
    for warning in loaded.warnings:
        ui.warn(warning)
    ui.service = loaded.settings.service
    return loaded


def open_session(ui: Ui, options: ContextOptions) -> "Session":
    """Read the prompt and what was named.

    Raises:
        UsageError, ConfigError: for what cannot be worked with.
    """
    from optafly_cli.pipeline.job import Job
    from optafly_cli.pipeline.session import Session

    settings = load(ui, options.flags).settings
    prompt, piped = read_prompt(options.prompt, ui, options.command)
    job = Job(
        prompt=prompt,
        cwd=working_folder(),
        files=tuple(options.files or ()),
        selection=options.selection,
        diff=options.diff,
        piped=piped,
        context=not options.no_context,
        rewrite=not options.no_refine,
        force=options.force,
        yes=options.yes,
        interactive=ui.interactive,
        system=_system_text(ui, options.system),
        ttl=_ttl(options.ttl),
        compress=options.compress,
        max_cost=options.max_cost,
        may_choose_model=options.model is None,
        cache=options.cache,
    )
    return Session(job, settings, ui.progress)


def working_folder() -> Path:
    """The current folder.

    Raises:
        UsageError: it has been deleted.
    """
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder no longer exists", remedy="cd to a folder that does") from error


def _ttl(value: str) -> "TtlChoice":
    lifetimes: dict[str, TtlChoice] = {"5m": "5m", "1h": "1h", "auto": "auto"}
    if value not in lifetimes:
        raise UsageError(f"--ttl {value}: no such lifetime", remedy="choose 5m, 1h or auto")
    return lifetimes[value]


def _system_text(ui: Ui, value: str | None) -> str | None:
    """The system prompt: the text of the file when the value names one, else the value itself."""
    if not value:
        return None
    try:
        is_file = len(value) < 4096 and "\n" not in value and Path(value).is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        if not any(character.isspace() for character in value) and (os.sep in value or _ENDING.search(value)):
            raise UsageError(f"--system {value}: there is no such file", remedy="a text has a space in it")
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    from optafly_cli.workspace.named import read_named
    from optafly_cli.workspace.root import find_workspace

    folder = working_folder()
    label, source = read_named(find_workspace(folder), folder, value)
    ui.detail(f"the system prompt is the file {label}")
    return source.text.strip() or None


def approver(ui: Ui, session: "Session", *, verb: "Verb" = "Send") -> "Approver | None":
    """The function that shows a rewrite and asks, None where nobody can be asked."""
    if not ui.interactive:
        return None
    from optafly_cli.cli.approve import approve

    return lambda proposal: approve(ui, proposal, session, verb=verb)
