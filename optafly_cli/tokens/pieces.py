"""Cutting text for counting: other scripts from Latin, and runs that would stall a tokenizer.

In: any text. Out: pieces whose characters, put together, are the text. Pure; standard library only.
"""

import re
from collections.abc import Iterator

LONG_RUN = 1_000
"""Characters without (or of) white space after which a run is cut: merging takes time that grows with the run."""

CHUNK = 1 << 18
"""Characters handed to the tokenizer at once, about."""

SCRIPTS = {
    "cyrillic": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "semitic": "\u0590-\u05ff\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
    "devanagari": "\u0900-\u097f\ua8e0-\ua8ff",
    "indic": "\u0980-\u0dff",
    "thai": "\u0e00-\u0eff",
    "korean": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff",
    "cjk": "\u2e80-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff",
}
LATIN = "\u0000-\u024f\u0300-\u036f\u1e00-\u1eff\u2010-\u2027"
"""Latin letters with any accent, ASCII, and the dashes, quotes and dots of European typesetting."""

_OTHER = re.compile(
    "|".join(f"(?P<{name}>[{span}](?:[{span} ]*[{span}])?)" for name, span in SCRIPTS.items())
    + f"|(?P<symbol>[^{LATIN}{''.join(SCRIPTS.values())}]+)"
)
_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9f]")
_RUN = re.compile(rf"\S{{{LONG_RUN + 1},}}|\s{{{LONG_RUN + 1},}}")


def by_script(text: str) -> tuple[list[str], dict[str, int]]:
    """The Latin pieces of `text`, in order, and how many characters of each other script it has.

    "japanese" is a run of CJK characters with kana in it, "chinese" one without; "symbol" is everything else that
    is not Latin: emoji, arrows, box drawing, rare scripts.
    """
    if text.isascii():
        return [text], {}
    latin: list[str] = []
    others: dict[str, int] = {}
    at = 0
    for match in _OTHER.finditer(text):
        if match.start() > at:
            latin.append(text[at : match.start()])
        at = match.end()
        name = match.lastgroup or "symbol"
        if name == "cjk":
            name = "japanese" if _KANA.search(match[0]) else "chinese"
        others[name] = others.get(name, 0) + at - match.start()
    if at < len(text):
        latin.append(text[at:])
    return latin, others


def tokenizable(text: str) -> Iterator[str]:
    """`text` in chunks without a run of more than LONG_RUN characters."""
    for chunk in _chunks(text):
        at = 0
        for run in _RUN.finditer(chunk):
            if run.start() > at:
                yield chunk[at : run.start()]
            for start in range(run.start(), run.end(), LONG_RUN):
                yield chunk[start : min(start + LONG_RUN, run.end())]
            at = run.end()
        if at < len(chunk):
            yield chunk[at:]


def _chunks(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        end = at + CHUNK
        if end < len(text):
            line = text.rfind("\n", at, end)
            end = line + 1 if line > at else end
        yield text[at:end]
        at = end
