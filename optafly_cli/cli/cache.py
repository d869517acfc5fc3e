"""optafly cache: its commands, and the order in which --help lists them."""

from importlib import import_module
from typing import Any

from optafly_cli.cli.cache_base import app

__all__ = ["app"]

_ORDER = (
    "stats", "list", "show", "search", "reject", "delete", "clear", "prune", "export", "import", "verify", "rebuild",
    "path", "init-remote",
)  # fmt: skip


def _place(command: Any) -> int:
    return _ORDER.index(command.name or command.callback.__name__)


for _part in ("list", "look", "care", "transfer"):
    import_module(f"optafly_cli.cli.cache_{_part}")
app.registered_commands.sort(key=_place)
