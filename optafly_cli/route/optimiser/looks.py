"""What a text looks like: the output of a tool, and its lines that must not be lost. Pure."""

import re

IMPORTANT = re.compile(
    r"error|exception|warn|fail|assert|panic|fatal|traceback|critical|abort|denied|refused|undefined|cannot|unable|invalid"
    r"|missing|unexpected|not found|not ok|deprecat|segfault|core dumped|killed|time[d ]*out|conflict|caused by|^E  ",
    re.IGNORECASE,
)
"""A line that matches is in the result, whatever else goes."""

_TIME = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d"
_LOGGED = re.compile(
    rf"^[\[(<]?(?:{_TIME})"
    r"|^\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b[\]:]?"
    r"|^(?:={4,}|-{4,}|_{4,}) .* (?:={4,}|-{4,}|_{4,})$|^(?:={10,}|-{10,}|_{10,})$"
    r"|^\s+File \"[^\"]+\", line \d+|^\s+at \S+.*[(:]\d+\)?|^\S+:\d+:(?:\d+:)? |^E  |^>  |^Traceback \("
    r"|^\s*(?:PASS|FAIL|ok|not ok|SKIP|PASSED|FAILED|SKIPPED|RUN)\b|\b(?:PASSED|FAILED|SKIPPED|XFAIL)\b"
    r"|\.\.\. (?:ok|FAILED)$"
    r"|^\s*(?:Collecting|Downloading|Downloaded|Using cached|Compiling|Checking|Building|Installing|Installed|Unpacking"
    r"|Setting up|Preparing|Selecting previously|Requirement already|Successfully|Finished|Running|Fetching|Fetched"
    r"|Resolving|Updating|Get:\d+|Hit:\d+|Processing|Attempting|Found existing|Uninstalling|Created|Stored in"
    r"|copying|creating|adding|reading|writing|running)\b"
    r"|^(?:npm|yarn|pnpm|warning|error|note|info|make|gmake|cc1|ld|gcc|g\+\+|clang|rustc|cargo|remote)\b[:\[ !]"
    r"|^\s*(?:CC|CXX|LD|AR)\s+\S+\.\w+$|^\[ *\d+(?:%|/\d+)\]|^\$ |^\+ |^--> |^\s+\| |^\s*\d+ \| |\d+%"
    r"|^ok \d+|^# Subtest: |^\s+duration_ms: "
    r"|^bash-?\S*\$|^\(Open file: |^\(Current directory: |^In file included from"
)
_FEWEST_LINES = 6
_SHARE = 0.3


def looks_like_output(lines: list[str]) -> bool:
    """Whether this is what a tool printed: enough of its lines have the shape of a log's."""
    said = [line for line in lines if line.strip()]
    if len(said) < _FEWEST_LINES:
        return False
    return sum(1 for line in said if _LOGGED.search(line[:400])) >= _SHARE * len(said)


def is_important(line: str) -> bool:
    """Whether the line speaks of something that went wrong, or may have."""
    return IMPORTANT.search(line) is not None
