"""How often refine finds the right files and lines: real issues at their base commits, and real commits replayed.

    python benchmarks/localisation.py issues MIRRORS [DATA_FOLDER] [--only NAME] [--tokens NAME]
    python benchmarks/localisation.py commits MIRROR [COUNT] [--tokens NAME]
    python benchmarks/localisation.py times MIRROR [FILES]

MIRRORS holds a git repository for each `owner/name` of localisation.jsonl, at `owner+name/repo` (or `owner+name`).
Acc@k: all files of the patch that exist are among the first k. Edited lines: the share of the lines that the patch
changes that stand in the prompt, give or take 3, at `max_context_tokens` 2,048; "exactly" gives none. An insertion
counts as the line before it; the lines of all files of a case are pooled, new files have none. Ceiling: the same when
the index's segments that hold those lines are packed first, of the files that are found, and with `--file`. A commit
replayed: its message is the prompt, its parent the workspace, its hunks the truth. Times are of the CPU, of git's
processes too; `times` repeats a repository's folders until there are FILES files.

Tokens are the default model's. With `--tokens` the 2,048 are those of another family of ours (claude-3) or of an
encoding of tiktoken (cl100k_base, o200k_base), most likely what the figures that we are compared with were counted in.
tiktoken is none of our dependencies; litellm's wheel has its files:

    pip install --no-deps --target TK tiktoken regex litellm
    PYTHONPATH=TK TIKTOKEN_CACHE_DIR=TK/litellm/litellm_core_utils/tokenizers python benchmarks/localisation.py ...
"""

import argparse
import json
import random
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path

from optafly_cli.config.settings import RefineSettings
from optafly_cli.models import catalogue
from optafly_cli.refine.engine import refine
from optafly_cli.refine.found_pieces import add_found
from optafly_cli.refine.pack import Pack, Wanted
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.redacted import redacted
from optafly_cli.refine.retrieval.find import READ_FILES, FoundUnit
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.sections import Count
from optafly_cli.tokens.counter import Counter, counter_for
from optafly_cli.tokens.families import families
from optafly_cli.workspace.index.classes import class_of
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.named import gather
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.sources import read_source
from optafly_cli.workspace.types import ContextPiece, LineRange, NamedContext, Workspace

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "refine"
AT = (1, 3, 5, 10)
SLACK = 3
PROMPTS = (
    "fix the race in the cache when two processes write the same file",
    "why does the parser accept an empty name?",
    "add an option that hides the summary, and test it",
    "TypeError: 'NoneType' object is not iterable when the configuration has no section",
    "the report is written twice when the run is interrupted; it should be written once",
)
TRAILER = re.compile(r"(?im)^(?:signed-off-by|co-authored-by|closes?|fixes|pr|ref)\b.*$")
DULL = re.compile(r"(?i)bump|release|merge|revert|chore|v?\d")


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt, the commit that it is about, and which lines of which files are to change."""

    name: str
    group: str
    commit: str
    prompt: str
    gold: Mapping[str, frozenset[int]]


@dataclass
class Tally:
    """What was found over many cases."""

    positions: list[tuple[int, ...]] = field(default_factory=list)
    free: list[float] = field(default_factory=list)
    given: list[float] = field(default_factory=list)
    free_exactly: list[float] = field(default_factory=list)
    given_exactly: list[float] = field(default_factory=list)
    free_ceiling: list[float] = field(default_factory=list)
    given_ceiling: list[float] = field(default_factory=list)
    cold_ms: list[float] = field(default_factory=list)
    view_ms: list[float] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in what another has counted."""
        for one in fields(self):
            getattr(self, one.name).extend(getattr(other, one.name))

    def line(self, name: str) -> str:
        """The figures in one line."""
        worst = [max(found) for found in self.positions]
        accuracy = "/".join(f"{100 * sum(one < k for one in worst) / len(worst):.1f}" for k in AT)
        return (
            f"{name:22} n={len(worst):3}  Acc@{'/'.join(map(str, AT))} {accuracy}  edited lines "
            f"{_percent(self.free)} (exactly {_percent(self.free_exactly)}, ceiling {_percent(self.free_ceiling)})  "
            f"with --file {_percent(self.given)} ({_percent(self.given_exactly)}, {_percent(self.given_ceiling)})  "
            f"tokens max {max(self.tokens)}  build {statistics.median(self.cold_ms):.0f} ms  open "
            f"{statistics.median(self.view_ms):.1f} ms  refine {statistics.median(self.warm_ms):.1f} ms"
        )


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * statistics.mean(shares):.1f}"


def issues(mirrors: Path, folder: Path, only: str, count: Count) -> None:
    """The issues of localisation.jsonl, by repository and together."""
    rows = [json.loads(line) for line in (folder / "localisation.jsonl").read_text("utf-8").splitlines()]
    cases: dict[str, list[Case]] = {}
    for row in rows:
        gold = edited(row["patch"])
        if gold and only in row["repo"]:
            case = Case(row["instance_id"], row["repo"], row["base_commit"], row["problem_statement"], gold)
            cases.setdefault(row["repo"], []).append(case)
    total = Tally()
    for repository, of_it in cases.items():
        tally = measured(mirror_of(mirrors, repository), of_it, count)
        print(tally.line(repository), flush=True)
        total.add(tally)
    print(total.line("all"))


def commits(mirror: Path, number: int, count: Count) -> None:
    """Commits of a repository replayed, drawn at random from the last 2,000."""
    tally = measured(mirror, list(replayed(mirror, number)), count)
    print(tally.line(mirror.parent.name if mirror.name == "repo" else mirror.name))


def counting(name: str) -> Count:
    """Tokens of a text as the default model, a family of ours or an encoding of tiktoken counts them."""
    if not name:
        return counter_for(catalogue().get(catalogue().default)).count
    if name in families().families:
        return Counter(name).count
    encoding = import_module("tiktoken").get_encoding(name)

    def count(text: str, language: str) -> int:  # noqa: ARG001 - every language is counted alike
        return len(encoding.encode_ordinary(text))

    return count


def times(mirror: Path, files: int) -> None:
    """What the index costs at a size: the first build, opening it warm, a changed file, a whole refine."""
    count = counting("")
    with tempfile.TemporaryDirectory() as scratch:
        tree = repeated(mirror, Path(scratch), files)
        workspace = find_workspace(tree)
        keeper = Keeper(workspace, Path(scratch, "indexes"))
        cold = spent(keeper.build)
        found = keeper.view()
        assert found is not None
        changed = [found.labels[file] for file in found.files if found.classes[file] == "code"][:5]
        opened = [spent(Keeper(workspace, Path(scratch, "indexes")).view) for _ in range(9)]
        settings = RefineSettings(threshold=1.0)

        def once(prompt: str) -> float:
            retriever = Retriever(Keeper(workspace, Path(scratch, "indexes")))
            return spent(lambda: refine(prompt, NamedContext(), workspace, settings, count, retriever=retriever))

        prompts = PROMPTS * 4
        once(prompts[0])
        warm = sorted(once(prompt) for prompt in prompts)
        for label in changed:
            with (tree / label).open("a") as file:
                file.write("\n")
        dirty = spent(Keeper(workspace, Path(scratch, "indexes")).view) - statistics.median(opened)
        size = sum(path.stat().st_size for path in Path(scratch, "indexes").iterdir()) / 1e6
        print(
            f"{len(found.files)} files: built in {cold / 1000:.1f} s ({cold / len(found.files) / 4:.2f} s per 250"
            f"), {size:.1f} MB; opened in {statistics.median(opened):.1f} ms; {len(changed)} changed files "
            f"{dirty / len(changed):.1f} ms each; refine p50 {statistics.median(warm):.1f} p95 "
            f"{warm[int(0.95 * len(warm))]:.1f} ms"
        )


def repeated(mirror: Path, scratch: Path, files: int) -> Path:
    """A working tree in `scratch` with the repository's folders repeated until there are so many files, committed."""
    tree = scratch / "tree"
    git(scratch, "clone", "-q", "--no-local", "--depth", "1", mirror.as_uri(), str(tree))
    folders = [path for path in tree.iterdir() if path.name != ".git"]
    listed = len(git(tree, "ls-files").splitlines())
    for number in range(1, max(1, -(-files // listed))):
        copy = tree / f"copy{number}"
        copy.mkdir()
        for path in folders:
            subprocess.run(["cp", "-r", str(path), str(copy)], check=True)
    git(tree, "add", "-A", "-f")
    git(tree, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "copies", "--allow-empty")
    # git trusts no file that is as young as its own index, and would read all of them every time
    time.sleep(1.1)
    git(tree, "update-index", "-q", "--refresh", "--force-write-index")
    return tree


def spent(work: Callable[[], object]) -> float:
    """Milliseconds of CPU that a piece of work takes, here and in the processes that it waits for."""
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = [resource.getrusage(who) for who in usages]
    work()
    after = [resource.getrusage(who) for who in usages]
    return 1000 * sum(
        new.ru_utime + new.ru_stime - old.ru_utime - old.ru_stime for old, new in zip(before, after, strict=True)
    )


def mirror_of(mirrors: Path, repository: str) -> Path:
    """The repository `owner/name` among the mirrors."""
    path = mirrors / repository.replace("/", "+")
    return path / "repo" if (path / "repo").is_dir() else path


def measured(mirror: Path, cases: Sequence[Case], count: Count) -> Tally:
    """Every case in a working tree of its commit."""
    tally = Tally()
    for case, workspace, keeper, seconds in checked_out(mirror, cases):
        tally.cold_ms.append(1000 * seconds)
        start = time.process_time()
        retriever = Retriever(keeper)
        assert retriever.view is not None
        tally.view_ms.append(1000 * (time.process_time() - start))
        settings = RefineSettings(threshold=1.0)
        start = time.process_time()
        free = refine(case.prompt, gather(workspace, workspace.root), workspace, settings, count, retriever=retriever)
        tally.warm_ms.append(1000 * (time.process_time() - start))
        ranked = [one.label for one in retriever.found(PromptText(case.prompt)).files]
        tally.positions.append(tuple(ranked.index(label) if label in ranked else 10**6 for label in case.gold))
        named = gather(workspace, workspace.root, files=sorted(case.gold))
        given = refine(case.prompt, named, workspace, settings, count, retriever=retriever)
        tally.free.append(recall(case.gold, free.pieces))
        tally.given.append(recall(case.gold, given.pieces))
        tally.free_exactly.append(recall(case.gold, free.pieces, 0))
        tally.given_exactly.append(recall(case.gold, given.pieces, 0))
        for made, labels, ceilings in (
            (free, ranked[:READ_FILES], tally.free_ceiling),
            (given, [*case.gold], tally.given_ceiling),
        ):
            beside = sum(change.tokens_added for change in made.changes) - made.context_tokens
            pack = Pack(settings.max_context_tokens - beside, count)
            ceilings.append(ceiling(case, retriever.view, labels, workspace, pack))
        tally.tokens += [free.context_tokens, given.context_tokens]
    return tally


def ceiling(case: Case, view: IndexView, labels: Sequence[str], workspace: Workspace, pack: Pack) -> float:
    """What of the edited lines would stand in the prompt if the segments of these files that hold them were known."""
    units = [
        FoundUnit(label, unit, 1.0, "")
        for label in labels
        if (file := view.file(label)) is not None
        for unit in map(view.unit, view.segments(file))
        if any(unit.lines.start <= line <= unit.lines.end for line in case.gold.get(label, ()))
    ]

    def wanted(label: str) -> Wanted:
        text = redacted(read_source(workspace.root / label).lines)
        lines = LineRange(1, len(text.lines))
        return Wanted(label, text, lines, lines, "found", language_of(label))

    add_found(pack, wanted, sorted(units, key=lambda one: one.unit.size), pack.room)
    return recall(case.gold, [one.piece for one in pack.chosen])


def recall(gold: Mapping[str, frozenset[int]], pieces: Iterable[ContextPiece], slack: int = SLACK) -> float:
    """The share of the edited lines that the pieces hold."""
    spans = [(piece.path, piece.start_line - slack, piece.end_line + slack) for piece in pieces]
    lines = [(label, line) for label, of_it in gold.items() for line in of_it]
    held = sum(any(path == label and first <= line <= last for path, first, last in spans) for label, line in lines)
    return held / len(lines)


def checked_out(
    mirror: Path, cases: Sequence[Case], home: Path | None = None
) -> Iterator[tuple[Case, Workspace, Keeper, float]]:
    """Each case with its commit checked out and indexed; the seconds of CPU that the index took."""
    with tempfile.TemporaryDirectory() as scratch:
        tree, folder = Path(scratch, "tree"), Path(home or scratch, "indexes")
        git(Path(scratch), "clone", "-q", "--shared", "--no-checkout", str(mirror), str(tree))
        for case in cases:
            git(tree, "checkout", "-q", "-f", case.commit)
            git(tree, "clean", "-q", "-ffdx")
            workspace = find_workspace(tree)
            start = time.process_time()
            keeper = Keeper(workspace, folder)
            keeper.build()
            yield case, workspace, keeper, time.process_time() - start


def replayed(mirror: Path, count: int, fewest_words: int = 4) -> Iterator[Case]:
    """Commits that change one to five files of code that were there before, with a message that says something."""
    listed = git(mirror, "log", "--no-merges", "--max-count=2000", "--format=%H %P%x01%B%x00").split("\0")
    random.Random(20261129).shuffle(listed)
    found = 0
    for entry in listed:
        head, _, message = entry.strip().partition("\x01")
        commit, _, parent = head.partition(" ")
        message = TRAILER.sub("", message).strip()
        if not parent or " " in parent or len(message.split()) < fewest_words or DULL.match(message):
            continue
        patch = git(mirror, "diff", "--no-renames", parent, commit)
        gold = {label: lines for label, lines in edited(patch).items() if class_of(label) == "code"}
        if not 1 <= len(gold) <= 5 or sum(map(len, gold.values())) > 200:
            continue
        yield Case(commit[:10], mirror.name, parent, message, gold)
        found += 1
        if found >= count:
            return


def edited(patch: str) -> dict[str, frozenset[int]]:
    """The lines of the old files that a patch changes; where it only adds, the line before. New files have none."""
    found: dict[str, set[int]] = {}
    label, number = "", 0
    for line in patch.split("\n"):
        if line.startswith("--- "):
            label = line[6:] if line.startswith("--- a/") else ""
        elif line.startswith("@@"):
            number = int(line.split()[1][1:].split(",")[0])
        elif label and line.startswith("-"):
            found.setdefault(label, set()).add(number)
            number += 1
        elif label and line.startswith("+") and not line.startswith("+++ "):
            found.setdefault(label, set()).add(max(number - 1, 1))
        elif label and (line.startswith(" ") or not line):
            number += 1
    return {label: frozenset(lines) for label, lines in found.items()}


def git(folder: Path, *arguments: str) -> str:
    """What git prints, run in a folder."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("issues", "commits", "times"))
    parser.add_argument("mirror", type=Path)
    parser.add_argument("more", nargs="?", default="")
    parser.add_argument("--only", default="", metavar="NAME")
    parser.add_argument("--tokens", default="", metavar="NAME")
    options = parser.parse_args()
    if options.what == "issues":
        issues(options.mirror, Path(options.more or DEFAULT), options.only, counting(options.tokens))
    elif options.what == "commits":
        commits(options.mirror, int(options.more or 60), counting(options.tokens))
    else:
        times(options.mirror, int(options.more or 1500))


if __name__ == "__main__":
    main()
