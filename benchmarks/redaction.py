"""How many planted secrets get through, how much is redacted that is none, and how long it takes.

    .venv/bin/python -m benchmarks.redaction [--planted 200] [--files 3000] [--seed 1] [--json]
    .venv/bin/python -m benchmarks.redaction --alone 300000 [--kinds password] [--seed 1]

Planted: made-up secrets of the kinds in `benchmarks.planted`, in turn, each at a random line of a real file. Real
files: Python's library with what is installed in it and beside this interpreter, and this repository but its tests,
which hold made-up secrets; a file counts as falsely redacted when anything in it is. Times are CPU time. Beside it in
the same run, where it is installed: detect-secrets (Yelp) with its default plugins, on the same planted files and the
first files of the same sample; a secret counts as found when it reports one on any of its lines.

With `--alone`: that many made-up secrets of each kind (or of some), each the whole text, and which of them get through.
"""

import argparse
import json
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.planted import KINDS, Planted, plant
from optafly_cli.workspace.secrets import redact

_ENDINGS = (".py", ".pyi", ".md", ".rst", ".txt", ".toml", ".json", ".yaml", ".yml", ".cfg", ".js", ".sh", ".h", ".c")
_LARGEST = 200_000
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Figures:
    """`leaked` by kind; `false_files` of `files`; `ms` of CPU for 200 kB of code, the median of five."""

    planted: int
    leaked: dict[str, int]
    files: int
    false_files: int
    false_lines: int
    lines: int
    ms: float
    import_ms: float


@dataclass(frozen=True)
class Case:
    """A real file with a secret in it, from line `first` (1-based) on."""

    text: str
    first: int
    planted: Planted


def corpus(chance: random.Random, count: int) -> list[Path]:
    """Files of text, as many, in an order that the seed gives."""
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    roots += [_ROOT / name for name in ("optafly_cli", "docs", "benchmarks", "scripts", "training", "examples")]
    found = {path.resolve() for root in roots for path in root.rglob("*") if path.suffix in _ENDINGS and path.is_file()}
    files = sorted(path for path in found if 0 < path.stat().st_size <= _LARGEST)
    chance.shuffle(files)
    return files[:count]


def cases(chance: random.Random, files: Sequence[Path], count: int) -> Iterator[Case]:
    """The kinds in turn, so that each is there as often as any other."""
    names = list(KINDS)
    for number in range(count):
        planted = plant(chance, names[number % len(names)])
        lines = _text(chance.choice(files)).split("\n")
        at = chance.randrange(len(lines) + 1)
        yield Case("\n".join([*lines[:at], planted.lines, *lines[at:]]), at + 1, planted)


def leaks(made: Iterable[Case]) -> Counter[str]:
    """How many of each kind are still in the text, in whole or any of their lines."""
    left: Counter[str] = Counter()
    for case in made:
        clean = redact(case.text, {}).text
        left[case.planted.kind] += any(part in clean for part in case.planted.parts)
    return left


def false_redactions(files: Iterable[Path]) -> tuple[int, int, int, list[str]]:
    """Files and lines that changed, lines in all, and what they were."""
    changed_files = changed_lines = total = 0
    shown: list[str] = []
    for path in files:
        text = _text(path)
        lines, clean = text.split("\n"), redact(text, {}).text.split("\n")
        changed = [(old, new) for old, new in zip(lines, clean, strict=True) if old != new]
        total += len(lines)
        changed_lines += len(changed)
        changed_files += bool(changed)
        shown += [f"{path}: {old.strip()[:160]}" for old, _ in changed[:1]]
    return changed_files, changed_lines, total, shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--planted", type=int, default=200)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--peer-files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print what was redacted in real files")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", type=int, default=0, metavar="N", help="of each kind, without a file around it")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), help="with --alone")
    options = parser.parse_args()
    if options.alone:
        _alone(options.kinds, options.alone, options.seed)
        return
    chance = random.Random(options.seed)
    files = corpus(chance, options.files)
    made = list(cases(chance, files, options.planted))
    large = _large(files)
    left = leaks(made)
    false_files, false_lines, lines, shown = false_redactions(files)
    ours = Figures(
        len(made), dict(+left), len(files), false_files, false_lines, lines,
        _cpu_ms(lambda: redact(large, {})), _import_ms("optafly_cli.workspace.secrets"),
    )  # fmt: skip
    rows = {"optafly": ours}
    if find_spec("detect_secrets"):
        rows["detect-secrets"] = _peer(made, files[: options.peer_files], large)
    if options.json:
        print(json.dumps({name: asdict(row) for name, row in rows.items()}, indent=1))
        return
    print(f"{len(made)} secrets of {len(KINDS)} kinds; seed {options.seed}; Python {sys.version.split()[0]}\n")
    print("| | leaked | false, files | false, lines | ms for 200 kB | import, ms |\n|---|--:|--:|--:|--:|--:|")
    for name, row in rows.items():
        print(
            f"| {name} | {sum(row.leaked.values())} of {row.planted} | {row.false_files} of {row.files:,} "
            f"({row.false_files / row.files:.2%}) | {row.false_lines} of {row.lines:,} | {row.ms:.0f} "
            f"| {row.import_ms:.0f} |"
        )
    for name, row in rows.items():
        if row.leaked:
            print(f"\nLeaked by {name}: " + ", ".join(f"{kind} {count}" for kind, count in sorted(row.leaked.items())))
    if options.show:
        print("\n" + "\n".join(shown))


def _alone(kinds: Sequence[str], count: int, seed: int) -> None:
    left: Counter[str] = Counter()
    for kind in kinds:
        chance = random.Random(f"{seed} {kind}")
        for _ in range(count):
            planted = plant(chance, kind)
            clean = redact(planted.lines, {}).text
            if any(part in clean for part in planted.parts):
                left[kind] += 1
                print(f"leaked, {kind}: {planted.lines}")
    print(f"{left.total()} of {count * len(kinds):,}, {count:,} of each of {len(kinds)} kinds; seed {seed}")


def _peer(made: Sequence[Case], files: Sequence[Path], large: str) -> Figures:
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    left: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder, "file.txt")
        for case in made:
            path.write_text(case.text)
            last = case.first + case.planted.lines.count("\n")
            left[case.planted.kind] += not any(
                case.first <= found.line_number <= last for found in scan_file(str(path))
            )
        found = {file: len({one.line_number for one in scan_file(str(file))}) for file in files}
        path.write_text(large)
        milliseconds = _cpu_ms(lambda: list(scan_file(str(path))), times=1)
    lines = sum(_text(file).count("\n") + 1 for file in files)
    false = [count for count in found.values() if count]
    # What scanning imports: its plugins come with the settings
    code = (
        "from detect_secrets.core import scan; from detect_secrets.settings import default_settings; "
        "default_settings().__enter__()"
    )
    return Figures(
        len(made), dict(+left), len(files), len(false), sum(false), lines, milliseconds, _import_ms(code=code)
    )


def _large(files: Sequence[Path]) -> str:
    text = ""
    for path in files:
        if path.suffix == ".py" and len(text) < _LARGEST:
            text += _text(path)
    return text[:_LARGEST]


def _cpu_ms(work: object, times: int = 5) -> float:
    assert callable(work)
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append((time.process_time() - begun) * 1000)
    return sorted(taken)[len(taken) // 2]


def _import_ms(module: str = "", code: str = "") -> float:
    """Beyond a bare interpreter's start: CPU time of five processes, their median."""
    code = code or f"import {module}"
    program = f"import time; t = time.process_time(); {code}; print((time.process_time() - t) * 1000)"
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(5)
    ]
    return sorted(float(run.stdout) for run in runs)[2]


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


if __name__ == "__main__":
    main()
