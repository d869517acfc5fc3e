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

_VERB = (
    r"(?=(?:fix|explain|review|refactor|describe|summari[sz]e|document|debug|help|show|tell|give|clean|simplify"
    r"|optimi[sz]e|improve|implement|write|rewrite|generate|create|check|find|add|walk|please|kindly)\b"
    r"|(?:split|extract|rename|remove|delete|convert|replace|move|update|change|make|translate|port|merge)"
    r"\s+(?:this|these|my)\b)"
)
"""What "can you" may stand before without asking whether one can ("can you call this from a thread?")."""
_OPENERS = re.compile(
    rf"""(?ix) \s* (?:
        (?:hi|hello|hey) (?:\s+(?:there|all|everyone|team|folks|guys))? \s* [,!.]+
      | (?:hi|hello|hey) \s+ (?=(?:please|pls|plz|can|could|would|will)\b)
      | (?:ok|okay|well|so|right|um|uh|er|erm|hmm) (?: \s* ,
          | (?=\s+(?:ok|okay|well|so|um|uh|er|how|what|why|where|when|who|can|could|please)\b) )
      | (?:sorry \s+ to \s+ bother \s+ you | (?:sorry \s*,?\s*)? (?:silly|quick|stupid|dumb) \s+ (?:question|one)
          | just \s+ (?:wondering|curious)) \s* [,:;.–—-]+ (?:\s* but\b (?:\s*,)?)?
      | sorry \s+ to \s+ bother \s+ (?:you|u) (?:\s+ (?:with \s+ this|again))? \s* (?:,|but\b) \s* (?:but\b)?
      | (?:if \s+ (?:it['’]s|it \s+ is) \s+ not \s+ too \s+ much \s+ (?:trouble|bother|work)
          | if \s+ you \s+ (?:do \s+ not|don['’]?t) \s+ mind (?:\s+explaining)? ) \s* ,
      | (?: (?:can|could|would|will|might) \s+ (?:you|u) \s+ (?:please\s+|pls\s+|kindly\s+)? (?:tell \s+ (?:me|us) | let \s+ me \s+ know)
          | (?:do|would) \s+ (?:you|u) \s+ (?:happen \s+ to \s+)? know
          | (?:i|we) \s* (?:['’]d | \s+ would | \s+ just)? \s* (?:like|love|want|need) \s+ to \s+ (?:know|understand|find \s+ out)
          | (?:i|we) \s+ (?:just \s+)? (?:can['’]?t|cannot) \s+ (?:work|figure) \s+ out
          | (?:i['’]?m|i \s+ am|i \s+ was) \s+ (?:just \s+)? wondering
          | any (?:one|body)? \s+ (?:idea|clue|knows?)
        ) \s* (?:, \s* (?:if \s+ you \s+ (?:do \s+ not|don['’]?t) \s+ mind (?:\s+explaining)? \s* , \s*)?)? (?=(?:\s|(?<=,))\s*(?:how|why|what|when|where|who|which)\b)
      | (?P<asks>
            (?:please|pls|plz|kindly) \s* ,?
          | (?:can|could|would|will) \s+ (?:you|u) \s+ (?:please|pls|plz|kindly) \s* ,?
          | (?:can|could|would|will) \s+ (?:you|u) (?=\s+{_VERB})
          | (?:please\s+)? help \s+ (?:me|us) (?:\s+to)?
          | (?:i|we) (?:\s+(?:want|need|would\s+like) | ['’]d\s+like) \s+ you \s+ to (?:\s+please)?
          | (?:could|can|may) \s+ (?:i|we) \s+ (?:please \s+)? ask \s+ you \s+ (?:a \s+ favou?r \s+ and \s+)? to
          | would \s+ you \s+ be \s+ so \s+ (?:kind|good) \s+ (?:as \s+)? (?:and|to)
        )
    ) \s+ (?=\S)"""
)
_CLOSERS = re.compile(
    r"""(?ix) (?:
        \s* [,.!?;] \s* (?: if \s+ (?:it['’]s|it \s+ is) \s+ not \s+ too \s+ much \s+ (?:trouble|bother|work) | if \s+ you \s+ (?:do \s+ not|don['’]?t) \s+ mind
              | any \s+ (?:idea|ideas|clue|chance \s+ you \s+ could \s+ (?:tell|help) \s+ me (?:\s+ (?:why|how))?) ) \s* [.!?]*
      | \s* [,.!?;] \s* (?: thanks | thank \s+ you | thx | ty | cheers | (?:it['’]s \s+)? much \s+ appreciated )
            (?:\s+(?:a\s+lot|so\s+much|very\s+much|in\s+advance))? \s* [.!]*
      | (?: \s* , \s* | (?<!\b[aA]) (?<!\bthe) (?<!\bas) (?<!\bof) (?<!\bto) (?<!\bwith) (?<!\bsay) (?<!\bprint) \s+ )
            (?:please|pls|plz) \s* [.!]* (?P<question>\??)
    ) \s* $"""
)
_LONGEST = 2_000
_CLOSERS_OF_A_REQUEST = re.compile(r"(?:\s+for\s+(?:me|us)(?=\s*[?.!]*\s*$)|\s*\?+)\s*$", re.IGNORECASE)


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


def core_of(instruction: str) -> str:
    """The instruction without what courtesy put in front and behind: please, can you, help me to, thanks.

    What is left is never empty, and taking it twice changes nothing. A text of over 2,000 characters stays as it is.
    """
    text, asks = instruction.strip(), False
    while len(text) <= _LONGEST:
        shorter = text
        if opened := _OPENERS.match(shorter):
            asks = asks or opened["asks"] is not None
            shorter = shorter[opened.end() :]
        elif closed := _CLOSERS.search(shorter):
            shorter = shorter[: closed.start()] + (closed["question"] or "")
        elif asks:
            shorter = _CLOSERS_OF_A_REQUEST.sub("", shorter, count=1)
        shorter = shorter.strip()
        if shorter == text or not re.search(r"\w", shorter):
            break
        text = shorter
    return text


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
