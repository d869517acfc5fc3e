"""An instruction as the guard reads it: a sequence of items, nothing of which is left out but articles and the like.

An item is a literal, a word that negates, counts, relates or asks, or a word of content with its ending. Courtesy
in front and behind is taken off before. Pure, no model.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from optafly_cli.cache.courtesy import core_of
from optafly_cli.cache.guard.lexicon import ending_of, lexicon, stem
from optafly_cli.cache.guard.literals import KINDS, MARK, taken_out
from optafly_cli.cache.guard.shorthand import contractions_spelt_out, shorthand_spelt_out
from optafly_cli.cache.spelling import number_meant, surely_meant

_NAMED = frozenset(
    {"field", "column", "table", "branch", "tag", "service", "server", "host", "key", "option", "setting"}
)
_NAMED |= {"command", "library", "tool", "project", "user", "account", "attribute", "property", "parameter", "argument"}
"""Nouns after which a word may be a name."""
_COMMA, _STOP = ",", "."
_MARKS = frozenset({_COMMA, _STOP})
_PAUSE = re.compile(r"([,.;:!?()\n…]+)(?=\s|$)|\s[(–—]+(?=\s|\w)")
_TOKEN = re.compile(r"\x00\d+|[^\W\d_]+|[,.]")
_ARTICLES = frozenset({"a", "an", "the"})
_IT = frozenset({"this", "that", "it", "these", "those"})
_DETERMINERS = _ARTICLES | _IT | {"my", "our", "your", "its", "their", "his", "her", "which", "what"}
_COURTESY = frozenset({"please", "pls", "plz", "kindly"})
_DANGLING = frozenset({"and", "but", "of", "than", "so", "then", "also"})
_MENTIONING = frozenset({"does", "did", "explain"})
_BEFORE_A_NAME = frozenset(["in", "with", "using", "use", "for", "via", "into", "on", "run", "install"])
_PROGRESSIVE = frozenset({"is", "are", "am", "was", "were", "be", "been", "being"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word as written and in lower case, the mark of a literal, or a pause; `starts` a sentence."""

    raw: str
    word: str
    starts: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A part of the question. Two are the same when `key` and `ending` are; `root` is the key without its ending.

    `sort` is "literal", "word" or the table of `words.toml` that the word stands in; `plain` marks a word that
    has no class of synonyms; `kind` marks a noun next to a literal that only says what the literal is.
    """

    sort: str
    key: str
    raw: str
    root: str = ""
    ending: str = ""
    kind: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the guard compares.

    `text` is the core; `names` the languages, tools and platforms in it. `clauses` are cut at pauses; `verbatim` is
    every word but articles and courtesy as written; `strict` says that the request is about names, so that only
    `verbatim` counts, `renames` that plurals and capitals are names too; `aux` the forms of do and be.
    """

    text: str
    names: frozenset[str]
    literals: dict[str, frozenset[str]]
    items: tuple[Item, ...]
    clauses: tuple[tuple[Item, ...], ...]
    verbatim: tuple[Item, ...]
    strict: bool
    renames: bool
    question: str
    aux: frozenset[str]


@lru_cache(maxsize=512)
def read(instruction: str) -> Reading:
    """The reading of an instruction."""
    text = shorthand_spelt_out(core_of(instruction))
    prose, literals = taken_out(text)
    written = _tokens(prose)
    tokens = _phrased(_unstyled(written))
    words = {token.word for token in tokens}
    items = _items(tokens, literals)
    numbers = frozenset(item.key for item in items if item is not None and item.sort == "numbers")
    found = {kind: frozenset(value for name, value in literals if name == kind) for kind in KINDS}
    return Reading(
        text=text,
        names=frozenset(_names(tokens)),
        literals={**found, "number": found["number"] | numbers},
        items=tuple(filter(None, items)),
        clauses=tuple(_clauses(tokens, items)),
        verbatim=tuple(filter(None, _with_kinds(_verbatim(written, literals)))),
        strict=not words.isdisjoint(lexicon().literal),
        renames=not words.isdisjoint(lexicon().renaming),
        question=_question(written, tokens),
        aux=frozenset(words & (_PROGRESSIVE | {"do", "does", "did"})),
    )


def _names(tokens: Sequence[Token]) -> Iterator[str]:
    """Languages, tools and platforms; one that is an English word too ("go") only where it stands as a name."""
    known = lexicon()
    for before, token in pairwise([Token(_STOP, _STOP), *tokens]):
        if token.word not in known.names:
            continue
        capital = token.raw != token.raw.lower() and not token.starts
        if token.word not in known.ambiguous or capital or before.word in _BEFORE_A_NAME:
            yield known.synonyms.get(token.word, token.word)


def _tokens(prose: str) -> list[Token]:
    """Words, marks of literals, and a comma or a stop for each pause."""
    prose = contractions_spelt_out(prose)
    prose = _PAUSE.sub(lambda found: f" {_STOP if set(found[0]) & set('.!?:') else _COMMA} ", prose)
    tokens: list[Token] = []
    starts = True
    known = lexicon()
    naming = known.kinds | known.heads | _NAMED
    for raw, follower in pairwise([*_TOKEN.findall(prose), _STOP]):
        word = known.misspelt.get(raw.lower(), number_meant(raw.lower()))
        # Before "field" or "module" it is a name, whatever it looks like
        named = follower.lower() in naming
        tokens.append(Token(raw, word if named else surely_meant(word), starts))
        starts = raw == _STOP
    return tokens


def _unstyled(tokens: list[Token]) -> list[Token]:
    """The tokens in lower case where each word has a capital, words like "this" too: LIKE SO, or Like This."""
    words = [token for token in tokens if token.word[0] not in MARK + ",."]
    small = any(token.word in lexicon().filler or _table(token.word) for token in words[1:])
    if small and len(words) > 2 and all(token.raw[0].isupper() for token in words):
        return [replace(token, raw=token.word) for token in tokens]
    return tokens


def _phrased(tokens: list[Token]) -> list[Token]:
    """The tokens with what stands for each phrase; what was put in is looked at again with what follows."""
    phrases = lexicon().phrases
    todo, done = tokens[::-1], list[Token]()
    while todo:
        for phrase, plain in phrases.get(todo[-1].word, ()):
            if tuple(token.word for token in todo[: -len(phrase) - 1 : -1]) == phrase:
                starts = todo[-1].starts
                del todo[-len(phrase) :]
                put = [Token(word, word, starts and not at) for at, word in enumerate(plain)]
                todo += put[::-1]
                break
        else:
            done.append(todo.pop())
    return done


def _items(tokens: Sequence[Token], literals: Sequence[tuple[str, str]]) -> list[Item | None]:
    """The item that each token is, None for filler and pauses."""
    items: list[Item | None] = []
    progressive = False
    for at, token in enumerate(tokens):
        named = at > 0 and (last := items[-1]) is not None and last.key.startswith("=")
        joins = named and tokens[at - 1].word in _ARTICLES and token.word in lexicon().filler
        before = tokens[at - 1].word if at and not named else _STOP
        after = tokens[at + 1].word if at + 1 < len(tokens) else _STOP
        progressive = token.word not in _MARKS and (progressive or token.word in _PROGRESSIVE)
        if token.word.startswith(MARK):
            items.append(_literal_item(token, literals))
        elif token.word in _MARKS or _is_idle(token, before, after) or _stands_for_a_noun(token, after):
            items.append(None)
        elif joins or _is_mentioned(token, before, after):
            items.append(Item("word", f"={token.raw}", token.raw))
        else:
            items.append(_item(token, progressive=progressive and before not in _ARTICLES))
    return _with_kinds(items)


def _literal_item(token: Token, literals: Sequence[tuple[str, str]]) -> Item:
    value = literals[int(token.word[1:])][1]
    return Item("literal", MARK + value, value)


def _is_mentioned(token: Token, before: str, after: str) -> bool:
    """Is a word without content of its own talked about, not used: "the in operator", "rename a to b"?"""
    word, known = token.word, lexicon()
    if len(word) == 1:
        joined = after in _MARKS or after in known.joints
        capital = word == "a" and token.raw == "A" and not token.starts
        return word not in {"a", "i"} or capital or before in _ARTICLES or (joined and token.raw != "I")
    if not _table(word) and word not in known.filler:
        return False
    used = word in known.numbers or word in known.quantifiers or word in known.negations
    if before in _ARTICLES or (token.raw.isupper() and word not in known.modals):
        return not used
    if word in _DANGLING and after in _MARKS:
        return True
    if after in known.heads and not used and word not in _DETERMINERS:
        return True
    return before in _MENTIONING and word in _PROGRESSIVE


def _is_idle(token: Token, before: str, after: str) -> bool:
    """The "what" of "explain what this does"; not that of "explain what calls this"."""
    return token.word == "what" and before == "explain" and not _is_content(after)


def _stands_for_a_noun(token: Token, after: str) -> bool:
    """The "one" of "the last one"; not that of "one file", "one GitHub account"."""
    return token.word == "one" and not (_is_content(after) or after.startswith(MARK))


def _is_content(word: str) -> bool:
    return not (word in _MARKS or word.startswith(MARK) or word in lexicon().filler or _table(word))


def _table(word: str) -> str:
    known = lexicon()
    for name in ("negations", "numbers", "quantifiers", "relations", "modals", "tenses", "persons", "questions"):
        if word in getattr(known, name):
            return name
    return ""


def _item(token: Token, *, progressive: bool) -> Item | None:
    known, word = lexicon(), token.word
    if table := _table(word):
        return None if word == "which" else Item(table, getattr(known, table)[word], token.raw)
    if word in known.filler:
        return None
    name = word in known.names or word in known.acronyms
    if token.raw != token.raw.lower() and not name and not (token.starts and token.raw == token.raw.capitalize()):
        return Item("word", f"={token.raw}", token.raw)
    ending = ending_of(word)
    if ending == "ing" and not progressive:
        return Item("word", word, token.raw, word)
    root = stem(word)
    group = known.synonyms.get(word) or known.synonyms.get(root)
    return Item("word", f"{group}~{ending}" if group else word, token.raw, group or root, ending)


def _with_kinds(found: "Iterable[Item | None]") -> list[Item | None]:
    """The same, with a mark on the nouns of `kinds` that stand next to a literal, filler between them not counted."""
    kinds, items = lexicon().kinds, list(found)
    solid = [at for at, item in enumerate(items) if item is not None]
    for one, other in pairwise(solid):
        for noun, literal in ((one, other), (other, one)):
            item, near = items[noun], items[literal]
            if item and near and item.sort == "word" and item.key in kinds and near.sort == "literal":
                items[noun] = replace(item, kind=True)
    return items


def _clauses(tokens: Sequence[Token], items: "Sequence[Item | None]") -> Iterator[tuple[Item, ...]]:
    clause: list[Item] = []
    for token, item in zip([*tokens, Token(_STOP, _STOP)], [*items, None], strict=True):
        if item is not None:
            clause.append(item)
        if token.word in _MARKS and clause:
            yield tuple(clause)
            clause = []


def _verbatim(tokens: Sequence[Token], literals: Sequence[tuple[str, str]]) -> Iterator[Item]:
    """Every word as written but articles and courtesy; a capital at the start of a sentence counts in names only."""
    known = lexicon()
    before = ""
    for token, follower in pairwise([*tokens, Token(_STOP, _STOP)]):
        word, before, last = token.word, token.word, before
        if word == "code" and last == "this":
            continue
        name = len(word) == 1 and word not in _MARKS and (follower.word in _MARKS or follower.word in known.joints)
        if word.startswith(MARK):
            yield _literal_item(token, literals)
        elif word in _IT:
            yield Item("word", "this", token.raw)
        elif name or word not in (_MARKS | _ARTICLES | _COURTESY):
            subject = follower.word in known.joints or follower.word in known.modals
            lower = word in known.names or (token.starts and token.raw == token.raw.capitalize() and not subject)
            yield Item("word", token.raw.lower() if lower and not name else token.raw, token.raw)


def _question(written: Sequence[Token], tokens: Sequence[Token]) -> str:
    """What is asked for: the first question word, "yes or no", or nothing (a request).

    "what" as the subject or before a noun ("what throws") is another question than "what does it throw".
    """
    known = lexicon()
    begins = True
    if written and written[0].word in known.relations:
        written = written[1 + next((at for at, token in enumerate(written) if token.word in _MARKS), -1) :]
    for token, follower in pairwise([*tokens, Token(_STOP, _STOP)]):
        if token.word in known.questions and (begins or token.word in {"how", "why", "what"}):
            if token.word == "explain" and follower.word == "what":
                continue
            subject = token.word == "what" and _is_content(follower.word)
            return f"{known.questions[token.word]}{' (subject)' if subject else ''}"
        begins = token.word in _MARKS or (begins and (token.word in known.filler or bool(_table(token.word))))
    first = written[0].word if written else ""
    second = written[1].word if len(written) > 1 else ""
    if first in known.asking or (first in {"do", "have", "had"} and second in known.persons):
        return "yes or no"
    return ""
