"""An instruction as the guard reads it: its literals, and its words reduced to stems and classes. Pure, no model.

A literal (number, quoted string, path, flag, identifier) is taken out first, so that what is left is prose.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from optafly_cli.cache.lexicon import lexicon

_LITERALS = re.compile(
    r"""
    (?P<quoted>
        ``?(?P<q1>[^`]+)``? | "(?P<q2>[^"]*)" | “(?P<q3>[^”]*)” | ‘(?P<q4>[^’]*)’
      | `(?P<q6>[^`']+)' | (?<![\w])'(?P<q5>[^'\n]*)'(?!\w)
    )
  | (?P<path>
        [a-z][a-z0-9+.-]*://\S+ | [\w.+-]+@[\w-]+\.[\w.]+      # addresses
      | \$\{?\w[^\s,;)]*                                       # $HOME/x
      | (?:~|\.{1,2})?/[^\s,;:)"']* | \w[\w.-]*/[^\s,;)"']*    # ./x, src/main.rs
      | [A-Za-z]:\\\S+ | [^\s"']*[*][^\s"',;)]*                # C:\x, *.txt
      | \w[\w-]*(?:\.[a-zA-Z]\w{0,9})+ | (?<![\w.])\.[a-zA-Z]\w*  # main.rs, os.path, .bashrc
    )
  | (?P<flag> (?<![\w-])--?[A-Za-z][\w-]* )
  | (?P<identifier>
        \w+(?:::\w+)+ | \w+->\w+ | \w+\(\) | @\w+ | \#\w+
      | [A-Za-z]\w*(?:\+\+|\#) | [A-Za-z]\w*_\w* | _\w+ | [a-z]+[A-Z]\w* | [A-Z][a-z0-9]+[A-Z]\w*
      | [A-Za-z]+-?\d[\w.-]*                                   # E0502, v1.2, utf-8
    )
  | (?P<number> [-+]?[£$€]?\d[\d,]*(?:\.\d+)*(?:%|[A-Za-z]+(?:/\w+)?)? )
  | (?P<operator> [=<>&|^%+~]+[=<>&|^%+~!-]* | !==? | -> )
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"([-+]?)[£$€]?(\d[\d,]*(?:\.\d+)*)(st|nd|rd|th)?(.*)", re.IGNORECASE)
_MARK = "\x00"
_MARKS = frozenset({","})
_PAUSE = re.compile(r"[,.;:!?()\n]+(?=\s|$)|\s[(–—-]+(?=\s|\w)")
_TOKEN = re.compile(r"\x00\d+|[^\W\d_]+|,")
LITERAL_KINDS = ("number", "quoted", "path", "flag", "identifier", "operator")
_QUOTES = ("q1", "q2", "q3", "q4", "q5", "q6")
_ENDS = " .,;:!?)]}"
_CONTRACTIONS = (
    (re.compile(r"\bwon['’]?t\b"), "will not"),
    (re.compile(r"\b(?:can['’]?t|cannot)\b"), "can not"),
    (re.compile(r"(\w)n['’]t\b"), r"\1 not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|should|would|could)nt\b"), r"\1 not"),
    (re.compile(r"\b(what|who|where|when|why|how|it|that|there|here)['’]?s\b(?=\s)"), r"\1 is"),
    (re.compile(r"['’](?:re|ve|ll|d|m|s)\b"), " "),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the guard compares.

    `clauses` holds content words, relations and literals as they stand, cut at commas and full stops; `raw` every word
    of the prose; `kinds` the nouns next to a literal that only say what it is.
    """

    literals: dict[str, frozenset[str]]
    clauses: tuple[tuple[str, ...], ...]
    words: frozenset[str]
    raw: frozenset[str]
    kinds: frozenset[str]
    negations: int
    quantifiers: frozenset[str]
    relations: frozenset[str]
    question: str
    obliged: bool
    able: bool

    @property
    def order(self) -> tuple[str, ...]:
        """All of the clauses, in the order in which they stand."""
        return tuple(item for clause in self.clauses for item in clause)


@lru_cache(maxsize=512)
def read(instruction: str) -> Reading:
    """The reading of an instruction."""
    known = lexicon()
    literals: list[tuple[str, str]] = []
    tokens = _tokens(instruction, literals)
    words = [token for token in tokens if token not in _MARKS and not token.startswith(_MARK)]
    found = {kind: frozenset(value for name, value in literals if name == kind) for kind in LITERAL_KINDS}
    numbers = frozenset(known.numbers[word] for word in words if word in known.numbers)
    content = [_content(token, follower, literals) for token, follower in pairwise([*tokens, ","])]
    relations = _relations(tokens)
    solid = [item or relation for item, relation in zip(content, relations, strict=True)]
    return Reading(
        literals={**found, "number": found["number"] | numbers},
        clauses=tuple(_clauses(tokens, solid)),
        words=frozenset(item for item in content if item and not item.startswith(_MARK)),
        raw=frozenset(words) | frozenset(stem(word) for word in words),
        kinds=frozenset(_kinds(tokens, content)),
        negations=sum(stem(word) in known.negations for word in words),
        quantifiers=frozenset(known.quantifiers[word] for word in words if word in known.quantifiers),
        relations=frozenset(filter(None, relations)),
        question=_question(tokens, content),
        obliged=any(stem(word) in known.obligations for word in words),
        able=any(stem(word) in known.abilities for word in words),
    )


def canonical(word: str) -> str:
    """The name of the word's class: the first of its synonyms, or its stem."""
    classes = lexicon().synonyms
    root = stem(word)
    return classes.get(word) or classes.get(root) or root


def stem(word: str) -> str:
    """The word without its English ending: plural, -ing, -ed. Crude on purpose: both sides get the same treatment."""
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and re.search("[aeiouy]", word[: -len(ending)]):
            word = word[: -len(ending)]
            doubled = word[-1] == word[-2] and word[-1] not in "lsz"
            if doubled or (word.endswith("ick") and len(word) > 5):
                word = word[:-1]
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def bare(literal: str) -> str:
    """A literal as prose would write it: `*.html` is html, `run()` is run. Compared with words, never with literals."""
    return literal.removeprefix("*").removeprefix(".").removesuffix("()").lower()


def _tokens(instruction: str, literals: list[tuple[str, str]]) -> list[str]:
    """Lower-case words, a comma for each pause, and for each literal, put into `literals`, its number after a mark."""

    def take(found: re.Match[str]) -> str:
        kind, value, rest = _literal(found)
        if kind == "words":
            return f" {value} "
        literals.append((kind, value))
        return f" {_MARK}{len(literals) - 1} {rest}"

    prose = _LITERALS.sub(take, instruction).lower()
    for pattern, plain in _CONTRACTIONS:
        prose = pattern.sub(plain, prose)
    text = f" {' '.join(_TOKEN.findall(_PAUSE.sub(' , ', prose)))} "
    for phrase, plain in lexicon().phrases:
        if f" {phrase} " in text:
            text = text.replace(f" {phrase} ", f" {plain} " if plain else " ")
    return text.split()


def _content(token: str, follower: str, literals: list[tuple[str, str]]) -> str:
    """What a token adds to the content: a literal, the class of a content word, or nothing."""
    if token in {"a", "i"} and (follower in _MARKS or follower in lexicon().joints):
        return token
    if token.startswith(_MARK):
        return _MARK + literals[int(token[1:])][1].lower()
    return "" if token in _MARKS or _is_function_word(token) else canonical(token)


def _is_function_word(word: str) -> bool:
    known, root = lexicon(), stem(word)
    by_word = (known.filler, known.numbers, known.quantifiers, known.relations, known.questions)
    by_stem = (known.filler, known.negations)
    return any(word in group for group in by_word) or any(root in group for group in by_stem)


def _clauses(tokens: list[str], content: list[str]) -> Iterator[tuple[str, ...]]:
    clause: list[str] = []
    for token, item in zip([*tokens, ","], [*content, ""], strict=True):
        if item:
            clause.append(item)
        if token in _MARKS and clause:
            yield tuple(clause)
            clause = []


def _kinds(tokens: list[str], content: list[str]) -> Iterator[str]:
    """The nouns of `KINDS` that stand next to a literal, words without content between them not counted."""
    kinds = lexicon().kinds
    solid = [item for token, item in zip(tokens, content, strict=True) if item or token in _MARKS]
    for one, other in pairwise(solid):
        if one in kinds and other.startswith(_MARK):
            yield one
        elif other in kinds and one.startswith(_MARK):
            yield other


def _relations(tokens: list[str]) -> list[str]:
    """The relation that each token is, or nothing; "under" and its like only where they compare with a number."""
    found = [lexicon().relations.get(token, "") for token in tokens]
    for at, relation in enumerate(found):
        if relation in {"under", "over"} and not any(near.startswith(_MARK) for near in tokens[at + 1 : at + 3]):
            found[at] = ""
    return found


def _question(tokens: list[str], content: list[str]) -> str:
    """What is asked for: how, why, what anywhere; when, where, who, which only where a clause begins."""
    questions = lexicon().questions
    begins = True
    for token, item in zip(tokens, content, strict=True):
        if token in questions and (begins or token in {"how", "why", "what"}):
            return questions[token]
        begins = token in _MARKS or (begins and not item)
    return ""


def _literal(found: re.Match[str]) -> tuple[str, str, str]:
    """The kind and value of a literal, and the words that it leaves behind (the unit of a number)."""
    kind = next(name for name in LITERAL_KINDS if found[name])
    text = found[0]
    if kind == "quoted":
        return kind, next(found[name] for name in _QUOTES if found[name] is not None).strip(), ""
    kept = text.rstrip(_ENDS)
    after = text[len(kept) :]
    if kind == "path" and all(part in lexicon().alternatives for part in kept.lower().split("/")):
        return "words", kept.replace("/", " ") + after, ""
    number = _NUMBER.fullmatch(kept) if kind == "number" else None
    if number is None:
        return kind, kept, after
    sign, digits, ordinal, unit = number.groups()
    value = f"{sign.strip('+')}{digits.replace(',', '')}{ordinal or ''}".lower()
    return kind, value, f"{unit.replace('%', ' percent ')}{after}"
