"""optafly cache export and import: the entries as lines of JSON."""

import os
import sys
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples
from optafly_cli.cli.cache_base import app, open_maintenance
from optafly_cli.cli.cache_output import imported_sentence
from optafly_cli.cli.ui import Ui
from optafly_cli.durable import replacing
from optafly_cli.errors import UsageError
from optafly_cli.wording import counted, entries

_SHOWN = 20
_GZIP = b"\x1f\x8b"


@app.command(
    cls=StageCommand, epilog=examples("optafly cache export answers.jsonl", "optafly cache export | gzip > answers.gz")
)
def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Where to; - is a pipe.")] = "-",
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    salvage: Annotated[bool, typer.Option("--salvage", help="Of a damaged store, what can be read.")] = False,
    json: opt.Json = False,
) -> int:
    """Write every entry as one line of JSON.

    Prompts, answers and what they depend on are in it: keep the file to yourself.
    """
    ui: Ui = ctx.obj
    if json and file == "-":
        raise UsageError("--json prints a summary", remedy="give a FILE for the entries")
    if file != "-" and not force and Path(file).is_file():
        raise UsageError(f"{file} is there already", remedy="give another name, or --force to replace it")
    if file == "-" and ui.interactive:
        raise UsageError("entries are no reading for people", remedy="give a FILE, or a pipe; or optafly cache list")
    left_out: list[int] = []

    def skipped(number: int, why: str) -> None:
        left_out.append(number)
        ui.warn(f"entry {number} is left out: {why}")

    with open_maintenance(ui) as store, ui.progress("exporting", None if salvage else store.count()) as advance:
        lines = _counted((store.salvaged if salvage else store.lines)(skipped), advance)
        written = _print(ui, lines) if file == "-" else _write(Path(file), lines)
    if json:
        ui.document("cache.export", {"file": file, "entries": written, "left_out": left_out})
    elif not ui.stdout_gone:
        ui.note(f"exported {entries(written)}")
    return 0


@app.command(
    "import",
    cls=StageCommand,
    epilog=examples("optafly cache import answers.jsonl", "gunzip -c answers.gz | optafly cache import -"),
)
def import_entries(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="What `optafly cache export` wrote.")],
    json: opt.Json = False,
) -> int:
    """Add exported entries; those that are there already stay.

    A line that is no entry is refused with its number, and the others are kept:
    exit code 1. Broken off, it can be run again and goes on.
    """
    from dataclasses import asdict

    from optafly_cli.cache.transfer import Imported

    ui: Ui = ctx.obj
    refused: list[dict[str, object]] = []

    def refuse(number: int, why: str) -> None:
        refused.append({"line": number, "message": why})
        if len(refused) <= _SHOWN:
            ui.warn(f"line {number}: {why}")

    with _opened(file) as source, open_maintenance(ui) as store, ui.progress("importing", _size(source)) as advance:
        _not_compressed(file, source)
        total = store.add(_numbered(source, advance), refuse=refuse)
    if json:
        ui.document("cache.import", {**asdict(total), "refusals": refused})
    else:
        if len(refused) > _SHOWN:
            more = counted(len(refused) - _SHOWN, "more line was", "more lines were")
            ui.warn(f"{more} refused (--json lists all)")
        ui.note(imported_sentence(total))
        if total == Imported():
            ui.warn(f"there was nothing in {'stdin' if file == '-' else file}")
    return 1 if refused else 0


def _counted(lines: Iterator[str], advance: Callable[[int], None]) -> Iterator[str]:
    for line in lines:
        yield line
        advance(1)


def _print(ui: Ui, lines: Iterator[str]) -> int:
    """Write to stdout as long as somebody reads; the number of lines."""
    count = 0
    for line in lines:
        ui.write(line + "\n")
        if ui.stdout_gone:
            break
        count += 1
    ui.write("", flush=True)
    return count


def _write(path: Path, lines: Iterator[str]) -> int:
    """Write aside and rename, for the user's eyes only; the number of lines.

    Raises:
        StoreError: there is no room for it.
        UsageError: the file cannot be written.
    """
    from optafly_cli.cache.failures import is_full, no_room

    count = 0
    try:
        with replacing(path) as target:
            for line in lines:
                target.write(f"{line}\n".encode())
                count += 1
    except OSError as error:
        if is_full(error):
            raise no_room(str(path), "written") from error
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", remedy="give a file in a folder of yours"
        ) from error
    return count


def _opened(file: str) -> BufferedReader:
    """The file, or stdin. Raises UsageError: it cannot be read."""
    if file == "-":
        if sys.stdin.isatty():
            raise UsageError("there is nothing on stdin", remedy="optafly cache import answers.jsonl")
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", remedy="give what cache export wrote") from error


def _not_compressed(file: str, source: BufferedReader) -> None:
    """Raises UsageError: it is a gzip file."""
    if source.peek(len(_GZIP))[: len(_GZIP)] == _GZIP:
        raise UsageError(f"{file} is compressed", remedy=f"gunzip -c {file} | optafly cache import -")


def _size(source: BinaryIO) -> int | None:
    """Its bytes, None for a pipe."""
    size = os.fstat(source.fileno()).st_size
    return size or None


def _numbered(source: BinaryIO, advance: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, from 1."""
    for number, line in enumerate(source, 1):
        yield number, line
        advance(len(line))
