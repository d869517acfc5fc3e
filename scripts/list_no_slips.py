"""Make optafly_cli/cache/no_slips.txt: words of WordNet that look like slips of words in the embedder's vocabulary.

    apt-get install wordnet-base
    python -m scripts.list_no_slips

"unload" is not in that vocabulary, and one letter away from "upload": without the list it would be corrected to it.
"""

import re
from pathlib import Path

from optafly_cli.cache import spelling

WORDNET = Path("/usr/share/wordnet")
PARTS = ("index.noun", "index.verb", "index.adj", "index.adv")
_LEMMA = re.compile(r"^([a-z]{4,}) ", re.MULTILINE)


def main() -> None:
    """Write the list, one word a line."""
    spelling.NO_SLIPS.write_text("", "ascii")
    words = {word for part in PARTS for word in _LEMMA.findall((WORDNET / part).read_text("ascii", "replace"))}
    found = sorted(word for word in words if spelling.corrected(word) != word)
    spelling.NO_SLIPS.write_text("".join(f"{word}\n" for word in found), "ascii")
    print(f"{len(found):,} of {len(words):,} words")


if __name__ == "__main__":
    main()
