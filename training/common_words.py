"""Counts which words messages about code have in common: optafly_cli/refine/data/common-words.toml.

    python -m training.common_words MIRRORS [--write]

MIRRORS as for benchmarks/localisation.py. The share of the longer commit messages that have a word, averaged over
repositories that no figure is measured on, less the one that has the word most: it may be its subject. Without
`--write` nothing is written.
"""

import argparse
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.localisation import DULL, TRAILER, git, mirror_of
from optafly_cli.workspace.index.words import terms_of
from training.retrieval_files import REPLAYED

TARGET = Path(__file__).resolve().parents[1] / "optafly_cli" / "refine" / "data" / "common-words.toml"
MESSAGES, WORDS, LONGEST = 6000, 25, 3000
"""So many messages of each, those of at least so many words, so many characters of each."""
COMMON, LEAST, STEP = 0.01, 0.3, 0.05
"""A word in a smaller share of the messages counts whole, none less than `LEAST`; factors are rounded to `STEP`."""
_WORD = re.compile(r"[^\W\d]\w{1,79}")
_MARKUP = re.compile(r"https?://\S+|<[^>\n]{1,300}>|`{3}.*?`{3}", re.S)


def shares(mirrors: Path) -> dict[str, float]:
    """The share of messages that have a term, on average over the repositories but the one that has it most."""
    each: dict[str, list[float]] = {}
    for repository in REPLAYED:
        listed = git(mirror_of(mirrors, repository), "log", "--no-merges", f"--max-count={MESSAGES}", "--format=%B%x00")
        told = [
            _MARKUP.sub(" ", TRAILER.sub("", one.strip())) for one in listed.split("\0") if not DULL.match(one.strip())
        ]
        told = [one[:LONGEST] for one in told if len(one.split()) >= WORDS]
        found = Counter(
            term for one in told for term in {term for word in _WORD.findall(one) for term in terms_of(word)}
        )
        for term, times in found.items():
            each.setdefault(term, []).append(times / len(told))
    return {term: (sum(found) - max(found)) / (len(REPLAYED) - 1) for term, found in each.items()}


def table(found: Mapping[str, float]) -> str:
    """The file: words by the factor that they have."""
    by_factor: dict[float, list[str]] = {}
    for term, share in sorted(found.items()):
        if share > COMMON:
            factor = max(LEAST, STEP * round(math.log(share) / math.log(COMMON) / STEP))
            if factor < 1.0:
                by_factor.setdefault(round(factor, 2), []).append(term)
    lines = [
        "# What common words count in a search. Written by training/common_words.py; do not edit.",
        f'counted_in = "commit messages of {", ".join(REPLAYED)}"',
        "",
        "[factors]",
        *(f'"{factor:.2f}" = "{" ".join(terms)}"' for factor, terms in sorted(by_factor.items())),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Count, and write or show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirrors", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = table(shares(options.mirrors))
    if options.write:
        TARGET.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
