"""Contractions and shorthand in full words, so that they can be compared with what is written out. Pure."""

import re

_CONTRACTIONS = (
    (re.compile(r"\bwon['’]?t\b", re.IGNORECASE), "will not"),
    (re.compile(r"\b(?:can['’]t|cant|cannot)\b", re.IGNORECASE), "can not"),
    (re.compile(r"(\w)n['’]t\b", re.IGNORECASE), r"\1 not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|should|would|could)nt\b", re.IGNORECASE), r"\1 not"),
    (re.compile(r"\b(what|who|where|when|why|how|it|that|there|here)['’]s\b(?=\s)", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\bwhats\b", re.IGNORECASE), "what is"),
    (re.compile(r"['’]ll\b"), " will"),
    (re.compile(r"['’]d\b"), " would"),
    (re.compile(r"['’]ve\b"), " have"),
    (re.compile(r"['’](?:re|m|s)\b"), " "),
)


_SHORTHAND = (
    (re.compile(r"(?<!\S)w/o(?!\S)", re.IGNORECASE), "without"),
    (re.compile(r"(?<!\S)w/(?!\S)", re.IGNORECASE), "with"),
    (re.compile(r"(?<=[\w)'\"]) [-–—] (?=[A-Za-z])"), ", "),
    (re.compile(r"(?<=[a-z]{2}) & (?=[a-z]{2})", re.IGNORECASE), " and "),
    (re.compile(r"(?<=[A-Za-z]{2}) -> (?=[A-Za-z]{2})"), " to "),
    (re.compile(r"(?<=\d) ?°", re.IGNORECASE), " degrees "),
    (re.compile(r"(?<![\w./\-])v(?=\d+(?:\.\d+)*(?![\w/]))"), "version "),
    (re.compile(r"(?<![\w.\-])(?<!the )(?<!her )(?<!his )(?<!my )(\d{1,3}) ?(?:s|second)(?![\w.\-])"), r"\1 seconds"),
    (re.compile(r"\b(\d{1,3})-second(?=s? )", re.IGNORECASE), r"\1 seconds"),
    (re.compile(r"\bsecond-hand\b", re.IGNORECASE), "used"),
    (re.compile(r"(?<=\d) ?([ap])\.?m\b\.?", re.IGNORECASE), r"\1m"),
    (re.compile(r"\bwi-fi\b", re.IGNORECASE), "wifi"),
    (re.compile(r"\be-mail(?=s?\b)", re.IGNORECASE), "email"),
    (re.compile(r"\bk8s\b", re.IGNORECASE), "Kubernetes"),
    (re.compile(r"\bi18n\b", re.IGNORECASE), "internationalization"),
    (re.compile(r"\be2e\b", re.IGNORECASE), "end to end"),
    (re.compile(r"\b2fa\b", re.IGNORECASE), "two-factor authentication"),
    (
        re.compile(r", (?:and |but )?not (?=(?:an? |the |as an? |in |on |with )?[\w.-]+(?: [\w.-]+)?\s*[.!?]*$)"),
        " rather than ",
    ),
    (re.compile(r"[\s,]+or not(?=[\s?.!]*$)", re.IGNORECASE), ""),
)


def shorthand_spelt_out(text: str) -> str:
    """Shorthand in words: w/o, k8s, "10s", "x -> y", a dash between spaces, ", not x" at the end, "or not" nowhere."""
    for pattern, plain in _SHORTHAND:
        text = pattern.sub(plain, text)
    return text


def contractions_spelt_out(prose: str) -> str:
    """The prose with "won't" as "will not" and the like."""
    for pattern, plain in _CONTRACTIONS:
        prose = pattern.sub(plain, prose)
    return prose
