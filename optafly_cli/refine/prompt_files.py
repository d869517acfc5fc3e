"""Which files hold prompts, by their path alone."""

import re
from functools import cache
from typing import Literal

FileKind = Literal["prompt", "instructions", "code"]


def file_kind(label: str) -> FileKind | None:
    """What a file with that path is: a prompt, standing instructions, code that may hold prompts; None: none of them.

    `label` has forward slashes.
    """
    path = "/" + label.lower().lstrip("/")
    if _patterns()["instructions"].search(path):
        return "instructions"
    if _patterns()["prompt"].search(path):
        return "prompt"
    return "code" if _patterns()["code"].search(path) else None


def is_prompt_file(label: str) -> bool:
    """Whether the whole file is a prompt, or instructions."""
    return file_kind(label) in ("prompt", "instructions")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    # .pre-commit-hooks.yaml has the same endings; tests/cli/test_lint_hooks.py compares them
    return {
        "instructions": re.compile(r"/(?:claude(?:\.local)?|agents)\.md$|/\.github/copilot-instructions\.md$"),
        "prompt": re.compile(
            r"\.prompt(?:\.(?:md|txt))?$|/prompts/(?:[^\n]*/)?[^/\n.][^/\n]*\.(?:md|mdx|txt|j2|jinja|jinja2|tmpl)$"
        ),
        "code": re.compile(r"\.(?:pyi?|[cm]?[jt]sx?|go|rs|java|kts?|swift|cs|scala)$"),
    }
