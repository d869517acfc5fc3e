"""A prompt as the cache reads it: instruction, pasted code, and the form that the exact tier compares. Pure.

A fence opens with three or more backticks or tildes on a line of their own (an info string may follow) and runs
to the line that closes it, or to the end of the prompt.
"""

import re
from dataclasses import dataclass
from unicodedata import normalize

_OPEN = re.compile(r"[ \t]*(?P<mark>`{3,}(?=[^`]*$)|~{3,})")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of whole lines of a prompt, without its last line end: inside a code fence or outside of all."""

    text: str
    fenced: bool


def stretches(prompt: str) -> tuple[Stretch, ...]:
    """The prompt, trimmed, as stretches in order. Joined by line ends they give it back."""
    found: list[Stretch] = []
    lines: list[str] = []
    mark = ""

    def finish(*, fenced: bool) -> None:
        if lines:
            found.append(Stretch("\n".join(lines), fenced))
            lines.clear()

    for line in prompt.strip().split("\n"):
        if mark:
            lines.append(line)
            if _closes(line, mark):
                finish(fenced=True)
                mark = ""
        elif opened := _OPEN.match(line):
            finish(fenced=False)
            lines.append(line)
            mark = opened["mark"]
        else:
            lines.append(line)
    finish(fenced=bool(mark))
    return tuple(found)


def exact_form(prompt: str) -> str:
    """NFC, trimmed, white space collapsed to one space outside code fences; case kept, fences byte for byte.

    Applying it twice changes nothing, and two prompts share it only if they differ in nothing else.
    """
    parts = (part.text if part.fenced else _collapse(part.text) for part in stretches(prompt))
    return "\n".join(part for part in parts if part)


def instruction_of(prompt: str) -> str:
    """The prompt without pasted code, in one line; when nothing but code remains, its exact form.

    Lone surrogates become question marks, so that it can be embedded and stored.
    """
    prose = " ".join(filter(None, (_collapse(part.text) for part in stretches(prompt) if not part.fenced)))
    return storable(prose or exact_form(prompt))


def pasted_code(prompt: str) -> tuple[str, ...]:
    """The code fences of the prompt, byte for byte, in order."""
    return tuple(part.text for part in stretches(prompt) if part.fenced)


def storable(text: str) -> str:
    """The text with question marks for lone surrogates: what UTF-8, and so SQLite, can hold."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def _collapse(text: str) -> str:
    return " ".join(normalize("NFC", text).split())


def _closes(line: str, mark: str) -> bool:
    run = line.strip()
    return len(run) >= len(mark) and not run.strip(mark[0])
