"""Whether the names in the prompt are names of the workspace, and of one thing in it only.

Looks at inline code, and in prose at words that can only be names. Names that the prompt itself introduces or shows in
its own code are left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from optafly_cli.refine.mentions import MAX_MENTIONS, is_made, is_path
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules.base import PROMPTS, Rule, Spot, Subject
from optafly_cli.refine.rules.grounding import is_common, is_order, is_stand_in
from optafly_cli.workspace.symbols import Definition, Known

MOST_NAMES = 20
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Named:
    """A name in the prompt: its last part, what stands before it (`Config` in `Config::load`), and where it is.

    `begin`: where what is written, marks and owner included, begins. `marked`: as code, or by the `()` of a call.
    """

    name: str
    owner: str
    start: int
    end: int
    begin: int
    marked: bool


def missing_symbol(subject: Subject) -> Iterator[Spot]:
    """A name that stands nowhere in the workspace."""
    for named, known in _looked_up(subject):
        if known.occurs is not False:
            continue
        if not subject.files.has_code:
            return
        owner = _owner(subject, named)
        if owner is None:
            continue
        near = _near(subject, named.name)
        hint = f"; did you mean {near}?" if near else "."
        sure = near is not None and not is_stand_in(named.name)
        if subject.files.symbols.exhaustive:
            sure = sure or (owner and not is_stand_in(named.name)) or (named.marked and is_order(subject))
        message = f"{named.name} stands nowhere in the workspace{hint}"
        yield Spot(named.start, named.end, message, severity="error" if sure else "warning")


def ambiguous_symbol(subject: Subject) -> Iterator[Spot]:
    """A name that is defined in several files, and nothing says which one is meant."""
    for named, places in ambiguous(subject):
        shown = ", ".join(f"{one.label}:{one.line}" for one in places[:MOST_SHOWN])
        more = f" and {len(places) - MOST_SHOWN} more" if len(places) > MOST_SHOWN else ""
        yield Spot(named.start, named.end, f"{named.name} is defined in {len(places)} files: {shown}{more}.")


def ambiguous(subject: Subject) -> Iterator[tuple[Named, list[Definition]]]:
    """The names that mean several things, each with where it is defined, one place in a file."""
    if subject.named.files:
        return
    files = {subject.files.label(mention.path) for mention in subject.mentions}
    frames = {frame.path.rsplit("/", 1)[-1] for error in subject.view.errors for frame in error.frames}
    for named, known in _looked_up(subject):
        places = _apart(known.definitions)
        if len(places) < 2 or named.owner or any(one.label in files for one in known.definitions):
            continue
        if frames and any(one.label.rsplit("/", 1)[-1] in frames for one in known.definitions):
            continue
        yield named, places


def names_of(view: PromptText) -> Iterator[Named]:
    """The names that a prompt speaks of, each once, less those that it introduces or shows in code of its own."""
    shown = "\n".join(view.text[one.start : one.end] for one in view.of("fence", "error", "code"))
    seen: set[str] = set()
    for named in sorted((*_inline(view), *_in_prose(view)), key=lambda one: one.start):
        if named.name in seen or len(named.name) < 3 or is_common(named.name):
            continue
        seen.add(named.name)
        own = re.search(rf"(?<!\w){re.escape(named.name)}(?!\w)", shown) if named.name in shown else None
        if own is None and not is_made(view.text, named.begin):
            yield named


def _looked_up(subject: Subject) -> list[tuple[Named, Known]]:
    names = list(islice(names_of(subject.view), MOST_NAMES))
    # What is in the workspace is asked last: without git that is a walk through all of it
    if not names or not subject.files.has_code:
        return []
    known = subject.files.symbols.look_up([name for one in names for name in (one.name, *one.owner.split(".")) if name])
    return [(one, known[one.name]) for one in names]


def _owner(subject: Subject, named: Named) -> bool | None:
    """Whether what stands before the name is the workspace's own; False: nothing does; None: it is foreign."""
    if not named.owner:
        return False
    parts = [part for part in named.owner.split(".") if part not in ("self", "this", "cls", "Self", "crate")]
    known = subject.files.symbols.look_up(parts)
    own = any(known[part].definitions for part in parts) or any(
        subject.files.matches(f"{part}.{ending}") for part in parts[-1:] for ending in ("py", "rs", "ts", "js", "go")
    )
    return own if own or not parts else None


def _near(subject: Subject, name: str) -> str | None:
    """The one name of the workspace that is written nearly the same."""
    from difflib import get_close_matches

    close = get_close_matches(name, subject.files.symbols.alike(name), n=2, cutoff=0.85)
    return close[0] if len(close) == 1 or (close and close[0].lower() == name.lower()) else None


def _apart(definitions: Sequence[Definition]) -> list[Definition]:
    """The first definition in each file, tests left out; a header and its source are one."""
    found: dict[str, Definition] = {}
    for one in definitions:
        if not _patterns()["test"].search(one.label):
            found.setdefault(re.sub(r"\.(?:pyi?|[ch](?:pp|xx|c|h)?|d\.ts|[jt]s)$", "", one.label), one)
    return list(found.values())


def _inline(view: PromptText) -> Iterator[Named]:
    for region in view.of("inline")[:MAX_MENTIONS]:
        inside = view.text[region.start : region.end].strip("`")
        match = _patterns()["qualified"].fullmatch(inside)
        if match and not is_path(inside):
            start = region.start + view.text[region.start : region.end].index(inside)
            yield _named(match, start, region.start, marked=True)


def _in_prose(view: PromptText) -> Iterator[Named]:
    for match in islice(_patterns()["prose"].finditer(view.prose), MAX_MENTIONS):
        inner = _patterns()["qualified"].fullmatch(match["word"] or match["noun"] or match["before"])
        if inner:
            start = next(match.start(group) for group in ("word", "noun", "before") if match[group])
            yield _named(inner, start, start, marked=view.text.startswith("()", start + inner.end("name")))


def _named(match: re.Match[str], start: int, begin: int, *, marked: bool) -> Named:
    owner = ".".join(re.findall(r"[A-Za-z_$][\w$]*", match["owner"] or ""))
    return Named(match["name"], owner, start + match.start("name"), start + match.end("name"), begin, marked)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    part = r"[A-Za-z_$][\w$]{0,80}"
    things = (
        r"(?:function|method|class|struct|enum|trait|interface|type|macro|constant|variable|fixture|decorator|helper)"
    )
    # Possessive, so that a long word is read once
    humps = r"(?=\w{0,60}?[a-z]\d{0,3}[A-Z])[A-Za-z]\w{0,80}+"
    return {
        "qualified": re.compile(
            rf"(?P<owner>(?:{part}(?:\(\))?(?:\.|::|->|#)){{0,6}})(?P<name>[A-Za-z_$][\w$]{{1,80}})(?:\([^`]{{0,200}}\)|!)?"
        ),
        "prose": re.compile(
            rf"(?<![\w./\\@#$:<-])(?:(?P<word>(?:{part}(?:\.|::)){{0,5}}(?:[A-Za-z][A-Za-z\d]*_\w+|{part}(?=\(\))|(?<=::){part}))(?:\(\))?"
            rf"|(?P<noun>{humps})(?=\s{{1,3}}{things}\b)|(?<=function\s)(?P<before>{humps}))(?![\w/\\-]|\.\w|::)"
        ),
        "test": re.compile(
            r"(?:^|/)(?:tests?|testing|specs?|__tests__|docs?|examples?|benchmarks?)/|(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*_test\.\w+|[^/]*\.(?:test|spec)\.\w+)$"
        ),
    }


RULES = (
    Rule(
        "OPF017",
        "error",
        "name that the workspace does not have",
        "The prompt speaks of a function, class or variable that stands nowhere in the workspace: it is misspelt, or "
        "belongs to another project. An error only when that is certain (a name of the workspace is written nearly the "
        "same, its class or module is there, or the prompt orders something done with it), else a warning. Correct "
        "the name; when it is to be made, say so.",
        missing_symbol,
        bad="Why does `parse_prot` panic?",
        better="Why does `parse_port` panic?",
        kinds=PROMPTS,
    ),
    Rule(
        "OPF018",
        "warning",
        "name that means several things",
        "The name is defined in several files, and the model takes the first that it finds. Name the file, the class "
        "or the module as well.",
        ambiguous_symbol,
        bad="Make `load` close its file",
        better="Make `load` in app/settings.py close its file",
        kinds=PROMPTS,
    ),
)
