"""Writes the generated parts of docs/configuration.md (from the settings tree) and docs/rules.md (from the catalogue).

    python scripts/render_docs.py           write them
    python scripts/render_docs.py --check   exit 1 when a file is not what would be written

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; the rest is written by hand.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optafly_cli.cli.lint_catalogue import kinds  # noqa: E402
from optafly_cli.config.schema import (  # noqa: E402 - the script runs from a checkout that is not installed
    CREDENTIALS,
    RESERVED,
    RESERVED_PREFIXES,
    USER_ONLY,
    USER_ONLY_SECTIONS,
    Setting,
    all_settings,
    sections,
    user_only,
    wanted,
    written,
)
from optafly_cli.refine.rules import CATALOGUE  # noqa: E402

PAGES = (ROOT / "docs" / "configuration.md", ROOT / "docs" / "rules.md")
_PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    """Renders, or checks; the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = 0
    for page in PAGES:
        old = page.read_text("utf-8")
        new = rendered(old)
        if not arguments:
            page.write_text(new, "utf-8")
        elif new != old:
            print(f"{page.relative_to(ROOT)} is out of date: run python scripts/render_docs.py", file=sys.stderr)
            stale = 1
    return stale


def rendered(page: str) -> str:
    """The page with every generated part made anew."""
    return _PART.sub(lambda part: f"{part[1]}{_PARTS[part[2]]()}{part[3]}", page)


def _settings() -> str:
    known = all_settings().values()
    parts = []
    for section, made in sections().items():
        meaning = (made.__doc__ or "").splitlines()[0].partition(": ")[2]
        rows = [_row(setting) for setting in known if setting.section == section]
        table = _table(("key", "default", "values", "meaning"), rows)
        parts.append(f"### `[{section}]`: {meaning}\n\n{table}\n")
    return "\n" + "\n".join(parts) + "\n"


def _row(setting: Setting) -> tuple[str, str, str, str]:
    default = f"`{written(setting.default)}`" if setting.default not in ("", ()) else "empty"
    note = " User only." if user_only(setting.section, setting.key) else ""
    note += " Not in force yet." if setting.rule.pending else ""
    return f"`{setting.key}`", default, wanted(setting), setting.rule.meaning + note


def _user_only() -> str:
    rows = [(f"`{name}`", why) for name, why in USER_ONLY.items()]
    rows += [(f"everything in `[{section}]`", why) for section, why in USER_ONLY_SECTIONS.items()]
    rows.append(
        (
            f"in `[provider]`: {', '.join(f'`{name}`' for name in sorted(CREDENTIALS))}",
            "a key belongs in no project file",
        )
    )
    return "\n" + _table(("key", "why"), rows) + "\n"


def _reserved() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in RESERVED.items()]
    rows += [(f"`{prefix}*`", "For the tests.") for prefix in RESERVED_PREFIXES]
    return "\n" + _table(("variable", "meaning"), rows) + "\n"


def _rules() -> str:
    rows = [(f"[{one.id}](#{one.id.lower()})", one.severity, one.title, kinds(one)) for one in CATALOGUE]
    parts = ["\n", _table(("rule", "severity", "title", "looked for in"), rows)]
    for one in CATALOGUE:
        parts.append(f'\n<a id="{one.id.lower()}"></a>\n\n### {one.id}: {one.title}\n\n{one.explanation}\n')
        parts += [
            f"\n{label}:\n\n````text\n{text}\n````\n" for label, text in (("Bad", one.bad), ("Better", one.better))
        ]
    return "".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


_PARTS: Mapping[str, Callable[[], str]] = {
    "settings": _settings,
    "user-only": _user_only,
    "reserved": _reserved,
    "rules": _rules,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
