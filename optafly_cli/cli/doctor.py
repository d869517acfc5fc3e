"""optafly doctor: what is found, what is missing, what that means."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from optafly_cli._version import __version__
from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, new_app
from optafly_cli.cli.session import load, working_folder
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import OptaflyError, StoreError
from optafly_cli.wording import counted, entries

app = new_app()
Level = Literal["ok", "missing", "bad"]
_MARKS = {"ok": ("✓", "good"), "missing": ("–", "warning"), "bad": ("✗", "error")}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `bad` makes doctor exit with `code`; `missing` is a part that is optional."""

    name: str
    level: Level
    text: str
    remedy: str | None = None
    code: int = 0


@app.command(cls=StageCommand)
def doctor(ctx: typer.Context, json: opt.Json = False) -> int:
    """Say what is found and what is missing.

    Nothing is sent to Claude, and no key is printed. A shared store is connected to.
    """
    ui: Ui = ctx.obj
    checks = [check for look in _LOOKS for check in _looked(look)]
    code = max((check.code for check in checks), default=0)
    if json:
        rows = [
            {"name": check.name, "level": check.level, "text": check.text, "remedy": check.remedy} for check in checks
        ]
        ui.document("doctor", {"checks": rows, "ok": code == 0})
        return code
    for check in checks:
        mark, style = _MARKS[check.level]
        ui.styled_line((mark, style), (f" {check.name:<12}", "bold"), (check.text, None))
        if check.remedy:
            ui.styled_line((f"{'':14}{check.remedy}", "dim"))
    return code


def _looked(look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of one look; an error that ends it is a check too."""
    try:
        yield from look()
    except OptaflyError as error:
        yield Check(look.__name__.removeprefix("_"), "bad", error.message, error.remedy, error.exit_code)


def _versions() -> Iterator[Check]:
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:3]))
    parts = [f"{name} {version(name)}" for name in ("anthropic", "faiss-cpu", "onnxruntime", "typer")]
    yield Check("versions", "ok", f"optafly {__version__}, Python {python}, {', '.join(parts)}")


def _config() -> Iterator[Check]:
    from optafly_cli.config.paths import config_file

    loaded = load(Ui(), {})
    changed = [key for key, origin in loaded.origins.items() if str(origin) != "default"]
    file = config_file(os.environ)
    found = str(file) if file.is_file() else f"{file} (not there: defaults)"
    yield Check("config", "ok", f"{found}; {counted(len(changed), 'setting is', 'settings are')} not the default")


def _workspace() -> Iterator[Check]:
    from optafly_cli.workspace.project import headline
    from optafly_cli.workspace.root import find_workspace

    workspace = find_workspace(working_folder())
    yield Check("workspace", "ok", f"{workspace.root} ({workspace.kind}) {headline(workspace)}")
    if workspace.has_git:
        yield Check("git", "ok", "git is found")
    else:
        yield Check("git", "missing", "git is not found: no --diff, no recent edits", "install git")


def _store() -> Iterator[Check]:
    from optafly_cli.cache.database import FILE
    from optafly_cli.cache.health import writable
    from optafly_cli.cache.maintenance import Maintenance

    folder, settings = _place()
    with Maintenance.open(folder, settings) as store:
        problems = store.problems(quick=True)
        count = store.count()
    for problem in problems:
        # A sentence, and after the semicolon what to do
        text, _, remedy = problem.partition("; ")
        yield Check("store", "bad", text, remedy or None, 5)
    found = [*writable(folder, FILE)]
    yield from _checks("store", found)
    if not problems and not found:
        yield Check("store", "ok", f"{folder}: {entries(count)}")


def _files() -> Iterator[Check]:
    from dataclasses import replace

    from optafly_cli.cache.health import files
    from optafly_cli.config.paths import config_file, log_folder, runtime_folder

    store, runtime = _place()[0], runtime_folder(os.environ)
    own = [store, log_folder(os.environ), *([] if runtime.is_relative_to(store) else [runtime])]
    found = [finding for folder in own for finding in files(folder)]
    settings = config_file(os.environ).parent
    # What the user wrote by hand, no secret as a rule, and no promise of ours
    found += [replace(finding, grave=False) for finding in files(settings) if not found]
    yield from _checks("files", found)
    if not found:
        yield Check("files", "ok", "for this user alone")


def _disk() -> Iterator[Check]:
    from optafly_cli.cache.health import room

    found = [*room(_place()[0])]
    yield from _checks("disk", found)
    if not found:
        yield Check("disk", "ok", "there is room")


def _checks(name: str, findings: Iterable[Any]) -> Iterator[Check]:
    for finding in findings:
        yield Check(
            name,
            "bad" if finding.grave else "missing",
            finding.text,
            finding.remedy,
            StoreError.exit_code * finding.grave,
        )


def _place() -> tuple[Path, Any]:
    """The store's folder, and the settings of the cache."""
    from optafly_cli.config.paths import store_folder

    settings = load(Ui(), {}).settings.cache
    return store_folder(settings, os.environ), settings


def _shared() -> Iterator[Check]:
    settings = load(Ui(), {}).settings.cache
    if settings.backend == "faiss":
        return
    from optafly_cli.cache.backends.remote_check import lag_of_replica, look_at
    from optafly_cli.cache.backends.remote_schema import MIGRATIONS

    found = look_at(settings)
    line = f"TLS {found.tls}" if found.tls else "no TLS (socket or loopback)"
    said = f"PostgreSQL {found.server}, pgvector {found.pgvector}, schema {found.version}, {line}, role {found.role}"
    init = "run `optafly cache init-remote` as the owner of its tables"
    if found.missing:
        lacks = f"{said}: it may not use {', '.join(found.missing)}"
        yield Check("shared", "bad", lacks, f"{init}, with --grant {found.role}", 5)
    elif found.version > len(MIGRATIONS):
        yield Check("shared", "bad", f"{said}: of a newer optafly", "upgrade optafly", 5)
    elif found.version < len(MIGRATIONS):
        yield Check("shared", "missing", f"{said}: of an older optafly", init)
    elif found.unindexed:
        yield Check("shared", "missing", f"{said}: a large scope has no index, and is scanned", init)
    elif found.above:
        yield Check("shared", "missing", f"{said}: it sees every namespace", "use a role that is no superuser")
    else:
        yield Check("shared", "ok", said)
    if settings.dsn_read:
        lag = lag_of_replica(settings)
        yield Check("replica", "ok", "up to date" if lag is None else f"{lag:.1f} s behind")


def _model() -> Iterator[Check]:
    from optafly_cli.cache.embedder import Embedder, EmbedderUnavailable

    name = load(Ui(), {}).settings.cache.embedding_model
    try:
        embedder = Embedder.load(name)
    except EmbedderUnavailable as error:
        yield Check("model", "missing", f"{error}: exact hits only", "pip install --force-reinstall optafly")
    else:
        yield Check("model", "ok", f"{embedder.identity}: verified")


def _tokens() -> Iterator[Check]:
    from optafly_cli.tokens.counter import Counter

    yield Check("tokens", "ok", f"counted as {Counter('claude-4.8').method}")


def _credentials() -> Iterator[Check]:
    from optafly_cli.provider.credentials import credentials_source, with_key_of

    variable = load(Ui(), {}).settings.provider.key_variable
    source = credentials_source(with_key_of(variable, os.environ))
    if variable and source == "ANTHROPIC_API_KEY":
        source = variable
    if source:
        yield Check("credentials", "ok", f"found in {source}")
    else:
        yield Check(
            "credentials", "missing", "no API key: ask can only answer from the store", "export ANTHROPIC_API_KEY=…"
        )


def _models() -> Iterator[Check]:
    from optafly_cli.models import catalogue
    from optafly_cli.pipeline.session import find_model

    settings = load(Ui(), {}).settings
    model: Any = find_model(settings)
    yield Check("models", "ok", f"{model.id}; model data of {catalogue().date}")


_LOOKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _versions,
    _config,
    _workspace,
    _store,
    _files,
    _disk,
    _shared,
    _model,
    _tokens,
    _models,
    _credentials,
)
