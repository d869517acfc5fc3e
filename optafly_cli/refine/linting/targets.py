"""Which prompts are checked: files, folders, standard input, a JSONL, a commit message."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.refine.linting.directives import Directive, directives_in
from optafly_cli.refine.linting.excerpts import Excerpt, commit_message, in_code, plain, whole
from optafly_cli.refine.prompt_files import file_kind
from optafly_cli.workspace.ignore import listed_files
from optafly_cli.workspace.sources import read_source
from optafly_cli.workspace.types import SourceText, Workspace

_JSONL = 'each line is an object: {"id": "1", "prompt": "fix this bug"}'


@dataclass(frozen=True, slots=True)
class Target:
    """One text with prompts in it. `key` is path or id, as `is_path` says; `path` is where a fix would be written.

    `text` is the whole file, which findings are placed in; `excerpts` are its prompts. `label`: the path relative to
    the workspace's root, None when it lies outside.
    """

    key: str
    is_path: bool
    text: str
    excerpts: tuple[Excerpt, ...]
    directives: tuple[Directive, ...] = ()
    path: Path | None = None
    source: SourceText | None = None
    label: str | None = None


def read_targets(
    paths: Iterable[str], cwd: Path, workspace: Workspace, leave_out: Callable[[str], None]
) -> Iterator[Target]:
    """The prompts in files; of a folder those in its prompt files and its code. A file that is named twice counts once.

    `leave_out` is told of a file in a folder that cannot be read as text.

    Raises:
        FileProblem: a path that was named cannot be read as text.
    """
    seen: set[str] = set()
    for path in paths:
        for name in _expanded(path, cwd, workspace):
            real = os.path.realpath(cwd / name)
            if real not in seen:
                seen.add(real)
                try:
                    target = read_target(name, cwd, workspace)
                except FileProblem as problem:
                    if name == path:
                        raise
                    leave_out(f"{problem.message}: it was not checked")
                    continue
                # In a folder, code without prompts is none of our business
                if target.excerpts or name == path:
                    yield target


def read_target(path: str, cwd: Path, workspace: Workspace) -> Target:
    """The prompts in one file: what is neither code nor instructions is a prompt as a whole."""
    source = read_source(cwd / path, shown=path)
    label = _label(cwd / path, workspace)
    directives = directives_in(source.text)
    kind = file_kind(label or path)
    if kind == "code":
        excerpts = tuple(in_code(source.text, directives))
    else:
        excerpts = (whole(source.text, "instructions" if kind == "instructions" else "prompt", directives),)
    return Target(path, True, source.text, excerpts, directives, cwd / path, source, label)


def read_commit_message(path: str, cwd: Path, workspace: Workspace) -> Target:
    """The message that git is about to commit.

    Raises:
        FileProblem: it cannot be read as text.
    """
    from optafly_cli.workspace.git import git

    source = read_source(cwd / path, shown=path)
    configured = git(workspace.root, "config", "--get", "core.commentChar") if workspace.kind == "git" else None
    comment = (configured or b"#").decode(errors="replace").strip()
    directives = directives_in(source.text)
    excerpt = commit_message(source.text, directives, comment if comment not in ("", "auto") else "#")
    return Target(
        path, True, source.text, (excerpt,) if excerpt else (), directives, cwd / path, source,
        _label(cwd / path, workspace),
    )  # fmt: skip


def from_text(key: str, text: str, *, is_path: bool) -> Target:
    """A prompt that is no file: standard input, or a row."""
    directives = directives_in(text) if is_path else ()
    excerpt = whole(text, "prompt", directives) if is_path else plain(text)
    return Target(key, is_path, text, (excerpt,), directives)


def read_jsonl(lines: TextIO, name: str) -> Iterator[Target]:
    """The prompts of a JSONL of `{"id", "prompt"}`.

    Raises:
        UsageError: naming the line that is not of that form.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{name}, line {number}: not JSON: {error}", remedy=_JSONL) from error
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), str) or "id" not in row:
            raise UsageError(f'{name}, line {number}: not of the form {{"id", "prompt"}}', remedy=_JSONL)
        yield from_text(str(row["id"]), row["prompt"], is_path=False)


def _expanded(path: str, cwd: Path, workspace: Workspace) -> Sequence[str]:
    folder = cwd / path
    if not folder.is_dir():
        return (path,)
    root = Path(os.path.realpath(folder))
    if root.is_relative_to(workspace.root):
        below = root.relative_to(workspace.root).as_posix()
        prefix = "" if below == "." else below + "/"
        labels = [label[len(prefix) :] for label in listed_files(workspace) if label.startswith(prefix)]
    else:
        labels, prefix = listed_files(Workspace(root, root.name, "folder", has_git=False)), ""
    return [os.path.normpath(os.path.join(path, one)) for one in sorted(labels) if file_kind(prefix + one)]  # noqa: PTH118 - as typed


def _label(path: Path, workspace: Workspace) -> str | None:
    real = Path(os.path.realpath(path))
    return real.relative_to(workspace.root).as_posix() if real.is_relative_to(workspace.root) else None
