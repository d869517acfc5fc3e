"""The command tree: subcommands are imported when they are run, so that each command pays only for itself."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from optafly_cli._version import __version__
from optafly_cli.cli.ui import Ui

SUBCOMMANDS: dict[str, str] = {
    "ask": "Answer a prompt: from the store if it can, from Claude if it must.",
    "refine": "Score a prompt and rewrite it with the code it is about.",
    "route": "Show the request, its prompt-cache anchors and what it costs.",
    "lint": "Check prompts in files: rules, scores, exit codes for CI.",
    "serve": "Put any Anthropic client behind the cache: an HTTP proxy.",
    "learn": "Learn from what was sent which prompts will be sent again.",
    "cache": "Look into the store of answers, correct it, or empty it.",
    "config": "Read and change settings.",
    "doctor": "Say what is found and what is missing.",
    "service": "Keep a process warm that runs commands at once.",
}
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 80}


class StageCommand(TyperCommand):
    """A command that also takes --color, -q and -v, as every one does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_common_options())


class LazyGroup(TyperGroup):
    """The root: knows every subcommand's name and summary, and imports its module only to run it."""

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names, in the order of the pipeline."""
        return [*SUBCOMMANDS]

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        """The command `cmd_name`, imported now; None when there is none."""
        if cmd_name not in SUBCOMMANDS:
            return None
        return subcommand(cmd_name)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write the summaries without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([*SUBCOMMANDS.items()])


@cache
def subcommand(name: str) -> Any:
    """The command of that name. It keeps nothing between two runs, so that the service can make it beforehand."""
    command = typer.main.get_command(import_module(f"optafly_cli.cli.{name}").app)
    command.name = name
    return command


def _common_options() -> list[TyperOption]:
    return [
        TyperOption(
            param_decls=["--color"],
            metavar="WHEN",
            help="Colours: auto (the default), always or never.",
            expose_value=False,
            callback=_set_color,
        ),
        _flag(["-q", "--quiet"], "Say nothing but the result, warnings and errors.", -1),
        _flag(["-v", "--verbose"], "Say more about what is done.", 1),
    ]


def _flag(names: list[str], text: str, verbosity: int) -> TyperOption:
    def set_verbosity(ctx: Any, _param: Any, value: bool) -> None:
        if value:
            ctx.find_root().obj.verbosity = verbosity

    return TyperOption(
        param_decls=names, is_flag=True, default=False, help=text, expose_value=False, callback=set_verbosity
    )


def _set_color(ctx: Any, _param: Any, value: str | None) -> None:
    if value is None:
        return
    if value not in ("auto", "always", "never"):
        raise typer.BadParameter("choose auto, always or never")
    ctx.find_root().obj.color = value


def new_app(help_text: str | None = None) -> typer.Typer:
    """A Typer app with the house's settings, for a subcommand module."""
    return typer.Typer(
        help=help_text,
        context_settings=SETTINGS,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=help_text is not None,
    )


def examples(*lines: str) -> str:
    """An epilog of example commands, kept as they are by the help formatter."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@cache
def build() -> Callable[..., Any]:
    """The whole command tree, ready to be called with argv."""
    app = typer.Typer(
        cls=LazyGroup,
        context_settings=SETTINGS,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        epilog=examples(
            'optafly ask "fix this bug" --file src/main.rs:12',
            'git diff | optafly ask "review this"',
            'optafly refine "explain this" --file app.py --json',
        ),
    )

    @app.callback()
    def root(
        ctx: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
    ) -> None:
        """Make a vague prompt good, and never pay for the same answer twice.

        optafly refines a prompt with the code it is about, arranges it so that
        Anthropic's prompt cache pays, and answers from its own store when the
        same thing was already asked about the same code.
        """
        if version:
            ui: Ui = ctx.obj
            ui.line(f"optafly {__version__}")
            raise typer.Exit

    return typer.main.get_command(app)
