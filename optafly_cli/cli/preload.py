"""What the service loads once, so that no command has to: modules, the packaged words and tables, the command tree.

Nothing that starts a thread (numpy does), opens the store, or reads what belongs to one command: its folder, its
environment, its files.
"""

import os
import pkgutil
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path

import optafly_cli

_OTHERS = (
    "concurrent.futures.thread",
    "difflib",
    "json",
    "rich.box",
    "rich.console",
    "rich.panel",
    "rich.progress",
    "rich.status",
    "rich.table",
    "rich.text",
    "shutil",
    "sqlite3",
    "subprocess",
    "tempfile",
    "textwrap",
    "tomllib",
    "typer._click._textwrap",
)
_NOT_NOW = ("optafly_cli.__main__", "optafly_cli.service")


def preload() -> None:
    """Load all of it."""
    for name in _OTHERS:
        import_module(name)
    for module in pkgutil.walk_packages(optafly_cli.__path__, "optafly_cli."):
        if not module.name.startswith(_NOT_NOW):
            import_module(module.name)
    _commands()
    _words()
    _words_of_code()
    rehearse()


def rehearse() -> None:
    """Run commands that can neither find nor change anything: what they touch is then in place for real ones.

    A fork shares memory until it writes to it, and Python writes to what it only looks at: the first command in a
    fresh one takes three times as long as the second.
    """
    from optafly_cli.cli.afterwards import catch_up
    from optafly_cli.cli.handler import run

    environment = dict(os.environ)
    nowhere = Path(os.devnull).open("r+")  # noqa: SIM115
    with nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        stdin, sys.stdin = sys.stdin, nowhere
        try:
            os.environ["OPTAFLY_HOME"] = _NOWHERE
            for argv in _REHEARSED:
                run(argv, warm=True)
                catch_up()
            _compare()
            _search()
        finally:
            sys.stdin = stdin
            os.environ.clear()
            os.environ.update(environment)


def _compare() -> None:
    """What a semantic hit does."""
    from optafly_cli.cli.rehearsed import semantic_hit

    semantic_hit(Path(_NOWHERE))


def _search() -> None:
    """What a refine does in an index: one of this file alone, in memory."""
    from optafly_cli.refine.prompt_text import PromptText
    from optafly_cli.refine.retrieval.find import find
    from optafly_cli.refine.retrieval.query import query_of
    from optafly_cli.workspace.index.building import History, IndexedFile, snapshot
    from optafly_cli.workspace.index.names import IndexSymbols
    from optafly_cli.workspace.index.outlines import read_facts
    from optafly_cli.workspace.index.reading import Snapshot
    from optafly_cli.workspace.index.view import IndexView

    text = Path(__file__).read_text("utf-8")
    facts = read_facts(text, "python", __file__)
    view = IndexView(Snapshot(memoryview(snapshot([IndexedFile("preload.py", bytes(20), facts)], History(), {}))))
    find(view, query_of(PromptText('`rehearse` raises KeyError in preload.py:12, says "not there"; see rehearse()')))
    IndexSymbols(view).look_up(["rehearse"])


_NOWHERE = "/proc/optafly-rehearsal"
"""A folder that is not there and that nobody can make."""
_REHEARSED = (
    ["--help"],
    ["refine", "explain what this file does", "--file", f"{__file__}:1-20"],
    ["refine", "explain what this file does", "--file", __file__, "--max-context-tokens", "400"],
    ["ask", "explain what this file does", "--file", f"{__file__}:1-20", "--cache-only"],
)


def _commands() -> None:
    from optafly_cli.cli.app import SUBCOMMANDS, build, subcommand

    build()
    for name in SUBCOMMANDS:
        subcommand(name)


_CODE = ("argparse", "logging", "pathlib", "subprocess")
"""Modules of the standard library, 300 kB: most words of code are in them, whatever it is about."""


def _words_of_code() -> None:
    """What the words of code cost, which is remembered: the first count of a section takes half as long then.

    With the default model; the vocabularies of others would have to be loaded for it.
    """
    from optafly_cli.models import catalogue
    from optafly_cli.tokens.counter import Counter

    known = catalogue()
    counter = Counter(known.get(known.default).tokenizer)
    for name in _CODE:
        with suppress(OSError):
            counter.count(Path(str(import_module(name).__file__)).read_text("utf-8"))


def _words() -> None:
    from optafly_cli.cache.guard.lexicon import lexicon
    from optafly_cli.cache.spelling import embedded_form
    from optafly_cli.config.schema import all_settings, sections
    from optafly_cli.models import catalogue
    from optafly_cli.workspace.secrets import rules_digest

    all_settings()
    sections()
    catalogue()
    lexicon()
    rules_digest()
    embedded_form("fix this")
