"""Sibling words and opposites from WordNet 3.0 (Debian's `wordnet-base`), for synthetic edits. Reads its plain files.

File format: wndb(5WN), https://wordnet.princeton.edu/documentation/wndb5wn.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path("/usr/share/wordnet")
_PARTS = ("noun", "verb", "adj")
_HYPERNYM, _ANTONYM = "@", "!"
_WELL_KNOWN = 2
"""Senses that texts use at least so often (cntlist.rev) count; rarer ones make strange substitutes."""


@dataclass(frozen=True, slots=True)
class Words:
    """For a word in lower case: words that share a synset with it, words beside it, and its opposites."""

    synonyms: dict[str, frozenset[str]]
    siblings: dict[str, tuple[str, ...]]
    opposites: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Synset:
    words: tuple[str, ...]
    above: tuple[str, ...]
    against: tuple[tuple[str, str], ...]


@cache
def words(folder: Path = FOLDER) -> Words:
    """The words of nouns, verbs and adjectives.

    Raises:
        FileNotFoundError: WordNet is not installed (`apt-get install wordnet-base`).
    """
    counts = _counts(folder)
    synonyms: defaultdict[str, set[str]] = defaultdict(set)
    siblings: defaultdict[str, set[str]] = defaultdict(set)
    opposites: defaultdict[str, set[str]] = defaultdict(set)
    for part in _PARTS:
        synsets = _synsets(folder / f"data.{part}")
        below: defaultdict[str, list[str]] = defaultdict(list)
        for number, synset in synsets.items():
            for above in synset.above:
                below[above].append(number)
        for synset in synsets.values():
            for word in synset.words:
                synonyms[word].update(synset.words)
            for word, other in synset.against:
                opposites[word].update(synsets[other].words)
            beside = {
                word
                for above in synset.above
                for number in below[above]
                for word in synsets[number].words
                if counts.get(word, 0) >= _WELL_KNOWN
            }
            for word in synset.words:
                if counts.get(word, 0) >= _WELL_KNOWN:
                    siblings[word].update(beside)
    return Words(
        synonyms={word: frozenset(found - {word}) for word, found in synonyms.items()},
        siblings={word: tuple(sorted(found - synonyms[word] - {word})) for word, found in siblings.items()},
        opposites={word: frozenset(found) for word, found in opposites.items()},
    )


def _counts(folder: Path) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for line in (folder / "cntlist.rev").read_text("utf-8").splitlines():
        key, _, count = line.split()
        found[key.split("%")[0]] += int(count)
    return dict(found)


def _synsets(path: Path) -> dict[str, _Synset]:
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue
        fields = line.split("|")[0].split()
        size = int(fields[3], 16)
        texts = tuple(fields[at].split("(")[0].lower() for at in range(4, 4 + 2 * size, 2))
        start = 4 + 2 * size
        pointers = [fields[start + 1 + 4 * at : start + 5 + 4 * at] for at in range(int(fields[start]))]
        above = tuple(number for sign, number, _, _ in pointers if sign == _HYPERNYM)
        against = tuple(
            (texts[int(ends[:2], 16) - 1], number)
            for sign, number, _, ends in pointers
            if sign == _ANTONYM and int(ends[:2], 16)
        )
        found[fields[0]] = _Synset(tuple(text for text in texts if text.isalpha()), above, against)
    return found
