"""How much of a refined prompt the prompt cache can reuse."""

from collections.abc import Callable

from optafly_cli.refine.result import RefinedPrompt


def stable_share(refined: RefinedPrompt, count: Callable[[str, str], int]) -> float:
    """Tokens of the sections before the instruction, over the tokens of all sections: 0 to 1.

    That is the share of the next prompt on the same files that is read from the prompt cache instead of being sent as
    new, when it is long enough to be cached; the original, one instruction without sections, has a share of 0.
    """
    tokens = [(section.kind, count(section.text, "")) for section in refined.sections]
    total = sum(number for _, number in tokens)
    stable = sum(number for kind, number in tokens if kind != "instruction")
    return stable / total if total else 0.0
