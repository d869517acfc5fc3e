"""What an instruction says letter by letter: numbers, quoted strings, paths, flags, identifiers, operators. Pure.

They are taken out first, so that what is left is prose: words, and the punctuation that clings to them.
"""

import re

from optafly_cli.cache.guard.lexicon import lexicon

KINDS = ("number", "quoted", "path", "flag", "identifier", "operator")
MARK = "\x00"
"""What a literal leaves in the prose: this and its number."""
_LITERALS = re.compile(
    r"""
    (?P<quoted>
        ``?(?P<q1>[^`]+)``? | "(?P<q2>[^"]*)" | “(?P<q3>[^”]*)” | ‘(?P<q4>[^’]*)’
      | `(?P<q6>[^`']+)' | (?<![\w])'(?P<q5>[^'\n]*)'(?!\w)
    )
  | (?P<alone> (?<!\S)(?:[^\w\s]|_)+(?!\S) )                   # ; , [] _ by themselves
  | (?P<path>
        [a-z][a-z0-9+.-]*://\S+ | [\w.+-]+@[\w-]+\.[\w.]+      # addresses
      | \$\{?\w[^\s,;)]*                                       # $HOME/x
      | (?:~|\.{1,2})?/[^\s,;:)"']* | \w[\w.-]*/[^\s,;)"']*    # ./x, src/main.rs
      | [A-Za-z]:\\\S+ | [^\s"']*[*][^\s"',;)]*                # C:\x, *.txt
      | \w[\w-]*(?:\.[a-zA-Z]\w{0,9})+ | (?<![\w.])\.[a-zA-Z]\w*  # main.rs, os.path, .bashrc
    )
  | (?P<flag> (?<![\w-])--?[A-Za-z][\w-]* )
  | (?P<identifier>
        \w+(?:::\w+)+ | \w+->\w+ | \w+\((?!s\))[^()\n]*\) | @\w+ | \#\w+
      | [A-Za-z]\w*(?:\+\+|\#) | [A-Za-z]\w*_\w* | _\w+ | [a-z]+[A-Z]\w* | [A-Z][a-z0-9]+[A-Z]\w*
      | [A-Za-z]\w*[!?](?=\s+[a-z]|\s*$)                       # save! as a name (see _is_name)
      | [A-Za-z]+-?\d[\w.-]*                                   # E0502, v1.2, utf-8
    )
  | (?P<number> [-+]?[£$€]?\d[\d,]*(?:\.\d+)*(?:%|[A-Za-z]+(?:/\w+)?)? )
  | (?P<operator>
        \\[^\s,;:)]+ | [=<>&|^%+~]+[=<>&|^%+~!-]* | !==? | -> | -{2,}
      | (?<=\w)[.,;:!?(\[{](?=\w) | (?<!\S)[!?.:;]+(?=\w)
      | (?:[^\w\s.,;:!?()'"’‘“”`/–—…-])+                       # any other sign: [ ] { } \ @ # and pictures
    )
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"([-+]?)([£$€]?)(\d[\d,]*(?:\.\d+)*)(st|nd|rd|th)?(.*)", re.IGNORECASE)
_ANY_OF_A_KIND = re.compile(r"\*\.[A-Za-z]\w*")
_HALVES_OF_A_DAY = frozenset({"am", "pm"})
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_QUOTES = ("q1", "q2", "q3", "q4", "q5", "q6")
_ENDS = " .,;:!?)]}"
_SAID_OF_A_NAME = frozenset({"do", "does", "return", "returns", "mean", "means", "work", "is", "in", "here", "method"})
_SHORT = 3
_DONE_TO_A_NAME = frozenset(
    [
        "fix",
        "explain",
        "test",
        "refactor",
        "document",
        "rename",
        "call",
        "override",
        "implement",
        "add",
        "remove",
        "use",
    ]
)
"""After so many words, or another first word, a last word with a question mark ends a question in telegram style."""


def taken_out(instruction: str) -> tuple[str, list[tuple[str, str]]]:
    """The prose with a mark for each literal, and the literals as (kind, value)."""
    literals: list[tuple[str, str]] = []

    def take(found: re.Match[str]) -> str:
        kind, value, rest = _literal(found)
        if kind == "words":
            return f" {value} "
        literals.append((kind, value))
        return f" {MARK}{len(literals) - 1} {rest}"

    return _LITERALS.sub(take, instruction.replace(MARK, "\ufffd")), literals


def _literal(found: re.Match[str]) -> tuple[str, str, str]:
    """The kind and value of a literal, and the words that it leaves behind (the unit of a number)."""
    text = found[0]
    if found["alone"] is not None:
        last_of_a_question = (
            set(text) <= {"?", "!"}
            and "?" in text
            and found.end() == len(found.string.rstrip())
            and _asks(found.string)
        )
        return ("words", text, "") if last_of_a_question else ("operator", text, "")
    if text[-1] in "!?" and text[:-1].isalpha() and not _is_name(found):
        return "words", text, ""
    kind = next(name for name in KINDS if found[name])
    if kind == "quoted":
        return kind, next(found[name] for name in _QUOTES if found[name] is not None).strip(), ""
    if kind == "operator":
        return kind, text, ""
    kept = text.rstrip(_ENDS) or text
    if kind == "identifier" and text[-1] in "!?":
        kept = text
    if kind == "path" and _ANY_OF_A_KIND.fullmatch(kept):
        return kind, kept[1:], text[len(kept) :]
    after = text[len(kept) :]
    if kind == "path" and all(part in lexicon().alternatives for part in kept.lower().split("/")):
        return "words", kept.replace("/", " ") + after, ""
    number = _NUMBER.fullmatch(kept) if kind == "number" else None
    if number is None:
        return kind, kept, after
    sign, currency, digits, ordinal, unit = number.groups()
    plain = digits.replace(",", "") if _THOUSANDS.fullmatch(digits) else digits
    if unit.lower() in _HALVES_OF_A_DAY:
        ordinal, unit = unit, ""
    value = f"{sign.strip('+')}{currency}{plain}{ordinal or ''}".lower()
    return kind, value, f"{unit.replace('%', ' percent ')}{after}"


def _is_name(found: re.Match[str]) -> bool:
    """Does the sign belong to the word ("what does save! do", "fix empty?"), or end the sentence ("fix this bug!")?"""
    known = lexicon()
    after = re.findall(r"[a-z]+", found.string[found.end() :].lower())
    before = re.findall(r"[^\W\d_]+", found.string[: found.start()].lower())
    question = found[0][-1] == "?"
    asks = _is_question(before) or (question and found[0][:-1].lower() in known.questions)
    if after:
        return not (question and asks and after[0] not in _SAID_OF_A_NAME)
    if not before or before[-1] in known.filler:
        return False
    return not question or (not asks and len(before) < _SHORT and before[0] in _DONE_TO_A_NAME)


def _is_question(words: list[str]) -> bool:
    known = lexicon()
    asking = known.asking | {"do"}
    return bool(words) and (
        words[0] in asking or not known.asking.isdisjoint(words) or not known.questions.keys().isdisjoint(words)
    )


def _asks(instruction: str) -> bool:
    """Is a question mark that stands apart at the end still one of a question, not its subject ("what is a ?")?"""
    words = re.findall(r"[a-z]+", instruction.lower())
    known = lexicon()
    return (
        len(words) > 1
        and (words[0] in known.asking or (words[0] in known.questions and words[0] != "explain"))
        and not (words[-1] in known.filler or words[-1] in known.relations)
        and words[-1] not in known.heads
        and bool(re.search(r"[a-z]\s+[?!]+\s*$", instruction.lower()))
    )
