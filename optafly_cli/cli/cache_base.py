"""What the commands of `optafly cache` share: the app, the store, and asking before something is lost."""

import os
import sys
from typing import Any

from optafly_cli.cli.app import new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError

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


def confirm(ui: Ui, question: str) -> None:
    """Ask on the terminal.

    Raises:
        UsageError: nobody can be asked, or the answer is no.
    """
    if not ui.interactive:
        raise UsageError("nothing was deleted: nobody can be asked here", remedy="give --yes to delete without asking")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was deleted")
