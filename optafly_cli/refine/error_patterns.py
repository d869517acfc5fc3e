"""How the lines of error texts look, for `errors_in_text`. No pattern repeats a repetition, so none is slow."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

ErrorKind = Literal["python", "rust", "javascript", "java", "go", "csharp", "compiler", "log"]

_NAME = r"(?:[A-Za-z_$][\w$]{0,80}\.){0,12}[A-Z]\w{0,80}(?:Error|Exception|Interrupt|Exit|Warning|Fault|Iteration)"
_PATH = r"(?P<path>(?:[A-Za-z]:)?[^\s:()'\",]{1,400}"

ANY = re.compile(
    r"[Ee]rror|Exception|panic|Traceback|FAILED|ERR!|fault|FATAL|fatal|\.go:\d|\.py:\d|\n\s{1,40}at |-->|File \""
)
"""What a text without any error does not hold."""

HINT = re.compile(
    r"[Ee]rror|Exception|Interrupt|Exit|Warning|Fault|Iteration|exception|panic|Traceback|FAILED|ERR|FATAL|fatal|"
    r"\.go:\d|\.py:\d|\bat |-->|File \"|Caused by: |Segmentation fault|: \*\*\* "
)
"""What a line that begins an error, or is a frame, cannot do without."""

MARK = re.compile(r"^[A-Z]{4,20}> ?")
"""What a tool writes before each line of an error of its own: pytest's "INTERNALERROR> "."""

HINT_WORDS = (
    "rror", "xception", "Interrupt", "Exit", "Warning", "Fault", "Iteration", "panic", "Traceback", "FAILED", "ERR",
    "FATAL", "fatal", ".go:", ".py:", "at ", "-->", 'File "', "Caused by: ", "Segmentation fault", ": *** ",
)  # fmt: skip
"""Of which a line with a hint has one: to look for words is quicker than to look for the expression."""

LEAD = re.compile(r"^[ \t>|*;]*(?:(?://+|#+|--(?!>))[ \t!]*)?(?:E {2,20})?")
"""Indentation, comment marks, quote marks and pytest's margin, which errors are looked for behind."""

TRACEBACK = "Traceback (most recent call last)"

EXCEPTION = re.compile(rf"{_NAME}(?::.*)?$")
"""The last line of a Python traceback."""

NAMED = re.compile(
    r"\b[A-Z][A-Za-z]{2,60}(?:Error|Exception)\b(?:: [^\n]{1,160})?"
    r"|\b(?:NullPointerException|segfaults?|SIGSEGV|stack overflow|HTTP [45]\d\d|error code \d+|"
    r"exit(?:ed with)? (?:code|status) [1-9]\d*)\b"
)
"""An error that a sentence names."""


@cache
def heads() -> Sequence[tuple[ErrorKind, re.Pattern[str]]]:
    """Lines that begin an error. A group `path` with `line` is a frame; a group `message` is less than the line."""
    panic = r"thread '[^'\n]{0,200}'(?: \(\d+\))? panicked at "
    table: tuple[tuple[ErrorKind, str], ...] = (
        ("rust", rf"{panic}(?:'.{{0,400}}', )?(?P<path>[^\s:',]{{1,400}}\.rs):(?P<line>\d{{1,7}})"),
        ("rust", rf"{panic}."),
        (
            "compiler",
            rf"{_PATH}\.\w{{1,8}}):(?P<line>\d{{1,7}})(?::\d+)?: (?:fatal |internal )?(?P<message>[Ee]rror\b.*)",
        ),
        ("compiler", rf"{_PATH}\.\w{{1,8}})\((?P<line>\d{{1,7}}),\d+\): (?P<message>[Ee]rror\b.*)"),
        ("compiler", rf"{_PATH}\.go):(?P<line>\d{{1,7}}):\d+: (?P<message>\w.*)"),
        ("rust", r"error(?:\[E\d{4}\])?: ."),
        ("java", r"(?:Exception in thread |Caused by: )."),
        ("go", r"(?:panic: |fatal error: all goroutines)"),
        ("csharp", r"Unhandled exception"),
        ("java", rf"(?=[a-z]\w*\.\w+\.\w){_NAME}: ."),
        ("javascript", rf"(?:Uncaught )?{_NAME}: ."),
        ("log", r"Segmentation fault|npm ERR! |make(?:\[\d+\])?: \*\*\* |FATAL[: ]|FAILED |fatal: |ERROR[: ] ?\S"),
    )
    return tuple((kind, re.compile(pattern)) for kind, pattern in table)


@cache
def frames() -> Sequence[tuple[ErrorKind, re.Pattern[str]]]:
    """Lines of a stack: a path, a line, perhaps a function."""
    table: tuple[tuple[ErrorKind, str], ...] = (
        ("python", r'File "(?P<path>[^"\n]{1,400})", line (?P<line>\d{1,7})(?:, in (?P<function>.+))?'),
        ("rust", r"--> (?P<path>[^\s:]{1,400}):(?P<line>\d{1,7}):\d+"),
        (
            "java",
            r"at (?P<function>[\w.$<>/]{1,300})\((?P<path>[\w$]{1,100}\.(?:java|kt|scala|groovy)):(?P<line>\d{1,7})\)",
        ),
        ("csharp", r"at (?P<function>[^\n]{1,300}?\)) in (?P<path>[^\n]{1,400}?):line (?P<line>\d{1,7})"),
        (
            "javascript",
            r"at (?:async )?(?:(?P<function>[^\s(][^(\n]{0,200}?) \()?"
            r"(?P<path>(?:file://|webpack:///)?(?:[A-Za-z]:)?[^\s():]{1,400}):(?P<line>\d{1,7}):\d+\)?$",
        ),
        ("go", r"(?P<path>[^\s:]{1,400}\.go):(?P<line>\d{1,7})(?: \+0x[0-9a-f]+)?$"),
        (
            "python",
            r"(?P<path>[^\s:]{1,400}\.py):(?P<line>\d{1,7}):"
            r"(?: (?:in (?P<function>\S{1,200})|\w{0,80}(?:Error|Exception|Warning)))?$",
        ),
    )
    return tuple((kind, re.compile(pattern)) for kind, pattern in table)


@cache
def begins() -> re.Pattern[str]:
    """A line that any of `heads` and `frames` matches, or a traceback: one look at most lines instead of twenty."""
    patterns = (pattern.pattern for _, pattern in (*heads(), *frames()))
    return re.compile("|".join((re.escape(TRACEBACK), *(re.sub(r"\(\?P<\w+>", "(?:", one) for one in patterns))))


@cache
def more() -> dict[ErrorKind, re.Pattern[str]]:
    """Lines that add to an error that has begun: notes, quoted source, calls. Matched behind `LEAD`, but for Python."""
    other = re.compile(r"\.\.\. |at |\^|~")
    return {
        "python": re.compile(r"  |\t|During handling of|The above exception"),
        "rust": re.compile(r"note:|help:|= |\.\.\.|stack backtrace:|\d{1,5} *\||\d{1,3}: "),
        "go": re.compile(r"goroutine |created by |exit status|[\w./*()\[\]-]{1,300}\("),
        "javascript": other,
        "java": other,
        "csharp": other,
        "compiler": re.compile(r"\d{1,5} *\||\^|~|note:"),
        "log": other,
    }
