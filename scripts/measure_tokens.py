"""Measure the token corrections: what Claude's tokenizers make of cl100k's tokens, and how far off the result is.

    pip download --no-deps --python-version 3.12 --only-binary=:all: ctok==1.3.0 && unzip ctok-*.whl -d CTOK
    python -m scripts.measure_tokens --ctok CTOK --repositories CLONES --write

The reference is ctok, an offline reconstruction of Claude's token counts (MIT; its metadata asks for Python 3.12, its
code runs on 3.11). scripts/token_corpus.py names the texts. For each family, weights of token kinds and rates of
scripts are fitted to ctok's counts (least squares of the relative error, no weight below a floor). Nearly half of the
pieces take no part, and the errors printed are theirs.

Compared on the same held-out pieces, new tokenizer, 2026-11-22: one factor for everything is off by 9% (median) and
105% (95th percentile); a factor per language, with the language known, by 3.7% and 16%; kinds and scripts, with no
language known, by 2.2% and 8%, short pieces included. A residual factor per language on top brought nothing, so there
is none.
"""

import argparse
import gzip
import json
import statistics
import sys
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optafly_cli.tokens.corrections import DATA, Family, estimate
from optafly_cli.tokens.kinds import character_features, token_features
from optafly_cli.tokens.table import COSTS, SIZE, encoding
from scripts.token_corpus import PIECE, Sample, samples

ROOT = Path(__file__).resolve().parent.parent
DATE = DATA.removesuffix(".toml").removeprefix("corrections-")
FAMILIES = {"claude-3": "4.6", "claude-4.7": "4.7", "claude-4.8": "4.8"}
ROWS = {"claude-3": 0, "claude-4.7": 1, "claude-4.8": 1}
COSTED = ("claude-3", "claude-4.8")
SHORT = 800
"""Each piece takes part whole and, so that short texts count too, with so many characters from its middle."""
FLOOR, PRIOR, RIDGE = 0.2, 1.4, 0.002
"""No weight is below FLOOR; what too few pieces speak of stays near PRIOR, held there by RIDGE."""

HEADER = """\
# How Claude's tokenizers differ from tiktoken's cl100k_base, per family, measured {date}. Written by
# scripts/measure_tokens.py (there: how, and on which texts); edit nothing here.
# Reference: ctok 1.3.0 (https://pypi.org/project/ctok, MIT), which reproduces Anthropic's count_tokens endpoint for
# claude-opus-4-5 (claude-3), claude-opus-4-7 (claude-4.7) and claude-opus-4-8 (claude-4.8). Models of the 5.5 and
# 5.2 generations are taken to count as claude-4.8 does; that is not verified.
# For orientation, whole files: new / cl100k is 1.40 in English prose, 1.54 Python, 1.63-1.71 JavaScript and
# TypeScript, 1.69-1.79 C and Go, 1.5-1.8 western European languages, 1.03 Russian, 1.60 JSON schema, 1.0 numbers.
#
# frame: tokens of a request with one user message, besides its content.
# row: which row of costs-{date}.bin.gz, how many tokens a cl100k token is for Claude when it stands alone.
# tokens: what one cl100k token of a kind counts for (optafly_cli/tokens/kinds.py says what the kinds are).
# scripts: tokens per character of text that is not Latin.
# characters: tokens per run, and per further character of it, for use without a tokenizer.
# margin: 95% of held-out pieces were off by less than this fraction; fallback_margin: without a tokenizer.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample with its features (of tokens: per row of costs) and its count by ctok per family."""

    sample: Sample
    tokens: Sequence[Mapping[str, float]]
    characters: Mapping[str, float]
    truth: Mapping[str, int]


def oracle(folder: Path) -> tuple[Callable[[str, str], int], dict[str, int]]:
    """ctok's content tokens of a text for a family, and the frame of each family."""
    sys.path.insert(0, str(folder))
    count = import_module("ctok").token_count
    # one full stop is one token in every family
    frames = {family: int(count(".", version)) - 1 for family, version in FAMILIES.items()}
    return (lambda text, family: int(count(text, FAMILIES[family])) - frames[family]), frames


def fit(rows: Sequence[Mapping[str, float]], truth: Sequence[int]) -> dict[str, float]:
    """Non-negative weights w that make sum(w * features) / truth nearest to 1, by coordinate descent."""
    names = sorted({name for row in rows for name in row})
    table = np.array([[row.get(name, 0) for name in names] for row in rows], dtype=float)
    scaled = table / np.array(truth, dtype=float)[:, None]
    gram = scaled.T @ scaled + RIDGE * np.eye(len(names))
    goal = scaled.sum(axis=0) + RIDGE * PRIOR
    weights: npt.NDArray[np.float64] = np.full(len(names), PRIOR)
    for _ in range(3_000):
        for index in range(len(names)):
            step = (goal[index] - gram[index] @ weights) / gram[index, index]
            weights[index] = max(FLOOR, weights[index] + step)
    return {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}


def errors(
    measured: Sequence[Measured], family: str, found: Family, *, fallback: bool = False
) -> dict[str, list[float]]:
    """Relative errors of held-out pieces, per language."""
    result: dict[str, list[float]] = {}
    for each in measured:
        if each.sample.held_out:
            weights, features = (
                (found.characters, each.characters) if fallback else (found.tokens, each.tokens[found.row])
            )
            result.setdefault(each.sample.language, []).append(estimate(features, weights) / each.truth[family] - 1)
    return result


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest absolute value that `share` of them do not exceed."""
    return float(np.quantile(np.abs(values), share))


def solve(measured: Sequence[Measured], family: str, frame: int) -> tuple[Family, str]:
    """The corrections of one family, and a table of their held-out errors."""
    known = [each for each in measured if not each.sample.held_out]
    truth = [each.truth[family] for each in known]
    tokens = fit([each.tokens[ROWS[family]] for each in known], truth)
    characters = fit([each.characters for each in known], truth)
    draft = Family(family, frame, ROWS[family], 0, 0, tokens, characters)
    held_out = errors(measured, family, draft)
    everything = [error for found in held_out.values() for error in found]
    rough = [error for found in errors(measured, family, draft, fallback=True).values() for error in found]
    lines = [f"{family:14}{'pieces':>8}{'bias':>8}{'median':>8}{'p95':>8}"]
    for name, values in (*sorted(held_out.items()), ("all", everything), ("without table", rough)):
        middle, far = quantile(values, 0.5), quantile(values, 0.95)
        lines.append(f"{name:14}{len(values):8}{statistics.mean(values):+8.3f}{middle:8.3f}{far:8.3f}")
    margin, wide = (round(quantile(values, 0.95), 3) for values in (everything, rough))
    return Family(family, frame, ROWS[family], margin, wide, tokens, characters), "\n".join(lines)


def toml(families: Sequence[Family]) -> str:
    """The data file."""
    lines = [HEADER.format(date=DATE), f'date = "{DATE}"']
    for family in families:
        name = f'families."{family.name}"'
        lines += ["", f"[{name}]", f"frame = {family.frame}", f"row = {family.row}", f"margin = {family.margin}"]
        lines += [f"fallback_margin = {family.fallback_margin}"]
        tokens = {key: value for key, value in family.tokens.items() if not key.startswith("script.")}
        scripts = {key.removeprefix("script."): value for key, value in family.tokens.items() if key not in tokens}
        characters = {key: value for key, value in family.characters.items() if not key.startswith("script.")}
        for title, table in (("tokens", tokens), ("scripts", scripts), ("characters", characters)):
            lines += ["", f"[{name}.{title}]"]
            lines += [
                f'"{key}" = {value}' if "." in key else f"{key} = {value}" for key, value in sorted(table.items())
            ]
    return "\n".join(lines) + "\n"


def write_costs(count: Callable[[str, str], int]) -> None:
    """Measure what each cl100k token costs after "a ", which is one token itself."""
    table = encoding()
    spellings = [table.decode_single_token_bytes(token).decode("utf-8", "replace") for token in range(SIZE)]
    rows = [bytes(min(255, count(f"a {text.lstrip(' ')}", family) - 1) for text in spellings) for family in COSTED]
    COSTS.write_bytes(gzip.compress(b"".join(rows), mtime=0))


def recount(count: Callable[[str, str], int]) -> None:
    """Put ctok's counts beside the texts that the tests compare with."""
    path = ROOT / "tests" / "tokens" / "data" / "reference_counts.json"
    rows = json.loads(path.read_text("utf-8"))
    counted = [row | {"tokens": {family: count(row["text"], family) for family in FAMILIES}} for row in rows]
    path.write_text(json.dumps(counted, indent=1, ensure_ascii=False) + "\n", "utf-8")


def main() -> int:
    """Measure, print, and with --write replace the data file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--ctok", type=Path, required=True, help="folder with an unpacked ctok wheel")
    parser.add_argument("--repositories", type=Path, default=Path(), help="folder with clones named OWNER+NAME")
    parser.add_argument("--write", action="store_true", help=f"write optafly_cli/tokens/data/{DATA}")
    parser.add_argument("--reference", action="store_true", help="only recount the texts of the tests")
    arguments = parser.parse_args()
    count, frames = oracle(arguments.ctok)
    if arguments.reference:
        recount(count)
        return 0
    if arguments.write:
        write_costs(count)
    measured = [
        Measured(
            sample,
            [token_features(sample.text, row) for row in (0, 1)],
            character_features(sample.text),
            {family: count(sample.text, family) for family in FAMILIES},
        )
        for sample in samples(arguments.repositories, (PIECE, SHORT))
    ]
    tally = Tally("held out" if each.sample.held_out else "fitted" for each in measured)
    print(f"{tally['fitted']} pieces fitted, {tally['held out']} held out")
    families = []
    for family in FAMILIES:
        found, report = solve(measured, family, frames[family])
        families.append(found)
        print(f"\n{report}")
    if arguments.write:
        target = ROOT / "optafly_cli" / "tokens" / "data" / DATA
        target.write_text(toml(families), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
