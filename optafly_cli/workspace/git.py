"""Git, run so that nothing a repository configures is executed.

In: a workspace root and a read-only git command. Out: its output as bytes, or None when git is absent, refuses, fails,
takes too long or says too much. A repository is data from a stranger: its `.git/config` may name programs (fsmonitor,
filters, external diffs, pagers, signature checkers, transports) and its `.git` may point somewhere else. All of these
are switched off here, and only here may git be started.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from optafly_cli.workspace.root import find_program

if TYPE_CHECKING:
    import subprocess

TIMEOUT_S = 20.0
OUTPUT_CAP = 32 * 1024 * 1024

_OFF = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.editor=false", "core.askPass=",
    "core.sshCommand=false", "core.gitProxy=false", "core.alternateRefsCommand=false", "credential.helper=",
    "diff.external=", "diff.submodule=short", "gpg.program=false", "gpg.ssh.program=false", "gpg.x509.program=false",
    "log.showSignature=false", "protocol.allow=never", "submodule.recurse=false", "status.submoduleSummary=false",
    "diff.autoRefreshIndex=false",
    "color.ui=false", "core.quotePath=false", "core.bigFileThreshold=10m",
)  # fmt: skip
# What each command needs besides: nothing it can run may come from the repository.
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "cat-file": (),
    "config": (),
    "diff": ("--no-ext-diff", "--no-textconv", "--submodule=short", "-O/dev/null", "--no-relative"),
    "grep": ("--no-textconv", "--no-color", "--no-column", "--no-full-name", "--no-recurse-submodules"),
    "log": ("--no-ext-diff", "--no-textconv", "--no-show-signature"),
    "ls-files": (),
    "ls-tree": (),
    "rev-list": (),
    "rev-parse": (),
    "status": ("--ignore-submodules=all",),
}
_NOTHING_FOUND: Mapping[str, int] = {"grep": 1}
"""Exit codes that say that there is nothing, not that something failed."""
_KEPT_VARIABLES = frozenset(
    ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH")
)


@dataclass(frozen=True, slots=True)
class Git:
    """One repository, checked once; `overrides` empties the filters that its own configuration defines."""

    program: str
    root: Path
    overrides: tuple[str, ...] = ()

    def run(
        self, command: str, *arguments: str, cap: int = OUTPUT_CAP, timeout_s: float = TIMEOUT_S, partial: bool = False
    ) -> bytes | None:
        """The output of `git command arguments`, None on any failure.

        `cap` is in bytes; output beyond it gives None, or with `partial` what came until then.
        Raises ValueError for a command that is not on the read-only list.
        """
        return self.start(command, *arguments, timeout_s=timeout_s).output(cap, partial=partial)

    def start(self, command: str, *arguments: str, timeout_s: float = TIMEOUT_S) -> "Started":
        """The same, not waited for: what is done meanwhile costs no time.

        Raises ValueError for a command that is not on the read-only list.
        """
        if command not in _COMMANDS:
            raise ValueError(f"git {command} is not one of the commands that may be run")
        settings = [part for setting in (*_OFF, *self.overrides) for part in ("-c", setting)]
        words = [self.program, "--no-pager", "--literal-pathspecs", *settings, command]
        process = _begun([*words, *_COMMANDS[command], *arguments], self.root)
        return Started(process, time.monotonic() + timeout_s, (0, _NOTHING_FOUND.get(command, 0)))


@dataclass(frozen=True, slots=True)
class Started:
    """A command that runs, None when it could not be started; `fine` are the exit codes that are no failure."""

    process: "subprocess.Popen[bytes] | None"
    deadline: float
    fine: tuple[int, ...]

    def output(self, cap: int = OUTPUT_CAP, *, partial: bool = False) -> bytes | None:
        """Its output once it has ended, None on any failure; it is ended then. To be asked once."""
        if self.process is None:
            return None
        try:
            return _output(self.process, cap=cap, deadline=self.deadline, partial=partial, fine=self.fine)
        finally:
            self.stop()

    def stop(self) -> None:
        """End it, if it still runs: nobody wants its output any more."""
        if self.process is not None:
            _stop(self.process)


def open_git(root: Path) -> Git | None:
    """Git for the working tree at `root`; None when it cannot be used here, or not safely."""
    program = find_program("git")
    if program is None or not _is_own(root):
        return None
    stamp = _config_stamp(root)
    known = _OPENED.get(root)
    if known is not None and known[0] == stamp and known[1].program == program and time.monotonic() < known[2]:
        return known[1]
    git = _checked(Git(program, root))
    if git is not None:
        _OPENED[root] = (stamp, git, time.monotonic() + _TRUSTED_S)
    return git


_TRUSTED_S = 1.0
"""So long what a repository's configuration says is taken to hold: one command asks for it several times."""
_OPENED: dict[Path, tuple[tuple[int, ...], Git, float]] = {}


def _config_stamp(root: Path) -> tuple[int, ...]:
    """What changes when the repository's own configuration is written; () where it is not a plain file."""
    try:
        status = (root / ".git" / "config").stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _checked(git: Git) -> Git | None:
    if _is_plain(git.root / ".git" / "config"):
        return git
    listed = git.run("config", "--list", "--show-scope", "-z")
    if listed is None:
        return None
    overrides = _filter_overrides(listed)
    return None if overrides is None else Git(git.program, git.root, overrides)


def _is_plain(config: Path) -> bool:
    """Whether a repository's configuration can hold no filter, neither itself nor in a file that it brings in.

    To have git list it takes as long as most of what git is asked for; a word that is not in it needs no list.
    """
    try:
        # A pipe of that name would be waited for
        with open(os.open(config, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            words = file.read(_LARGEST_CONFIG + 1).lower() if S_ISREG(os.fstat(file.fileno()).st_mode) else b"include"
    except OSError:
        return False
    return len(words) <= _LARGEST_CONFIG and not any(word in words for word in _BRINGS_FILTERS)


_LARGEST_CONFIG = 64 * 1024
_BRINGS_FILTERS = (b"filter", b"include", b"worktreeconfig")


def git(workspace_root: Path, *arguments: str, cap: int = OUTPUT_CAP, timeout_s: float = TIMEOUT_S) -> bytes | None:
    """One read-only git command (`git(root, "rev-parse", "HEAD")`); for several, `open_git` once is cheaper."""
    repository = open_git(workspace_root)
    if repository is None:
        return None
    command, *rest = arguments
    return repository.run(command, *rest, cap=cap, timeout_s=timeout_s)


def _filter_overrides(listed: bytes) -> tuple[str, ...] | None:
    """Settings that empty every filter of the repository's own configuration, includes and worktree part as well.

    `listed` is `scope NUL key LF value NUL` repeated. None when a filter's name cannot be overridden on the command
    line. Filters that the user installed for all repositories (git-lfs) stay.
    """
    fields = listed.split(b"\0")
    names: set[str] = set()
    for scope, setting in zip(fields[::2], fields[1::2], strict=False):
        key = setting.split(b"\n", 1)[0]
        if scope not in (b"system", b"global") and key.startswith(b"filter.") and key.count(b".") > 1:
            names.add(os.fsdecode(key[len(b"filter.") : key.rindex(b".")]))
    if any("=" in name for name in names):
        return None
    values = ("clean=", "smudge=", "process=", "required=false")
    return tuple(f"filter.{name}.{value}" for name in sorted(names) for value in values)


def _is_own(root: Path) -> bool:
    """Whether `root/.git` is this folder's repository: a folder, or a file whose target points back here.

    A `.git` from an archive could otherwise name another repository on this machine and have its contents read.
    """
    link = root / ".git"
    try:
        if link.is_symlink():
            return False
        if link.is_dir():
            # only a linked worktree's folder has this file, and that is none inside of the tree
            return not (link / "commondir").exists()
        target = (root / os.fsdecode(link.read_bytes()[8:4096].rstrip(b"\r\n"))).resolve()
        back = target / "gitdir"
        if back.is_file():
            return (target / os.fsdecode(back.read_bytes()[:4096].rstrip(b"\r\n"))).resolve() == link.resolve()
        return _worktree_of(target / "config", target) == root.resolve()
    except (OSError, ValueError):
        return False


def _worktree_of(config: Path, folder: Path) -> Path | None:
    """The `core.worktree` that a submodule's repository has, which is how it points back to its folder."""
    for line in os.fsdecode(config.read_bytes()[:65536]).splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == "worktree":
            return (folder / value.strip().strip('"')).resolve()
    return None


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT_VARIABLES}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        # core.worktree may point anywhere; this wins over it
        "GIT_WORK_TREE": str(root),
        "LC_ALL": "C",
    }


def _begun(command: list[str], root: Path) -> "subprocess.Popen[bytes] | None":
    from subprocess import DEVNULL, PIPE, Popen

    try:
        return Popen(
            command,
            cwd=root,
            env=_environment(root),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None


def _output(
    process: "subprocess.Popen[bytes]", *, cap: int, deadline: float, partial: bool, fine: tuple[int, ...]
) -> bytes | None:
    from select import POLLHUP, POLLIN, poll

    assert process.stdout is not None  # noqa: S101  (stdout=PIPE was asked for; this tells mypy)
    chunks: list[bytes] = []
    size = 0
    ready = poll()
    ready.register(process.stdout, POLLIN | POLLHUP)
    while size <= cap:
        if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        chunk = os.read(process.stdout.fileno(), 1 << 20)
        if not chunk:
            return b"".join(chunks) if _exit_code(process, deadline) in fine else None
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)[:cap] if partial else None


def _exit_code(process: "subprocess.Popen[bytes]", deadline: float) -> int | None:
    from subprocess import TimeoutExpired

    try:
        return process.wait(max(0.1, deadline - time.monotonic()))
    except TimeoutExpired:
        return None


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End what still runs, with its children: it has a session of its own."""
    import signal

    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
