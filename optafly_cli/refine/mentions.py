"""Paths, lines and identifiers that a prompt names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.workspace.types import LineRange

MAX_MENTIONS = 60
LONGEST_PATH = 300
_EXTENSIONS = frozenset((
    "c", "cc", "cfg", "clj", "conf", "cpp", "cs", "css", "csproj", "csv", "cxx", "dart", "ex", "exs", "go", "gradle",
    "graphql", "h", "hpp", "hs", "htm", "html", "ini", "ipynb", "java", "jl", "js", "json", "jsx", "kt", "kts",
    "less", "lock", "lua", "md", "mjs", "cjs", "ml", "php", "pl", "proto", "ps1", "py", "pyi", "pyx", "r", "rb", "rs",
    "rst", "sass", "scala", "scss", "sh", "sln", "sol", "sql", "svelte", "swift", "tf", "toml", "ts", "tsx", "txt",
    "vue", "xml", "yaml", "yml", "zig",
))  # fmt: skip
_BARE_NAMES = frozenset(("Makefile", "Dockerfile", "Gemfile", "Rakefile", "Jenkinsfile", "Procfile", "CMakeLists.txt"))
_PRODUCTS = re.compile(
    r"(?i)(?:node|vue|next|nuxt|express|react|three|d3|chart|ember|backbone|angular|discord|socket|p5|alpine|moment|"
    r"electron|deno|bun|solid|anime|paper|matter|babylon|require|knockout|handlebars|mustache|day|date-fns)\.(?:js|io|ts)"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A path that the prompt names, as typed; `start` and `end` are offsets in `PromptText.text`.

    `bare`: a file name without a folder. `made`: the prompt speaks of making that file.
    """

    path: str
    lines: LineRange | None
    start: int
    end: int
    bare: bool
    made: bool


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name in inline code (`parse_port`, `Config::load`, `app.run()`); `name` is its last part."""

    name: str
    start: int
    end: int
    made: bool


def path_mentions(view: PromptText) -> tuple[Mention, ...]:
    """The paths in prose, inline code and quotes; what stands in pasted code and traces is not meant."""
    found: list[Mention] = []
    for mention in _paths(view.without("fence", "error", "code")):
        found.append(mention)
        if len(found) >= MAX_MENTIONS:
            break
    return tuple(found)


def identifiers(view: PromptText) -> tuple[Identifier, ...]:
    """The identifiers in inline code, once per place."""
    found: list[Identifier] = []
    for region in view.of("inline")[:MAX_MENTIONS]:
        inside = view.text[region.start : region.end].strip("`")
        match = _patterns()["identifier"].fullmatch(inside)
        if match and not is_path(inside):
            start = region.start + view.text[region.start : region.end].index(inside)
            found.append(Identifier(match["name"], start, start + len(inside), is_made(view.text, region.start)))
    return tuple(found)


def is_made(text: str, start: int) -> bool:
    """Whether what stands before a name says that it is made, or used, rather than looked at."""
    return _patterns()["name_made"].search(text[max(0, start - 60) : start]) is not None


@cache
def symbols() -> re.Pattern[str]:
    """Words of prose that can only be names in code: parse_port, parsePort, ParsePort, parse(), a::b."""
    return re.compile(r"\b[A-Za-z]+_[A-Za-z_\d]+\b|\b[a-z]+[A-Z]\w+|\b[A-Z][a-z]+[A-Z]\w+|\b\w+\(\)|\b\w+(?:::\w+)+")


def is_path(token: str) -> bool:
    """Whether a word looks like the path of a source, text or configuration file."""
    name = token.rsplit("/", 1)[-1]
    if "://" in token or token.startswith(("www.", "~", "@")) or _PRODUCTS.fullmatch(token):
        return False
    stem, dot, extension = name.rpartition(".")
    if name in _BARE_NAMES:
        return True
    return bool(dot and stem and stem.strip(".") and extension.lower() in _EXTENSIONS and not stem.isdigit())


def _paths(text: str) -> Iterator[Mention]:
    for match in _patterns()["token"].finditer(text):
        token = match.group()
        if len(token) > LONGEST_PATH or ("." not in token and "file" not in token):
            continue
        parsed = _patterns()["place"].fullmatch(token.rstrip(".,:;!?"))
        if parsed is None or not is_path(parsed["path"]):
            continue
        path = parsed["path"]
        end = match.start() + len(path)
        before, after = text[max(0, match.start() - 80) : match.start()], text[end : end + 60]
        lines = _range(parsed["first"], parsed["last"]) or _lines_around(before, after)
        if parsed["first"]:
            end = match.start() + parsed.end()
        made = bool(_patterns()["file_made"].search(before))
        yield Mention(path.removeprefix("./"), lines, match.start(), end, "/" not in path, made)


def _lines_around(before: str, after: str) -> LineRange | None:
    """The lines in "line 12 of src/a.py" and "src/a.py, lines 3 to 9"."""
    match = _patterns()["lines_after"].match(after) or _patterns()["lines_before"].search(before)
    return _range(match["first"], match["last"]) if match else None


def _range(first: str | None, last: str | None) -> LineRange | None:
    if not first or int(first) < 1:
        return None
    start, end = int(first), int(last or first)
    return LineRange(start, end) if end >= start else LineRange(start, start)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    number = r"(?P<first>\d{1,7})(?:\s{0,2}(?:-|–|to|and|through)\s{0,2}(?P<last>\d{1,7}))?"
    return {
        "token": re.compile(r"[^\s`'\"“”‘’()<>\[\]{},;|=]{3,1000}|Makefile"),
        "place": re.compile(
            r"(?P<path>(?:[A-Za-z]:)?[^:#]+)(?:(?::|#L)(?P<first>\d{1,7})(?:-L?(?P<last>\d{1,7})|:\d{1,5})?)?"
        ),
        "lines_after": re.compile(rf"[`'\"”’)]?,?\s{{0,2}}\(?(?:(?:at|on|in|from)\s)?lines?\s{{1,2}}{number}", re.I),
        "lines_before": re.compile(rf"\blines?\s{{1,2}}{number}\s(?:of|in)\s(?:the\s)?(?:file\s)?[`'\"“‘(]?$", re.I),
        # "create src/new.rs", "save it to out.csv", "such as conf.py"; not "add a flag to src/cli.rs"
        "file_made": re.compile(
            r"\b(?:creat\w+|new|generat\w+|produc\w+|add|touch|call(?:ed|\s+it)|nam(?:ed|e\s+it)|e\.g\.|such as"
            r"|for example|"
            r"like)\b(?:(?!\b(?:to|in|into|from|of|for|at|on|by|with)\b)[^.!?\n]){0,60}$"
            r"|\b(?:renam|mov|copy|copi|sav|writ|export|output|dump|stor|emit|generat|convert|creat|call)\w*\b[^.!?\n]{0,60}"
            r"\b(?:to|into|as|in)\s(?:an?\s|the\s)?(?:new\s)?(?:file\s|module\s)?(?:called\s|named\s)?[`'\"“(]{0,2}$",
            re.I,
        ),
        "name_made": re.compile(
            r"\b(?:creat\w+|new|add\w*|introduc\w+|implement\w*|renam\w+[^.\n]{0,40}\bto|as|call(?:ed|\s+it)|"
            r"nam(?:ed|e\s+it)|into|writ\w+|defin\w+|instead of|replac\w+[^.\n]{0,40}\b(?:with|by)|using|use|via|with)"
            r"\s(?:an?\s|the\s)?[^.\n`]{0,30}$",
            re.I,
        ),
        "identifier": re.compile(r"(?:[A-Za-z_$][\w$]{0,80}(?:\.|::|->|#))*(?P<name>[A-Za-z_$][\w$]{1,80})(?:\(\)|!)?"),
    }
