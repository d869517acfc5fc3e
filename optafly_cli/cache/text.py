"""A prompt as the cache reads it: instruction, pasted code, and the form that the exact tier compares. Pure.

A fence opens with three or more backticks or tildes where a line begins, after a list marker or a quote mark, or
(a single info word may follow) after text on a line that is not the last. It runs to the line that closes it, or to
the end of the prompt. Outside of fences a block of lines of which one is indented is read as code pasted without
a fence: its lines and their indentation count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import normalize

_OPEN = re.compile(r"(?P<lead>[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*)*)(?P<mark>`{3,}(?=[^`]*$)|~{3,})")
_OPEN_AFTER_TEXT = re.compile(r"(?P<lead>.*?[^`~\w])(?P<mark>`{3,}|~{3,})[ \t]*[\w+#.-]*\s*$")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of a prompt without its last line end: inside a code fence or outside of all.

    `glued`: it begins on the line on which the stretch before it ends (a fence that opens after text).
    """

    text: str
    fenced: bool
    glued: bool = False


def stretches(prompt: str) -> tuple[Stretch, ...]:
    """The prompt, trimmed, as stretches in order. Joined by line ends, but for the glued ones, they give it back."""
    found: list[Stretch] = []
    held: list[str] = []
    mark, quoted, glued = "", False, False

    def finish(*, fenced: bool) -> None:
        nonlocal glued
        if held:
            found.append(Stretch("\n".join(held), fenced, glued))
            held.clear()
        glued = False

    lines = prompt.strip().split("\n")
    for at, line in enumerate(lines):
        if mark:
            held.append(line)
            if _closes(line, mark, quoted=quoted):
                finish(fenced=True)
                mark = ""
        elif opened := _OPEN.match(line):
            finish(fenced=False)
            held.append(line)
            mark, quoted = opened["mark"], ">" in opened["lead"]
        elif at < len(lines) - 1 and (opened := _OPEN_AFTER_TEXT.fullmatch(line)):
            held.append(opened["lead"])
            finish(fenced=False)
            held.append(line[opened.start("mark") :])
            mark, quoted, glued = opened["mark"], False, True
        else:
            held.append(line)
    finish(fenced=bool(mark))
    return tuple(found)


def exact_form(prompt: str) -> str:
    """NFC, trimmed, white space outside code collapsed to one space; case kept, fences byte for byte.

    A block with indented lines keeps its lines and their indentation. Applying it twice changes nothing, and two
    prompts share it only if they differ in nothing else.
    """
    form = ""
    for part in stretches(prompt):
        text = part.text if part.fenced else "\n\n".join(text for text, _ in _blocks(part.text))
        if text:
            form += (" " if part.glued else "\n") + text if form else text
    return form


def instruction_of(prompt: str) -> str:
    """The prompt without fenced code, in one line; when nothing but code remains, its exact form.

    Lone surrogates become question marks, so that it can be embedded and stored.
    """
    prose = " ".join(filter(None, (_collapse(part.text) for part in stretches(prompt) if not part.fenced)))
    return storable(prose or exact_form(prompt))


def pasted_code(prompt: str) -> tuple[str, ...]:
    """The code of the prompt in order: fences byte for byte, blocks with indented lines in their exact form."""
    found: list[str] = []
    for part in stretches(prompt):
        found += [part.text] if part.fenced else [text for text, indented in _blocks(part.text) if indented]
    return tuple(found)


def storable(text: str) -> str:
    """The text with question marks for lone surrogates: what UTF-8, and so SQLite, can hold."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """The blocks between blank lines in their exact form, and whether a line is indented; plain neighbours are one."""
    plain: list[str] = []
    for block in re.split(r"\n\s*\n", normalize("NFC", text)):
        lines = [line for line in block.split("\n") if line.strip()]
        if any(line[0].isspace() for line in lines):
            if plain:
                yield " ".join(plain), False
            plain = []
            yield "\n".join(_indentation(line) + " ".join(line.split()) for line in lines), True
        elif lines:
            plain.append(_collapse(block))
    if plain:
        yield " ".join(plain), False


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _collapse(text: str) -> str:
    return " ".join(normalize("NFC", text).split())


def _closes(line: str, mark: str, *, quoted: bool) -> bool:
    run = line.lstrip("> \t").rstrip() if quoted else line.strip()
    return len(run) >= len(mark) and not run.strip(mark[0])
