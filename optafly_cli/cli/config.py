"""optafly config: read and change settings."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import ConfigError, UsageError

app = new_app("Read and change settings.")

Key = Annotated[str, typer.Argument(metavar="SECTION.KEY")]


@app.command(cls=StageCommand, epilog=examples("optafly config get cache.ttl_days"))
def get(ctx: typer.Context, key: Key, json: opt.Json = False) -> int:
    """Print the value that is in force."""
    ui: Ui = ctx.obj
    loaded = load(ui, {})
    value = _value(loaded.settings, key)
    if json:
        ui.document("config.get", {"key": key, "value": value, "origin": str(loaded.origins[key])})
    else:
        ui.line(_shown(value))
    return 0


@app.command(
    "set",
    cls=StageCommand,
    epilog=examples("optafly config set cache.ttl_days 7", "optafly config set refine.approve always"),
)
def set_(
    ctx: typer.Context, key: Key, value: Annotated[str, typer.Argument(metavar="VALUE")], json: opt.Json = False
) -> int:
    """Set a value in the user's configuration file."""
    from optafly_cli.config.edit import set_value
    from optafly_cli.config.paths import config_file

    ui: Ui = ctx.obj
    path = config_file(os.environ)
    set_value(path, key, value)
    if json:
        ui.document("config.set", {"key": key, "value": value, "file": str(path)})
    else:
        ui.note(f"{key} is set in {path}")
    return 0


@app.command("list", cls=StageCommand)
def list_(ctx: typer.Context, json: opt.Json = False) -> int:
    """List every setting, its value and where it comes from."""
    ui: Ui = ctx.obj
    loaded = load(ui, {})
    rows = [(key, _value(loaded.settings, key), str(origin)) for key, origin in loaded.origins.items()]
    if json:
        ui.document(
            "config.list", {"settings": [{"key": key, "value": value, "origin": origin} for key, value, origin in rows]}
        )
        return 0
    width = max(len(key) for key, _, _ in rows)
    for key, value, origin in rows:
        style = "dim" if origin == "default" else "bold"
        ui.styled_line((f"{key:<{width}}  ", None), (f"{_shown(value):<24}", style), (f"  {origin}", "dim"))
    return 0


@app.command(cls=StageCommand)
def path(ctx: typer.Context, json: opt.Json = False) -> int:
    """Print the user's configuration file."""
    from optafly_cli.config.paths import config_file

    ui: Ui = ctx.obj
    file = config_file(os.environ)
    if json:
        ui.document("config.path", {"path": str(file), "exists": file.is_file()})
    else:
        ui.line(str(file))
    return 0


@app.command(cls=StageCommand)
def edit(ctx: typer.Context) -> int:
    """Open the user's configuration file in $EDITOR, and check it afterwards."""
    from optafly_cli.config.edit import ensure_file
    from optafly_cli.config.paths import config_file

    ui: Ui = ctx.obj
    file = config_file(os.environ)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("no editor is set", remedy=f"set EDITOR, or edit {file} yourself")
    ensure_file(file)
    try:
        code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
    except (OSError, ValueError) as error:
        raise UsageError(f"the editor {editor!r} could not be started: {error}", remedy="set EDITOR") from error
    if code != 0:
        raise UsageError(f"the editor {editor!r} ended with {code}")
    load(ui, {})
    ui.note(f"{file} is valid")
    return 0


@app.command("import", cls=StageCommand, epilog=examples("optafly config import integrated-config.json"))
def import_(ctx: typer.Context, file: Annotated[str, typer.Argument(metavar="FILE")], json: opt.Json = False) -> int:
    """Read the original system's integrated-config.json into the user's configuration."""
    from dataclasses import asdict

    from optafly_cli.config.original import import_original
    from optafly_cli.config.paths import config_file

    ui: Ui = ctx.obj
    imported = import_original(Path(file), config_file(os.environ))
    if json:
        ui.document("config.import", asdict(imported))
        return 0
    for change in imported.changes:
        ui.line(f"{change.source} → {change.key} = {_shown(change.value)}")
    for sentence in imported.not_understood:
        ui.warn(sentence)
    return 0


def _value(settings: Any, key: str) -> Any:
    """The value of `section.key`.

    Raises:
        ConfigError: there is no such key.
    """
    section, _, name = key.partition(".")
    found = getattr(settings, section, None)
    if found is None or not hasattr(found, name or " "):
        from optafly_cli.config.schema import nearest_key

        near = nearest_key(key)
        raise ConfigError(
            f"there is no setting {key!r}", remedy=f"did you mean {near}?" if near else "optafly config list"
        )
    value = getattr(found, name)
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
