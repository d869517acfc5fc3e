"""optafly config: read and change settings."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.wording import counted

if TYPE_CHECKING:
    from optafly_cli.config.schema import Setting, Value

app = new_app("Read and change settings.")

Key = Annotated[str, typer.Argument(metavar="SECTION.KEY")]


@app.command(cls=StageCommand, epilog=examples("optafly config get cache.ttl_days"))
def get(ctx: typer.Context, key: Key, json: opt.Json = False) -> int:
    """Print the value that is in force."""
    from optafly_cli.config.load import known_setting, value_of
    from optafly_cli.config.schema import written

    ui: Ui = ctx.obj
    setting = known_setting(key)
    loaded = load(ui, {})
    value = _public(setting, value_of(loaded.settings, setting))
    if json:
        ui.document("config.get", {"key": key, "value": value, "origin": str(loaded.origins[key])})
    else:
        ui.line(written(value))
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
    from optafly_cli.config.load import value_of
    from optafly_cli.config.schema import all_settings, written

    ui: Ui = ctx.obj
    loaded = load(ui, {})
    values = {name: _public(one, value_of(loaded.settings, one)) for name, one in all_settings().items()}
    rows = [(name, value, str(loaded.origins[name])) for name, value in values.items()]
    if json:
        ui.document(
            "config.list", {"settings": [{"key": key, "value": value, "origin": origin} for key, value, origin in rows]}
        )
        return 0
    width = max(len(key) for key, _, _ in rows)
    for key, value, origin in rows:
        style = "dim" if origin == "default" else "bold"
        ui.styled_line((f"{key:<{width}}  ", None), (f"{written(value):<24}", style), (f"  {origin}", "dim"))
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
    """Open the user's configuration file in $EDITOR, then check it."""
    from optafly_cli.cli.editor import run_editor
    from optafly_cli.config.edit import ensure_file
    from optafly_cli.config.load import check_user_file
    from optafly_cli.config.paths import config_file

    ui: Ui = ctx.obj
    file = config_file(os.environ)
    ensure_file(file)
    run_editor(file)
    check_user_file(file)
    ui.note(f"{file} is valid")
    return 0


@app.command("import", cls=StageCommand, epilog=examples("optafly config import integrated-config.json"))
def import_(ctx: typer.Context, file: Annotated[str, typer.Argument(metavar="FILE")], json: opt.Json = False) -> int:
    """Take over the original system's integrated-config.json."""
    from dataclasses import asdict

    from optafly_cli.config.edit import set_values
    from optafly_cli.config.original import import_original
    from optafly_cli.config.paths import config_file
    from optafly_cli.config.schema import written

    ui: Ui = ctx.obj
    imported = import_original(Path(file))
    target = config_file(os.environ)
    if imported.changes:
        set_values(target, imported.values)
    if json:
        ui.document("config.import", {**asdict(imported), "file": str(target)})
        return 0
    for change in imported.changes:
        ui.line(f"{change.source} → {change.name} = {written(change.value)}")
    for sentence in imported.skipped:
        ui.warn(sentence)
    count = counted(len(imported.changes), "setting is", "settings are")
    ui.note(f"{count} set in {target}" if imported.changes else "nothing was changed")
    return 0


def _public(setting: "Setting", value: "Value") -> "Value":
    """The value as it may be shown: of a secret (a DSN holds a password) only whether there is one."""
    return "(set, not shown)" if setting.rule.secret and value else value
