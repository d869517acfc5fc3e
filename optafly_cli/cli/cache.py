"""optafly cache: its commands, in the order in which --help lists them."""

from importlib import import_module

from optafly_cli.cli.cache_base import app

__all__ = ["app"]

for _part in ("look", "care", "transfer"):
    import_module(f"optafly_cli.cli.cache_{_part}")
