"""Lines that a log has many of and a reader needs as a count: steps that went well, passed tests, progress. Pure.

A run of them becomes one line that says how many there were and still names what was built, with its versions. A line
that speaks of an error is none of them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from optafly_cli.route.optimiser.looks import is_important
from optafly_cli.route.optimiser.notes import Stretch, in_stretches, note, saves

FEWEST = 2
"""Lines in a row that become one, where that is shorter."""

_STAMP = re.compile(r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?|\[\d\d:\d\d:\d\d\]) ")

_VERBS = (
    "Collecting|Downloading|Downloaded|Using cached|Obtaining|Requirement already satisfied:|Building wheel for"
    "|Created wheel for|Stored in directory:|Preparing metadata|Installing build dependencies:?"
    "|Getting requirements to build wheel:?|Attempting uninstall:|Found existing installation:|Uninstalling"
    "|Successfully uninstalled|Installing|Resolving|Fetching|Extracting"  # pip, uv
    "|Compiling|Checking|Fresh|Adding|Locking|go: downloading"  # cargo, go
    r"|Get:\d+|Hit:\d+|Ign:\d+|Selecting previously unselected package|Preparing to unpack|Unpacking|Setting up"
    "|Processing triggers for"  # apt
    r"|npm http fetch GET|npm http cache|npm sill \w+|npm verb \w+"
    r"|make(?:\[\d+\])?: (?:Entering|Leaving) directory"
    "|Cloning into|adding|creating|copying|reading|writing|running|inflating:|extracting:|CC|CXX|AR|LD|LINK|GEN"
)
_STEP = re.compile(rf"\s*(?:#\d+ [\d.]+ |\d+\.\d+ )?(?P<verb>{_VERBS})\s(?P<rest>.*)")
_SAID_BY = {
    "Collecting": ("Downloading", "Using cached", "Obtaining"),
    "Selecting previously unselected package": ("Unpacking",),
}
"""Verbs whose items another names again, with their versions."""

_GIT = r"(?:remote: )?(?:Counting|Compressing|Receiving|Resolving|Writing|Unpacking|Enumerating) (?:objects|deltas): .*"
_DOCKER = (
    r"[0-9a-f]{12}: (?:Pulling fs layer|Waiting|Downloading|Verifying Checksum|Download complete|Extracting"
    r"|Pull complete).*"
)
_MAKES = "Building|Built|Linking|Generating|Compiling|Copying|Scanning"
_SIZE = r"\d[\d.,]* ?[kKMGT]i?B"
_BAR = r"[━╸╺█▉▊▋▌▍▎▏▐░▒▓#=>⣿]{6,}"
_FETCHES = r"[Dd]ownload|[Uu]pload|[Ee]xtract|[Pp]rogress|[Ll]oading|[Ff]etching|[Cc]opying|[Uu]npacking|[Ii]nstalling"
# No bar alone, no percentage alone: a chart, a table and what training prints have those
_PROGRESS = re.compile(
    r"(?!.*\w\s*[=:]\s*\d*\.\d)\s*"
    rf"(?:.*{_BAR}.*(?:\d/\d|{_SIZE}/s|{_SIZE}.*\d ?%|\d[\d.]*/\d[\d.]* ?[kKMGT]i?B|\beta\b|it/s).*"
    r"|.*\[[=#>. -]{6,}\] *(?:\d+ ?%|\d+/\d+).*"
    rf"|.*\b(?:{_FETCHES})\w*\b.*\s\d{{1,3}}(?:\.\d+)? ?%[^\[\]]{{0,60}}"
    rf"|{_GIT}|{_DOCKER}|\d+K[ .]+\d+%.*|\d{{1,3}}%\|.*"
    r"|\(?Reading (?:package lists|database|state information).*|Building dependency tree.*"
    rf"|\[ *(?:\d+/\d+|\d+%)\] (?:{_MAKES})\b.*)\Z"
)
_COMPILER = r"(?:cd \S+ && )?\S*(?:cc|gcc|g\+\+|c\+\+|clang|clang\+\+)"
_CALL = re.compile(rf"{_COMPILER}\s.* -c (?:.* )?(?P<source>\S+\.\w{{1,3}})(?: .*)?")
_PASSED = re.compile(
    r"\s*(?:(?P<pytest>[\w./\\-]+\.py)(?:::\S.*?)? (?:PASSED|\.)(?:\s+\[ *\d+%\])?"
    r"|(?P<dots>[\w./\\-]+\.py) [.s]+(?:\s+\[ *\d+%\])?|[.s]{20,}(?:\s+\[ *\d+%\])?"
    r"|(?:\[gw\d+\] )?(?:\[ *\d+%\] )?PASSED (?P<xdist>[\w./\\-]+\.py).*"
    r"|test (?P<cargo>[\w:]+)(?: - .*)? \.\.\. ok(?: <.*>)?"
    r"|\w+ \((?P<unittest>[\w.]+)\) \.\.\. ok|(?P<described>\w.*) \.\.\. ok"
    r"|=== (?:RUN|PAUSE|CONT)\s+(?P<run>\S+)|--- PASS: (?P<go>\S+) \([\d.]+s\)"
    r"|ok\s+(?P<gopkg>[\w./-]+)\s+(?:[\d.]+s|\(cached\)).*"
    r"|[✓✔√] (?P<jest>.*)|PASS (?P<suite>\S+)(?: \([\d.]+ m?s\))?|ok \d+ (?:- )?(?P<tap>.*)"
    r"|\d+/\d+ Test +#\d+: (?P<ctest>\S+) \.+ +Passed +[\d.]+ sec)\Z"
)
_AROUND = re.compile(
    r"(?:[\w./\\-]+\.py::[\w:]+(?:\[.*\])?\s*|\w+ \([\w.]*\)"  # tests that begin: xdist, unittest with a description
    r"|\s*# Subtest: .*|\s+---|\s+\.\.\.|\s+duration_ms: [\d.]+|\s+type: '\w+')\Z"  # TAP
)
_HOOK = re.compile(r"(?P<hook>[\w .,()-]+?)\.{5,}(?:\([\w ]+\))?(?:Passed|Skipped)\s*\Z")
_NO_NEED = re.compile(
    r"https?://\S+/|\s*\(?\d+(?:\.\d+)?\s?[kKMG]i?B\)?|\s*\[\d[\d.,]* ?[kKMG]?i?B\]"
    r"|-py[23](?:\.py3)?-none-any|\.whl(?:\.metadata)?\b|-cp\d+-(?:cp\d+|abi3)-\S+|\.tar\.gz\b"
    r"|\s+\((?:file://)?/[^()]*\)|\s+in \S*(?:site-packages|dist-packages)"
    r"|\s*\(from [^()]*(?:\([^()]*\)[^()]*)*\)|\s+\.{2,}\s*$|\.$"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of line. `item` gives what a line is about, None when it is not of this kind; `say` sums a run up."""

    reason: str
    item: Callable[[str], str | None]
    say: Callable[[Sequence[str]], str]


def _step(line: str) -> str | None:
    match = _STEP.fullmatch(line)
    if match is None:
        return None
    rest = _NO_NEED.sub("", match["rest"]).strip()
    return f"{re.sub(r':?[0-9]*$', '', match['verb'])}\0{rest}"


def _said_of_steps(items: Sequence[str]) -> str:
    by_verb: dict[str, dict[str, None]] = {}
    for item in items:
        verb, _, rest = item.partition("\0")
        by_verb.setdefault(verb, {})[rest] = None
    if "Unpacking" in by_verb:
        # The same packages and versions, as names of files
        by_verb.pop("Preparing to unpack", None)
    seen = {""}
    parts = []
    for verb, named in by_verb.items():
        again = {
            start for other in _SAID_BY.get(verb, ()) for name in by_verb.get(other, ()) for start in _starts(name)
        }
        fresh = [name for name in named if name not in seen and _bare(name) not in again]
        seen.update(named)
        if fresh:
            parts.append(f"{verb} {', '.join(fresh)}")
    return f"{len(items)} steps: {'; '.join(parts)}" if parts else f"{len(items)} steps"


def _bare(name: str) -> str:
    """A package's name, and its version, however a tool writes them."""
    return re.sub(r"[-_.: (]+", "-", name).lower()


def _starts(name: str) -> Iterator[str]:
    """What "foo-bar-1.2" can be a version of: foo, foo-bar, …"""
    bare = _bare(name)
    for end in (match.start() for match in re.finditer("-", bare)):
        yield bare[:end]


def _progress(line: str) -> str | None:
    return "" if _PROGRESS.fullmatch(line) else None


def _call(line: str) -> str | None:
    match = _CALL.fullmatch(line)
    return match["source"] if match else None


def _passed(line: str) -> str | None:
    match = _PASSED.fullmatch(line)
    if match is None:
        return None
    name = next((value for value in match.groups() if value), "")
    return "" if match["run"] else _suite_of(name)


def _suite_of(name: str) -> str:
    """The file, package or class that a test is in; the test itself where it is nothing else."""
    if "::" in name and not name.endswith(".py"):
        return name.rpartition("::")[0]
    head, _, test = name.rpartition(".")
    return head if test.startswith("test") and head else name


def _said_of_tests(items: Sequence[str]) -> str:
    suites = Counter(item for item in items if item)
    named = ", ".join(f"{suite} {number}" if number > 1 else suite for suite, number in suites.items())
    return f"{len(items)} lines of passed tests{': ' if named else ''}{named}"


def _around(line: str) -> str | None:
    return "" if _AROUND.fullmatch(line) else None


def _hook(line: str) -> str | None:
    match = _HOOK.fullmatch(line)
    return match["hook"].strip() if match else None


AROUND = Kind("what stands around passed tests", _around, lambda _: "")
"""Says nothing, and is folded only beside tests that passed: without them it may be a list of tests."""

STEPS = Kind("steps that went well", _step, _said_of_steps)
CALLS = Kind("compiler calls", _call, lambda items: f"compiled {', '.join(items)}")
KINDS = (
    Kind("passed tests", _passed, _said_of_tests),
    Kind("progress", _progress, lambda items: f"{len(items)} lines of progress"),
    CALLS,
    STEPS,
    Kind("passed checks", _hook, lambda items: f"passed or skipped: {', '.join(items)}"),
    AROUND,
)


def kind_of(line: str) -> tuple[Kind, str] | None:
    """The kind of a line and what it is about; None for a line that is to stay."""
    if len(line) > 400 or not line.strip() or is_important(line):
        return None
    bare = _STAMP.sub("", line, count=1) if line[:1] in "[12" else line
    for kind in KINDS:
        item = kind.item(bare)
        if item is not None:
            return kind, item
    return None


def folded(lines: Sequence[str]) -> Iterator[Stretch]:
    """The lines in stretches; a run of lines that went well as one line. Blank lines join a run."""

    def look(at: int) -> tuple[int, str, Sequence[str]]:
        end, found = _run(lines, at)
        if not found:
            return 1, "", ()
        kinds = _kinds(found)
        after = note("; ".join(kind.say([item for other, item in found if other is kind]) for kind in kinds))
        worth = len(found) >= FEWEST and saves("\n".join(lines[at:end]), after)
        return end - at, kinds[0].reason if worth else "", [after]

    return in_stretches(lines, look)


def _run(lines: Sequence[str], at: int) -> tuple[int, list[tuple[Kind, str]]]:
    """Where the run that begins at `at` ends, and what its lines are about."""
    found: list[tuple[Kind, str]] = []
    end = look = at
    while look < len(lines):
        here = kind_of(lines[look])
        if here is not None:
            found.append(here)
            end = look = look + 1
        elif found and not lines[look].strip() and look - end < 2:
            look += 1
        else:
            break
    if found and found[-1][0] in (STEPS, CALLS) and _is_error_next(lines, end):
        # What was being done when it went wrong
        found.pop()
        end -= 1
    return end, found if any(kind is not AROUND for kind, _ in found) else []


def _is_error_next(lines: Sequence[str], at: int) -> bool:
    return any(map(is_important, next(([line] for line in lines[at : at + 2] if line.strip()), [])))


def _kinds(found: Sequence[tuple[Kind, str]]) -> list[Kind]:
    """The kinds of a run that have something to say, that of most lines first."""
    return [kind for kind, _ in Counter(kind for kind, _ in found if kind is not AROUND).most_common()]
