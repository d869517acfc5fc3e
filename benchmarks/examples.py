"""How often the words of a specification explain its examples, and how often they still do when the results are wrong.

    python benchmarks/examples.py [DATA_FOLDER]

DATA_FOLDER as for refine.py; read are specfix_humaneval.jsonl and specfix_mbpp.jsonl, every specification with its
entry point called `candidate`. The operations were written with the odd problems of HumanEval and with MBPP in view;
the even ones show what to expect elsewhere. A wrong result is made of the right one in three ways: a truth value is
turned round; a number one more, or doubled and 10 more, or negated; a list or text turned round, shortened or changed
case, or each of its values made wrong. Wins are those where the right examples are explained better.
"""

import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from optafly_cli.refine.examples.agreement import Agreement, agreement
from optafly_cli.refine.examples.reading import examples_in

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "refine"
WAYS = range(3)


def main(folder: Path) -> None:
    """Print one line for each set that is there."""
    texts: dict[str, list[str]] = {}
    for name in ("specfix_humaneval.jsonl", "specfix_mbpp.jsonl"):
        if not (folder / name).is_file():
            print(f"{name} is not in {folder}: skipped")
            continue
        for line in (folder / name).read_text("utf-8").splitlines():
            row = json.loads(line)
            text = re.sub(rf"\b{re.escape(row['entry_point'])}\b", "candidate", row["requirement"])
            number = int(row["task_id"].rpartition("/")[2])
            half = "MBPP" if "mbpp" in name else f"HumanEval, {'odd' if number % 2 else 'even'}"
            texts.setdefault(half, []).append(text)
    for name, of_it in texts.items():
        print(f"{name}: {measured(of_it)}")


def measured(texts: Sequence[str]) -> str:
    """Shares of the specifications with examples, and of the sets of wrong examples."""
    some = whole = total = wins = ties = wrong = 0
    start = time.process_time()
    for text in texts:
        examples = [one for one in examples_in(text) if one.is_whole]
        if not examples:
            continue
        right = agreement(text, examples)
        total += 1
        some += right.explained > 0
        whole += right.explained == 1
        for way in WAYS:
            changed = [replace(one, result=spoilt(one.result, way)) for one in examples]
            if repr(changed) != repr(examples):
                worth, other = valued(right), valued(agreement(text, changed))
                wrong += 1
                wins += worth > other
                ties += worth == other
    spent = 1000 * (time.process_time() - start) / (total + wrong)
    return (
        f"{total} of {len(texts)} have examples; explained: all {whole / total:.0%}, some {some / total:.0%}; "
        f"against wrong ones ({wrong}): won {wins / wrong:.0%}, tied {ties / wrong:.0%}, "
        f"lost {(wrong - wins - ties) / wrong:.0%}; {spent:.1f} ms each"
    )


def valued(found: Agreement) -> float:
    """What the score makes of it."""
    return found.explained * (0.5 + 0.5 * found.simple)


def spoilt(value: Any, way: int) -> Any:
    """A wrong result of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return (value + 1, 2 * value + 10, -value or 5)[way]
    if isinstance(value, str):
        turned = {"yes": "no", "no": "yes"}.get(value.lower())
        return turned or (value[::-1], value.swapcase(), value[:-1])[way]
    if isinstance(value, (list, tuple)):
        return type(value)((value[::-1], value[:-1], [spoilt(one, 0) for one in value])[way])
    return {key: spoilt(one, 0) for key, one in value.items()} if isinstance(value, dict) else "other"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else DEFAULT)
