"""What a command line will take, begun before anything else is known of it."""

from collections.abc import Sequence

from optafly_cli.pipeline.shelf import begin_with


def foresee(argv: Sequence[str]) -> None:
    """Have the engine begin with the prompt of `ask PROMPT …`; other orders of the words wait for their parser."""
    if list(argv[:1]) == ["ask"] and argv[1:] and not argv[1].startswith("-") and "--no-cache" not in argv:
        begin_with(argv[1])
