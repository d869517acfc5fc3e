"""Terms of code and prose: identifiers whole and in parts, lower-case, plain endings cut, stop words dropped."""

import re
from collections import Counter
from functools import lru_cache

SHORTEST, LONGEST = 2, 40
_WORD = re.compile(r"[^\W\d]\w*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+")
STOP_WORDS = frozenset((
    "a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "between", "both", "but", "by", "can", "cannot", "could", "did", "do",
    "does", "doing", "down", "each", "either", "else", "for", "from", "further", "had", "has", "have", "having",
    "he", "her", "here", "hers", "him", "his", "how", "however", "i", "if", "in", "into", "is", "it", "its",
    "itself", "just", "let", "like", "me", "more", "most", "my", "no", "nor", "not", "now", "of", "off", "on",
    "once", "one", "only", "or", "other", "our", "out", "over", "own", "please", "same", "see", "seem", "seems",
    "she", "should", "since", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "through", "to", "too", "under", "until", "up", "us", "use", "used",
    "using", "very", "via", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom",
    "why", "will", "with", "within", "without", "would", "yet", "you", "your", "self", "cls", "def", "return",
    "import", "elif", "true", "false", "none", "null", "fn", "pub", "mut", "func", "var", "const", "new",
    "void", "int", "str",
))  # fmt: skip
"""Words of English that say nothing, then those that nearly every file of some language holds."""


def counted(text: str) -> dict[str, int]:
    """How often each term stands in `text`."""
    terms: Counter[str] = Counter()
    for word, times in Counter(_WORD.findall(text)).items():
        for term in terms_of(word):
            terms[term] += times
    return dict(terms)


@lru_cache(maxsize=100_000)
def terms_of(word: str) -> tuple[str, ...]:
    """The terms of one word: parseHTTPPort is itself, and "parse", "http", "port"."""
    parts = [part.lower() for part in _PART.findall(word)]
    whole = word.strip("_").lower()
    found = dict.fromkeys(_stem(part) for part in parts if SHORTEST <= len(part) <= LONGEST and part not in STOP_WORDS)
    if len(parts) > 1 and len(whole) <= LONGEST:
        found[whole] = None
    return tuple(found)


def _stem(word: str) -> str:
    """`word` without a plain English ending, so that "warnings" finds `warning` and "parsed" finds `parse`."""
    if len(word) < 5:
        return word[:-1] if len(word) == 4 and word[-1] == "s" and word[-2] not in "su" else word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("ing") and len(word) > 6:
        return _closed(word[:-3])
    if word.endswith("ed") and len(word) > 5:
        return _closed(word[:-2])
    if word.endswith("es") and word[-3] in "sxz":
        return word[:-2]
    if word.endswith("s") and word[-2] not in "sui":
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _closed(stem: str) -> str:
    """ "runn" is "run"; "pars" stays, as does what "parse" becomes."""
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem
