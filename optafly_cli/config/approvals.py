"""The projects for which the user said "always": kept beside the user's configuration, never in the project."""

import os
from collections.abc import Mapping
from pathlib import Path

from optafly_cli.config.paths import config_file
from optafly_cli.config.private import make_private_folder


def approvals_file(environ: Mapping[str, str]) -> Path:
    """One absolute path per line."""
    return config_file(environ).with_name("approved-projects")


def is_approved(root: Path, environ: Mapping[str, str]) -> bool:
    """Whether rewrites with files that were not named may be sent from `root` without asking."""
    try:
        lines = approvals_file(environ).read_text("utf-8").split("\n")
    except OSError:
        return False
    return str(root) in lines


def approve_project(root: Path, environ: Mapping[str, str]) -> None:
    """Remember that `root` is approved. A path that does not fit on a line is never remembered."""
    if is_approved(root, environ) or not str(root).isprintable():
        return
    path = approvals_file(environ)
    make_private_folder(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
        file.write(f"{root}\n")
