"""What the commands of `optafly cache` share: the app, the store, and asking before something is lost."""

import os
from typing import Any

from optafly_cli.cli.app import new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import Declined, UsageError

app = new_app("Look into the store of answers, correct it, or empty it.")


def open_store(ui: Ui, settings: Any = None) -> Any:
    """The store of these `[cache]` settings; of the settings of the working folder unless given."""
    from optafly_cli.config.paths import store_folder
    from optafly_cli.pipeline.shelf import open_beside_the_service

    settings = settings or load(ui, {}).settings.cache
    return open_beside_the_service(store_folder(settings, os.environ), settings)


def open_maintenance(ui: Ui) -> Any:
    """The store of the working folder's settings, for who looks after it."""
    from optafly_cli.cache.maintenance import Maintenance
    from optafly_cli.config.paths import store_folder

    settings = load(ui, {}).settings.cache
    return Maintenance.open(store_folder(settings, os.environ), settings)


def which_entry(text: str) -> int | None:
    """The entry that is meant, None for that of the last hit.

    Raises:
        UsageError: neither LAST nor a number.
    """
    if text.upper() == "LAST":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} is no entry: give LAST, or the number of one")
    return min(int(text), 2**63 - 1)


def confirm(ui: Ui, question: str, done: str = "deleted") -> None:
    """Ask on the terminal whether something is to be deleted, or what `done` says.

    Raises:
        UsageError: nobody can be asked.
        Declined: the answer is no. Interrupted: there is none.
    """
    if not ui.interactive:
        raise UsageError(f"nothing was {done}: nobody can be asked here", remedy="give --yes, and you are not asked")
    if ui.asked(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise Declined(f"nothing was {done}")
