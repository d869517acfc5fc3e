"""Cases that a text on a function leaves open: operations that for some of what can go in have no result, or several.

An average of nothing, a division by 0, the sign of a difference that is 0, which way something is rotated or rounded,
the form of what is converted; and words that stand for what is not said. "The largest" is not among them: what the set
of pairs calls ambiguous is that such a word is gone (docs/score.md).
"""

import re
from functools import cache

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules.wording import LOOKED_AT, indefinite_words

LONG = 30
"""Words of prose from which an operation weighs less: a long text says more about each."""
SAID = 0.5
"""What an operation weighs in a text that speaks of such cases, or shows one."""


def open_cases(view: PromptText) -> float:
    """How many operations and words leave cases open, by length; 0 for a text that describes no function."""
    patterns = _patterns()
    if not patterns["function"].search(view.text, 0, LOOKED_AT):
        return 0.0
    prose = view.prose[:LOOKED_AT]
    found = len(patterns["operation"].findall(prose)) + indefinite_words(view)
    if not found:
        return 0.0
    empty = any(isinstance(one, (list, str, dict)) and not one for each in view.examples for one in each.arguments)
    said = empty or patterns["said"].search(prose) is not None
    return found * min(1.0, LONG / max(view.words, 1)) * (SAID if said else 1.0)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    operations = (
        r"means?|averages?|medians?|modes?|deviations?|variances?",
        r"divid\w+|divisions?|divisors?|ratios?|quotients?|modulo|mod|remainders?|percentages?|roots?|logarithms?",
        r"normali[sz]\w+|rescal\w+|differences?|opposite|signs?|rotat\w+|shift\w*|round\w*|occurrences?|overlap\w*",
        r"convert\w*|pars(?:e|es|ing)|bases?|decod\w+|encod\w+|formats?|represent(?:ed|ation)",
    )
    return {
        "function": re.compile(r"\bdef \w+\(|\b(?:functions?|methods?|returns?)\b", re.I),
        "operation": re.compile(rf"(?<![\w-])(?:{'|'.join(operations)})(?![\w-])", re.I),
        "said": re.compile(
            r"\b(?:empty|non-?empty|at least|no (?:such|elements?|common|match\w*)|none|null|invalid|otherwise|unless"
            r"|if there|in case|non-?negative|positive|non-?zero|same (?:length|size)|equal length|rais\w+|errors?)\b",
            re.I,
        ),
    }
