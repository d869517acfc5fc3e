"""Pack what optafly counts tokens with from ctok, an offline reconstruction of Claude's token counts (MIT).

    pip download --no-deps --python-version 3.12 --only-binary=:all: ctok==1.3.0 && unzip ctok-*.whl -d CTOK
    python -m scripts.pack_vocabulary --ctok CTOK

Its metadata asks for Python 3.12 and it takes 0.2 s for 100 kB, so it is no dependency: its vocabularies and what its
rules say about single characters are packed into optafly_cli/tokens/data, without the evidence for each piece.
`--reference` puts its counts beside the texts that the tests compare with. benchmarks/route_tokens.py measures.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from optafly_cli.tokens.families import DATA, families
from optafly_cli.tokens.runs import BOW, CAPS, CLASSES, EOW, SHIFT
from optafly_cli.tokens.vocabulary import DATA as FOLDER

ROOT = Path(__file__).resolve().parent.parent
FILES = {"claude-3": "pieces_v3.json", "claude-4.7": "pieces_v4_7.json"}
VERSIONS = {"claude-3": "4.6", "claude-4.7": "4.7", "claude-4.8": "4.8"}
FIRST, LAST = 0x80, 0xFFFF


def pack(folder: Path, source: str, target: Path) -> int:
    """Write one vocabulary: its pieces, an empty one, the beginnings of UTF-8 sequences; how many pieces."""
    constants, notation = import_module("ctok.constants"), import_module("ctok.notation")
    spelled = str.maketrans(
        {constants.BOW_G: BOW, constants.EOW_G: EOW, constants.SHIFT_G: SHIFT, constants.CAPS_G: CAPS}
    )
    groups = json.loads((folder / "ctok" / "data" / source).read_text("utf-8"))["tokens"]
    beginnings = sorted(groups.pop("bytes_fallback"))
    pieces = {notation.parse_marked(piece).translate(spelled) for group in groups.values() for piece in group}
    # The file says 't, the encoder writes it with the end of a word
    pieces |= {suffix + EOW for suffix in groups["contractions"]}
    content = "\0".join(sorted(pieces)) + "\0\0" + " ".join(beginnings)
    target.write_bytes(gzip.compress(content.encode(), mtime=0))
    return len(pieces)


def classes() -> str:
    """The spans of characters of each class that is not "alone"."""
    normalize: Any = sys.modules["ctok.normalize"]
    spans: dict[str, list[str]] = {}
    start, current = FIRST, None
    for code in range(FIRST, LAST + 2):
        found = None if code > LAST or 0xD800 <= code <= 0xDFFF else _class(normalize, chr(code))
        if found != current:
            if current is not None:
                spans.setdefault(current, []).append(f"{start:x}-{code - 1:x}" if code - 1 > start else f"{start:x}")
            start, current = code, found
    return "".join(f"{name} {' '.join(found)}\n" for name, found in sorted(spans.items()))


def _class(normalize: Any, character: str) -> str | None:
    match normalize.classify(character):
        case "wordy":
            return "word"
        case "punct":
            return "mark"
        case "hard" if normalize._marks_like_punct(character) or normalize._digit_border(character):
            return "border"
    return None


def recount(count: Callable[[str, str], int]) -> None:
    """Put ctok's counts beside the texts that the tests compare with."""
    path = ROOT / "tests" / "tokens" / "data" / "reference_counts.json"
    rows = json.loads(path.read_text("utf-8"))
    frames = {name: family.frame for name, family in families().families.items()}
    counted = [
        row | {"tokens": {name: count(row["text"], version) - frames[name] for name, version in VERSIONS.items()}}
        for row in rows
    ]
    path.write_text(json.dumps(counted, indent=1, ensure_ascii=False) + "\n", "utf-8")


def main() -> int:
    """Pack, and say what is in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--ctok", type=Path, required=True, help="folder with an unpacked ctok wheel")
    parser.add_argument("--reference", action="store_true", help="only recount the texts of the tests")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.ctok))
    count = import_module("ctok").token_count
    if arguments.reference:
        recount(count)
        return 0
    for name, source in FILES.items():
        target = FOLDER / families().families[name].vocabulary
        print(f"{target.name}: {pack(arguments.ctok, source, target):,} pieces, {target.stat().st_size:,} bytes")
    CLASSES.write_text(classes(), "ascii")
    print(f"{CLASSES.name}: {CLASSES.stat().st_size:,} bytes; frames and margins stand in {DATA}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
