"""What the token optimiser removes of real logs, agents' conversations and prompts, and that nothing is lost by it.

    python -m benchmarks.route_optimiser --logs FOLDER [--data DATA] [--repositories CLONES] [--ctok CTOK] [--json]

Logs are made for real by route_logs.py (kept in FOLDER). Conversations are those of SWE-agent, prompts those that
Aider's author typed, the first 200 that differ. Tokens are counted by ctok where that is, else by our counter. Lost, in
this order: lines that speak of errors, fenced code blocks, numbers in such lines, versions of packages.
"""

import argparse
import json
import re
import sys
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.route_logs import logs
from benchmarks.route_tokens import oracle
from optafly_cli.route.optimiser.engine import Passage, PassageKind, optimised
from optafly_cli.route.optimiser.escapes import without_sequences
from optafly_cli.route.optimiser.fences import stretches
from optafly_cli.route.optimiser.looks import is_important
from optafly_cli.tokens.counter import Counter

PROMPTS = 200
FAMILY = "claude-4.8"
_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d+\.\d+[\w.]*?)(?=[\s,;:)\]-]|$)")


@dataclass(slots=True)
class Found:
    """One set of texts: tokens before and after, and what was lost."""

    name: str
    texts: int = 0
    before: int = 0
    after: int = 0
    errors_lost: int = 0
    fences_lost: int = 0
    versions_lost: int = 0
    versions: int = 0

    @property
    def removed(self) -> float:
        """The share of tokens that went."""
        return 1 - self.after / self.before if self.before else 0.0

    def add(self, passages: Sequence[Passage], count: Callable[[str], int]) -> Tally[str]:
        """Optimise one more, and note what came of it; the tokens removed by reason."""
        after, removals = optimised(passages)
        was, now = "\n".join(p.text for p in passages), "\n".join(p.text for p in after)
        self.texts += 1
        self.before += sum(count(passage.text) for passage in passages if passage.text)
        self.after += sum(count(passage.text) for passage in after if passage.text)
        self.errors_lost += len(_important(was) - _important(now))
        self.fences_lost += sum((_fenced(was) - _fenced(now)).values())
        versions = _versions(was)
        self.versions += len(versions)
        self.versions_lost += sum(1 for version in versions if version not in now)
        reasons: Tally[str] = Tally()
        for removal in removals:
            reasons[removal.reason] += Counter(FAMILY).count(removal.before) - Counter(FAMILY).count(removal.after)
        return reasons


def _important(text: str) -> set[str]:
    lines = (state.strip() for line in text.split("\n") for state in without_sequences(line).split("\r"))
    return {line for line in lines if is_important(line)}


def _fenced(text: str) -> Tally[str]:
    return Tally("\n".join(lines) for is_fenced, lines in stretches(text.split("\n")) if is_fenced)


def _versions(text: str) -> set[str]:
    return set(_VERSION.findall(text))


def conversations(data: Path) -> Iterator[tuple[str, list[Passage]]]:
    """SWE-agent's, each turn a passage."""
    roles: dict[str, PassageKind] = {"system": "context", "assistant": "reply", "tool": "output", "user": "output"}
    for path in sorted((data / "route" / "sweagent").glob("*.traj")):
        passages: list[Passage] = []
        for turn in json.loads(path.read_text("utf-8"))["history"]:
            content = turn["content"]
            text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
            first = turn["role"] == "user" and all(passage.kind != "instruction" for passage in passages)
            passages.append(Passage("instruction" if first else roles[turn["role"]], turn["role"], text))
        yield path.name, passages


def prompts(data: Path) -> list[str]:
    """What a user of Aider typed: the lines behind "#### ", the first PROMPTS that differ."""
    path = data / "route" / "aider_chat_history.md"
    found: dict[str, None] = {}
    lines: list[str] = []
    for line in [*(path.read_text("utf-8").splitlines() if path.exists() else []), ""]:
        if line.startswith("####"):
            lines.append(line[5:].removesuffix("  "))
        elif lines:
            if (text := "\n".join(lines)).strip():
                found.setdefault(text)
            lines = []
    return [*found][:PROMPTS]


def measure(arguments: argparse.Namespace) -> Iterator[tuple[Found, Tally[str]]]:
    """Each log, and each set."""
    exact = oracle(arguments.ctok)
    ours = Counter(FAMILY)

    def count(text: str) -> int:
        return exact(text, FAMILY) if exact else ours.count(text)

    whole, reasons = Found("logs"), Tally[str]()
    for name, text in logs(arguments.logs, arguments.repositories).items():
        one = Found(f"  {name}")
        found = one.add([Passage("output", name, text)], count)
        reasons += found
        for field in ("texts", "before", "after", "errors_lost", "fences_lost", "versions", "versions_lost"):
            setattr(whole, field, getattr(whole, field) + getattr(one, field))
        yield one, found
    yield whole, reasons
    chats, reasons = Found("conversations"), Tally[str]()
    for _, passages in conversations(arguments.data):
        reasons += chats.add(passages, count)
    yield chats, reasons
    typed, reasons = Found("prompts"), Tally[str]()
    for text in prompts(arguments.data):
        reasons += typed.add([Passage("instruction", "prompt", text)], count)
    yield typed, reasons


def figures(folder: Path, repositories: Path, data: Path, ctok: Path) -> Iterator[tuple[str, float, str]]:
    """The rows of benchmarks/route.py: a name, a fraction or a number, what it should be."""
    arguments = argparse.Namespace(logs=folder, repositories=repositories, data=data, ctok=ctok)
    for found, _ in measure(arguments):
        if found.name in ("logs", "conversations"):
            yield f"{found.name}: tokens removed", found.removed, ">= 0.25" if found.name == "logs" else ">= 0.05"
        if not found.name.startswith(" "):
            yield f"{found.name}: error lines and fences lost", float(found.errors_lost + found.fences_lost), "0"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--logs", type=Path, required=True, help="folder where the logs are, or are to be made")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--repositories", type=Path, default=Path(__file__).resolve().parents[2] / ".mirror")
    parser.add_argument("--ctok", type=Path, default=Path("ctok"), help="folder with an unpacked ctok wheel")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = [*measure(arguments)]
    if arguments.json:
        print(json.dumps([{**asdict(one), "removed": one.removed, "reasons": why} for one, why in found], indent=1))
        return 0
    print(f"{'':22}{'texts':>6}{'before':>10}{'after':>10}{'removed':>9}  lost: errors fences versions")
    for one, why in found:
        lost = f"{one.errors_lost:13}{one.fences_lost:7}{one.versions_lost:6} of {one.versions}"
        print(f"{one.name:22}{one.texts:6}{one.before:10,}{one.after:10,}{one.removed:9.1%}{lost}")
        if not one.name.startswith(" "):
            print("".join(f"{'':24}{tokens:,} {reason}\n" for reason, tokens in why.most_common()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
