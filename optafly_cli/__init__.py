"""optafly: refine a prompt, route it through Anthropic's prompt cache, answer from a semantic cache."""

from optafly_cli._version import __version__

__all__ = ["__version__"]
