"""What a unit of code is called ("fn parse_port"), from its first lines; no parser."""

import re
from collections.abc import Sequence
from functools import cache

from optafly_cli.workspace.types import LineRange

LONGEST_SEARCH = 40


def unit_name(lines: Sequence[str], unit: LineRange) -> str:
    """The keyword and the name that open the unit, or "" when its first lines have none."""
    for line in lines[unit.start - 1 : min(unit.end, unit.start - 1 + LONGEST_SEARCH)]:
        match = _opening().match(line[:300])
        if match:
            return f"{match['keyword']} {match['name']}"
    return ""


@cache
def _opening() -> re.Pattern[str]:
    modifiers = (
        r"(?:pub(?:\([^)]*\))?|export|default|async|unsafe|const|static|public|private|protected|internal|override|final|"
        r"abstract|extern(?: \"\w+\")?|virtual|sealed|partial|suspend|inline)"
    )
    keywords = r"(?P<keyword>fn|def|func|function|class|struct|enum|trait|impl|interface|module|record|object|fun|sub)"
    return re.compile(
        rf"\s*(?:{modifiers}\s+){{0,5}}{keywords}\s*\*?\s+(?:<[^>]{{0,80}}>\s*)?(?:\([^)]{{0,100}}\)\s+)?(?P<name>[A-Za-z_$][\w$]*)"
    )
