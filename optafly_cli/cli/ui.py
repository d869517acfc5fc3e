"""What a command may say: the result on stdout; status, notes and warnings on stderr, styled on a terminal only."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO

from optafly_cli.errors import Interrupted
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from optafly_cli.config.settings import ServiceSettings

ColorChoice = Literal["auto", "always", "never"]
_STYLES = {"error": "1;31", "warning": "33", "dim": "2", "good": "32", "bold": "1"}


class Ui:
    """One command's streams and manners. `json` is set by the command that was asked for `--json`.

    `service` is what the settings, once they are loaded, say about the service; `served`: it runs this command.
    """

    def __init__(self) -> None:
        self.json = False
        self.color: ColorChoice = "auto"
        self.verbosity = 0
        self.argv: tuple[str, ...] = ()
        self.served = False
        self.warned = False
        self.unwritten: str | None = None
        self.service: ServiceSettings | None = None
        self._stdout_gone = False

    @property
    def interactive(self) -> bool:
        """Somebody can be asked: input, output and messages are all on a terminal, and the result is for a person."""
        return not self.json and all(_is_terminal(stream) for stream in (sys.stdin, sys.stdout, sys.stderr))

    @property
    def is_plain(self) -> bool:
        """Nothing was warned of, and nothing was asked for about how it is said."""
        return not self.warned and self.verbosity == 0 and self.color == "auto"

    def colored(self, stream: TextIO) -> bool:
        """Whether styles belong on the stream: `--color`, then NO_COLOR, FORCE_COLOR, TERM=dumb, a terminal."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return os.environ.get("TERM") != "dumb" and _is_terminal(stream)

    def style(self, text: str, style: str, stream: TextIO | None = None) -> str:
        """The text, styled when the stream (stderr unless given) shows styles."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colored(stream or sys.stderr) else text

    def write(self, text: str, *, flush: bool = False) -> None:
        """Put a part of the result on stdout; on a terminal without control characters.

        A reader that went away (`| head`) is no reason to stop: what is being paid for is still received and stored.
        """
        self._put(printable(text) if _is_terminal(sys.stdout) else text, flush=flush)

    def _put(self, text: str, *, flush: bool = False) -> None:
        if self._stdout_gone:
            return
        try:
            sys.stdout.write(text)
            if flush:
                sys.stdout.flush()
        except BrokenPipeError:
            self.lose_stdout()
        except OSError as error:
            self.lose_stdout(error.strerror)

    @property
    def stdout_gone(self) -> bool:
        """Nobody reads the result any more, or it cannot be written."""
        return self._stdout_gone

    def lose_stdout(self, why: str | None = None) -> None:
        """Write nothing more to stdout. `why` is for a failure that the user must hear of at the end (a full disk)."""
        self.unwritten = self.unwritten or why
        self._stdout_gone = True
        _silence_stdout()

    def line(self, text: str = "") -> None:
        """Put one line of the result on stdout."""
        self.write(text + "\n")

    def styled_line(self, *parts: tuple[str, str | None]) -> None:
        """Put one line of the result on stdout, made of texts and their styles (None: plain)."""
        shown = [(printable(text), style) for text, style in parts]
        self._put("".join(self.style(text, style, sys.stdout) if style else text for text, style in shown) + "\n")

    def styled_note(self, *parts: tuple[str, str | None]) -> None:
        """Put one line on stderr, made of texts and their styles; for what was asked for, so -q does not silence it."""
        shown = [(printable(text), style) for text, style in parts]
        with suppress(OSError):
            sys.stderr.write("".join(self.style(text, style) if style else text for text, style in shown) + "\n")
            sys.stderr.flush()

    def document(self, schema: str, content: dict[str, Any]) -> None:
        """Print the one JSON document of `--json`."""
        import json

        plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        self.write(json.dumps({"schema": f"optafly.{schema}/1", **content}, ensure_ascii=plain, indent=2) + "\n")

    def note(self, text: str) -> None:
        """Tell something that is good to know; silent with -q."""
        if self.verbosity >= 0:
            self._say(text, "dim")

    def detail(self, text: str) -> None:
        """Tell something that only -v asks for."""
        if self.verbosity > 0:
            self._say(text, "dim")

    def warn(self, text: str) -> None:
        """Say what is not as the user would expect; -q does not silence it."""
        self.warned = True
        self._say(text, None, self.style("warning:", "warning") + " ", len("warning: "))

    def error(self, text: str, remedy: str | None = None) -> None:
        """Say what went wrong, and on a second line what to do."""
        self._say(text, None, self.style("error:", "error") + " ", len("error: "))
        if remedy:
            self._say("  " + remedy)

    def console(self, *, stderr: bool = False) -> "Console":
        """A rich console with the same manners: at most the terminal's width, 80 columns in a pipe."""
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        colored = self.colored(stream)
        return Console(
            file=stream,
            force_terminal=colored or None,
            no_color=not colored,
            width=None if _is_terminal(stream) else 80,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def spinner(self, text: str) -> "Spinner":
        """A spinner for stderr, not started yet; it shows nothing but on a terminal."""
        shown = self.verbosity >= 0 and _is_terminal(sys.stderr) and self.colored(sys.stderr)
        return Spinner(self.console(stderr=True).status(text) if shown else None)

    @contextmanager
    def progress(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar on stderr while the block runs, moved on by the function that it is given; only on a terminal."""
        if self.json or self.verbosity < 0 or not _is_terminal(sys.stderr):
            yield lambda _: None
            return
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console(stderr=True), transient=True) as bar:
            task = bar.add_task(text, total=total)
            yield lambda steps: bar.advance(task, steps)

    def asked(self, question: str) -> str:
        """What the user types to a question on stderr; only where `interactive`.

        Raises:
            Interrupted: Ctrl-C, or the input was closed.
        """
        sys.stderr.write(question)
        sys.stderr.flush()
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        if not line:
            sys.stderr.write("\n")
            raise Interrupted("interrupted")
        return line.strip()

    def interrupted(self, text: str = "interrupted") -> None:
        """Say that the user ended it."""
        self._say(text)

    def _say(self, text: str, style: str | None = None, lead: str = "", lead_width: int = 0) -> None:
        """Write to stderr; on a terminal lines break between words, and what follows is indented by two.

        `lead` is styled already and goes first; `lead_width` is what it takes on the screen.
        """
        text = printable(text)
        lines = [text]
        if _is_terminal(sys.stderr):
            import shutil
            import textwrap

            body = text.lstrip(" ")
            own = len(text) - len(body)
            wrapper = textwrap.TextWrapper(
                max(shutil.get_terminal_size().columns, 20),
                initial_indent=" " * (lead_width + own),
                subsequent_indent=" " * (own + 2),
                break_on_hyphens=False,
                replace_whitespace=False,
            )
            lines = wrapper.wrap(body) or [""]
            lines[0] = lines[0][lead_width:]
        shown = "\n".join(self.style(line, style) if style else line for line in lines)
        try:
            sys.stderr.write(lead + shown + "\n")
            sys.stderr.flush()
        except (BrokenPipeError, OSError):
            pass


class Spinner:
    """Something is being waited for. It can be started and stopped any number of times."""

    def __init__(self, status: "Status | None") -> None:
        self._status = status

    def start(self) -> None:
        """Show it."""
        if self._status is not None:
            self._status.start()

    def stop(self) -> None:
        """Take it off the screen; the cursor is back."""
        if self._status is not None:
            self._status.stop()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit has nothing to complain of."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
