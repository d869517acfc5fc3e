"""Whether findings are right on real issues: errors on issues that humans called complete, and names that are planted.

Called by refine.py. Repositories are bare or not, in FOLDER/<owner>+<name>/repo or FOLDER/<owner>__<name>; each issue
is looked at in a checkout of its base commit.
"""

import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optafly_cli.refine.analyse import analyse
from optafly_cli.refine.linting.check import Filter, check
from optafly_cli.refine.linting.targets import from_text
from optafly_cli.refine.result import Finding
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import NamedContext, Workspace

SEED = 20261129
SENTENCES = (
    "The wrong value comes from {}.",
    "I think that {} is to blame.",
    "Look at {} first.",
    "{} does not handle this case.",
    "This happens since {} was changed.",
)


def findings_on_issues(issues: list[dict[str, Any]], labels: list[dict[str, Any]], repositories: Path) -> None:
    """Print the share of complete issues with an error, and of planted paths and names that are flagged."""
    level = {row["instance_id"]: float(row["underspecified"]) for row in labels}
    false, complete = [], 0
    planted: dict[str, list[str]] = {"path": [], "symbol, one letter off": [], "symbol, made up": []}
    counts: dict[str, int] = dict.fromkeys(planted, 0)
    warned: dict[str, int] = {}
    errors: dict[str, int] = dict.fromkeys(planted, 0)
    seconds = []
    chance = random.Random(SEED)
    for issue, workspace in checkouts(issues, repositories):
        text = issue["problem_statement"]
        start = time.process_time()
        found = analyse(text, NamedContext(), workspace).findings
        seconds.append(time.process_time() - start)
        if level.get(issue["instance_id"]) == 0:
            complete += 1
            false += [(issue["instance_id"], one) for one in found if one.severity == "error"][:1]
            for rule in {one.rule for one in found if one.severity == "warning"}:
                warned[rule] = warned.get(rule, 0) + 1
        for kind, name, shown in plants(issue, workspace, chance):
            prompt = f"{text}\n\n{chance.choice(SENTENCES).format(shown)}"
            hit = flagged(prompt, name, workspace)
            counts[kind] += 1
            errors[kind] += hit == "error"
            if hit is None:
                planted[kind].append(f"{issue['instance_id']}: {shown}")
    print(
        f"Findings on real issues, in {len(seconds)} checkouts "
        f"({1000 * sum(seconds) / max(len(seconds), 1):.0f} ms CPU each, without git's)"
    )
    print(
        f"  error on an issue that humans called complete: {len(false)} of {complete} ({share(len(false), complete)})"
    )
    for name, one in false:
        print(f"    {name}: {one.rule} {one.message}")
    print("  warnings on them: " + ", ".join(f"{rule} {count}" for rule, count in sorted(warned.items())))
    for kind, missed in planted.items():
        print(
            f"  planted {kind}: {share(counts[kind] - len(missed), counts[kind])} of {counts[kind]} flagged, "
            f"{share(errors[kind], counts[kind])} as an error"
        )
        for plant in missed[:8]:
            print(f"    not: {plant}")


def flagged(prompt: str, name: str, workspace: Workspace) -> str | None:
    """The severity of the finding on the planted name, None when there is none."""
    lines = prompt.split("\n")

    def covers(one: Finding) -> bool:
        span = lines[one.line - 1][one.column - 1 : one.end_column - 1]
        return one.rule in ("OPF010", "OPF017") and name in span and one.line == len(lines)

    found = analyse(prompt, NamedContext(), workspace).findings
    return next((one.severity for one in found if covers(one)), None)


def plants(issue: dict[str, Any], workspace: Workspace, chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind, name and how it is written, for names that the workspace does not have."""
    paths = re.findall(r"^\+\+\+ b/(\S+)", issue["patch"], re.M)
    for path in paths[:1]:
        stem, dot, ending = path.rpartition(".")
        for wrong in (f"{stem}s{dot}{ending}", f"{stem[:-2]}{stem[-1]}{stem[-2]}{dot}{ending}"):
            if not (workspace.root / wrong).exists() and wrong != path:
                yield "path", wrong, chance.choice((wrong, f"`{wrong}`", f"{wrong}:12"))
    names = re.findall(r"\b(?:def|class) (\w{5,})", issue["patch"])
    names = [name for name in dict.fromkeys(names) if not name.startswith(("__", "test"))]
    for name in names[:2]:
        at = chance.randrange(2, len(name) - 1)
        wrong = name[:at] + name[at + 1 :] if name[at] != "_" else name[:at] + name[at - 1] + name[at:]
        if wrong != name and not occurs(wrong, workspace):
            is_class = name[0].isupper()
            forms = (f"`{wrong}`", f"`{wrong}()`", f"the {wrong} class" if is_class else f"{wrong}()")
            yield "symbol, one letter off", wrong, chance.choice(forms)
    made_up = f"load_{chance.choice(('remote', 'stale', 'nested'))}_{chance.choice(('ledger', 'quota', 'parcel'))}"
    if not occurs(made_up, workspace):
        yield "symbol, made up", made_up, chance.choice((f"`{made_up}`", f"{made_up}()", made_up))


def occurs(name: str, workspace: Workspace) -> bool:
    """Whether the name stands in the checkout."""
    done = subprocess.run(["git", "grep", "-q", "-w", "-F", name], cwd=workspace.root, check=False)
    return done.returncode == 0


def checkouts(issues: list[dict[str, Any]], repositories: Path) -> Iterator[tuple[dict[str, Any], Workspace]]:
    """Each issue with a checkout of its base commit, repository by repository; those that are absent are said."""
    with tempfile.TemporaryDirectory() as folder:
        for repo in sorted({issue["repo"] for issue in issues}):
            source = next(
                (
                    path
                    for path in (repositories / repo.replace("/", "+") / "repo", repositories / repo.replace("/", "__"))
                    if path.exists()
                ),
                None,
            )
            if source is None:
                print(f"  {repo} is not in {repositories}: skipped")
                continue
            clone = Path(folder, repo.replace("/", "__"))
            run(["git", "clone", "-q", "--shared", "--no-checkout", str(source), str(clone)])
            for issue in (one for one in issues if one["repo"] == repo):
                run(["git", "-C", str(clone), "checkout", "-q", "-f", issue["base_commit"]])
                yield issue, find_workspace(clone)


def hundred(issues: list[dict[str, Any]]) -> None:
    """CPU seconds for 100 prompts in one process: issues, as `optafly lint --jsonl` reads them."""
    texts = [row["problem_statement"] for row in issues][:100]
    texts += ["fix this bug", "Add a --json flag that prints one object"] * ((100 - len(texts) + 1) // 2)
    with tempfile.TemporaryDirectory() as empty:
        workspace = Workspace(Path(empty), "empty", "folder", has_git=False)
        targets = [from_text(str(number), text, is_path=False) for number, text in enumerate(texts[:100])]
        list(check(targets[:1], workspace, Filter()))
        times = []
        for _ in range(5):
            start = time.process_time()
            list(check(targets, workspace, Filter()))
            times.append(time.process_time() - start)
    size = sum(len(target.text) for target in targets) / 1000
    print(f"Lint, 100 prompts of {size / 100:.1f} KB: {min(times):.2f} s CPU (first prompt excluded)")


def contradictions(rows: list[dict[str, Any]]) -> None:
    """How many HumanEvalComm problems with a contradiction (1c) have an OPF019, and how many originals."""
    with tempfile.TemporaryDirectory() as empty:
        workspace = Workspace(Path(empty), "empty", "folder", has_git=False)
        for name, key in (("contradictory", "prompt1c"), ("original", "prompt")):
            texts = [row[key] for row in rows if row.get(key)]
            found = [
                text
                for text in texts
                if any(one.rule == "OPF019" for one in analyse(text, NamedContext(), workspace).findings)
            ]
            print(f"Examples that contradict the text, {name}: {len(found)} of {len(texts)} found")


def hook() -> None:
    """What the Claude Code hook costs without the service, next to a bare interpreter, in optafly's own folder."""
    root = Path(__file__).resolve().parents[1]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["OPTAFLY_SERVICE_ENABLED"] = "false"
    prompts = {"a wrong path and two names": "why does `parse_prot` fail in src/mian.rs, and `find_workspace`?"}
    commands: dict[str, tuple[list[str], str]] = {"python -c pass": ([sys.executable, "-c", "pass"], "")}
    for name, prompt in {**prompts, "nothing to tell": "fix this bug"}.items():
        event = json.dumps({"hook_event_name": "UserPromptSubmit", "prompt": prompt})
        commands[name] = ([sys.executable, "-m", "optafly_cli", "lint", "--claude-hook"], event)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(12):
        for name, (command, given) in commands.items():
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, input=given, text=True, env=env, cwd=root, check=True, capture_output=True)
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            times[name].append((wall, cpu))
    bare = statistics.median(cpu for _, cpu in times["python -c pass"])
    print("Claude Code hook without the service, medians of 12 interleaved rounds:")
    for name, taken in times.items():
        wall, cpu = (1000 * statistics.median(one[part] for one in taken) for part in (0, 1))
        print(f"  {name:28} {wall:4.0f} ms, {cpu:4.0f} ms CPU ({cpu / bare / 1000:.0f}x)")


def share(count: int, total: int) -> str:
    """Per cent."""
    return f"{100 * count / max(total, 1):.1f}%"


def run(command: list[str]) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)
