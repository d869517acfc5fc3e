"""A repository is data from a stranger: whatever it configures, nothing of it runs and nothing outside is read."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from optafly_cli.errors import OptaflyError
from optafly_cli.workspace.diffs import working_diff
from optafly_cli.workspace.git import Git, git, open_git
from optafly_cli.workspace.ignore import listed_files
from optafly_cli.workspace.named import gather
from optafly_cli.workspace.project import headline, summarise
from optafly_cli.workspace.recent import active_file, recent_edits
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.state import workspace_state
from optafly_cli.workspace.types import Workspace
from tests.workspace.support import git as user_git
from tests.workspace.support import write


def use_everything(workspace: Workspace) -> None:
    """Call each function that may start git; refusing is fine, running something is not."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: gather(workspace, workspace.root, files=["src/main.rs:2"]),
        lambda: working_diff(workspace),
        lambda: listed_files(workspace),
        lambda: recent_edits(workspace),
        lambda: active_file(workspace),
        lambda: workspace_state(workspace),
        lambda: summarise(workspace, listed_files(workspace)),
        lambda: headline(workspace),
        lambda: git(workspace.root, "rev-list", "--max-parents=0", "HEAD"),
        lambda: git(workspace.root, "log", "-n", "3", "--format=%H %G?"),
        lambda: git(workspace.root, "log", "-n", "3", "-p"),
    )
    for call in calls:
        try:
            call()
        except OptaflyError:
            continue


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The file that a hostile program would create."""
    return tmp_path / "canary"


@pytest.fixture
def evil(tmp_path: Path, canary: Path) -> Path:
    """A program that shows that it ran, and passes its input on as a filter would."""
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    script.chmod(0o755)
    return script


def make_dirty(repo: Path) -> None:
    """Staged, unstaged and untracked changes, so that git has contents to compare."""
    write(repo, {"notes.md": "staged\n"})
    user_git(repo, "-c", "core.hooksPath=/dev/null", "add", "notes.md")
    write(repo, {"src/main.rs": "fn main() {\n    let x = 2;\n}\n", "new.py": "x = 1\n"})
    os.utime(repo / "Cargo.toml", (1, 1))


HOSTILE = {
    "fsmonitor": "[core]\n\tfsmonitor = {evil}\n",
    "hooks path": "[core]\n\thooksPath = {folder}\n",
    "external diff": '[diff]\n\texternal = {evil}\n[diff "evil"]\n\tcommand = {evil}\n',
    "textconv": '[diff "evil"]\n\ttextconv = {evil}\n\tcachetextconv = true\n',
    "clean filter": '[filter "evil"]\n\tclean = {evil}\n\tsmudge = {evil}\n\trequired = true\n',
    "process filter": '[filter "evil"]\n\tprocess = {evil}\n\trequired = true\n',
    "filter with dots and spaces": '[filter "evil"]\n\tclean = cat\n[filter "e.v i.l"]\n\tclean = {evil}\n',
    "filter named with =": '[filter "e=vil"]\n\tclean = {evil}\n',
    "filter in capitals": '[FILTER "evil"]\n\tCLEAN = {evil}\n',
    "filter included in capitals": "[IncludeIf \"gitdir:**\"]\n\tPATH = {folder}/more.config\n",
    "included filter": "[include]\n\tpath = {folder}/more.config\n",
    "worktree configuration": "[extensions]\n\tworktreeConfig = true\n",
    "signature program": '[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {evil}\n[gpg "ssh"]\n\tprogram = {evil}\n',
    "pager": "[core]\n\tpager = {evil}\n[pager]\n\tlog = {evil}\n\tdiff = {evil}\n\tstatus = {evil}\n",
    "alias": '[alias]\n\tstatus = "!{evil}"\n\tdiff = "!{evil}"\n\tlog = "!{evil}"\n\tls-files = "!{evil}"\n',
    "transport": (
        '[remote "origin"]\n\turl = ext::{evil}\n\tpromisor = true\n\tpartialclonefilter = blob:none\n'
        '[protocol "ext"]\n\tallow = always\n[extensions]\n\tpartialClone = origin\n'
    ),
    "local transport": (
        '[remote "origin"]\n\turl = {folder}\n\tuploadpack = {evil}\n\tpromisor = true\n'
        '[protocol "file"]\n\tallow = always\n[extensions]\n\tpartialClone = origin\n'
    ),
    "ssh transport": (
        '[core]\n\tsshCommand = {evil}\n\taskPass = {evil}\n[credential]\n\thelper = {evil}\n'
        '[remote "origin"]\n\turl = ssh://localhost/x\n\tpromisor = true\n[extensions]\n\tpartialClone = origin\n'
    ),
}  # fmt: skip
ATTRIBUTES = '* filter=evil diff=evil\nnew.py filter=e=vil\n"notes.md" filter="e.v i.l"\n'


def harden_me(repo: Path, name: str, evil: Path) -> None:
    """Put a hostile configuration into `repo`, with attributes that make every file subject to it."""
    write(repo, {".git/hooks/post-index-change": evil.read_text(), ".gitattributes": ATTRIBUTES})
    (repo / ".git/hooks/post-index-change").chmod(0o755)
    folder = evil.parent
    write(folder, {"more.config": f'[filter "evil"]\n\tclean = {evil}\n'})
    (folder / "post-index-change").write_text(evil.read_text())
    (folder / "post-index-change").chmod(0o755)
    with (repo / ".git/config").open("a") as config:
        config.write(HOSTILE[name].format(evil=evil, folder=folder))
    if name == "worktree configuration":
        write(repo, {".git/config.worktree": f'[filter "evil"]\n\tclean = {evil}\n[core]\n\tfsmonitor = {evil}\n'})
    if name.endswith("transport"):
        # a transport that waited for its peer would never end under plain git
        evil.write_text(evil.read_text().replace("cat", "exit 1"))
        blob = user_git(repo, "rev-parse", "HEAD:notes.md").strip()
        (repo / ".git/objects" / blob[:2] / blob[2:]).unlink()


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_a_repository_configures_is_run(
    repo: Path, workspace: Workspace, evil: Path, canary: Path, name: str
) -> None:
    """No program named in a repository's configuration, attributes or hooks is started by any of our functions."""
    make_dirty(repo)
    harden_me(repo, name, evil)
    use_everything(workspace)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("fsmonitor", ("status",)),
        ("external diff", ("diff",)),
        ("textconv", ("diff",)),
        ("clean filter", ("status",)),
        ("process filter", ("diff",)),
        ("included filter", ("status",)),
        ("worktree configuration", ("status",)),
        ("hooks path", ("status",)),
        ("transport", ("-c", "protocol.ext.allow=always", "diff", "--cached")),
        ("local transport", ("diff", "--cached")),
    ],
)
def test_the_traps_are_real(repo: Path, evil: Path, canary: Path, name: str, command: tuple[str, ...]) -> None:
    """The same configuration does run its program under plain git, so that the test above can fail."""
    make_dirty(repo)
    harden_me(repo, name, evil)
    subprocess.run(["git", *command], cwd=repo, check=False, capture_output=True, timeout=30)
    assert canary.exists()


def test_a_filter_of_the_users_own_still_runs(repo: Path, workspace: Workspace, tmp_path: Path) -> None:
    """What the user installed for all repositories (git-lfs, say) is not a repository's doing, and stays."""
    user_git(repo, "config", "--global", "filter.upper.clean", "tr a-z A-Z")
    write(repo, {".gitattributes": "notes.md filter=upper\n", "notes.md": "# notes\n\nsome text.\nmore\n"})
    files, _ = working_diff(workspace)
    assert next(file.text for file in files if file.label == "notes.md").endswith("+SOME TEXT.\n+MORE")


def test_a_repository_cannot_move_its_working_tree(repo: Path, tmp_path: Path) -> None:
    """core.worktree does not make files outside of the root listed, diffed or active."""
    outside = tmp_path / "outside"
    write(outside, {"private.txt": "private\n", "notes.md": "private\n"})
    user_git(repo, "config", "core.worktree", str(outside))
    workspace = find_workspace(repo)
    assert "private.txt" not in listed_files(workspace)
    files, _ = working_diff(workspace)
    assert not any("private" in file.text for file in files)


@pytest.mark.parametrize("how", ["file", "link", "commondir"])
def test_a_git_entry_that_points_to_another_repository_is_not_followed(repo: Path, tmp_path: Path, how: str) -> None:
    """`.git` as a file, a link or a shell around another repository's data gives no access to that repository."""
    thief = tmp_path / "thief"
    write(thief, {"a.txt": "a\n"})
    if how == "file":
        (thief / ".git").write_text(f"gitdir: {repo}/.git\n")
    elif how == "link":
        (thief / ".git").symlink_to(repo / ".git")
    else:
        write(thief, {".git/HEAD": "ref: refs/heads/main\n", ".git/commondir": f"{repo}/.git\n"})
        (thief / ".git/index").write_bytes((repo / ".git/index").read_bytes())
    workspace = find_workspace(thief)
    assert open_git(thief) is None
    assert listed_files(workspace) == ["a.txt"]
    assert recent_edits(workspace) == ()


def test_the_users_git_variables_do_not_leak_in(
    repo: Path, workspace: Workspace, evil: Path, canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a git hook GIT_DIR, GIT_INDEX_FILE and the like are set; they are not for us."""
    make_dirty(repo)
    plain = workspace_state(workspace)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(evil))
    assert workspace_state(workspace) == plain
    assert len(working_diff(workspace)[0]) == 2
    assert not canary.exists()


def test_nothing_is_written_to_the_repository(repo: Path, workspace: Workspace) -> None:
    """Not even the index is refreshed."""
    make_dirty(repo)
    before = {path: path.stat().st_mtime_ns for path in sorted((repo / ".git").rglob("*"))}
    use_everything(workspace)
    assert {path: path.stat().st_mtime_ns for path in sorted((repo / ".git").rglob("*"))} == before


def test_only_reading_commands_can_be_run(repo: Path) -> None:
    """A command that is not on the list is a fault of ours, found at once."""
    opened = open_git(repo)
    assert opened is not None
    with pytest.raises(ValueError, match="git push"):
        opened.run("push")


def test_git_that_fails_is_none(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, a bad argument, a broken configuration, no program: None, not an exception."""
    assert git(tmp_path, "status") is None
    assert git(repo, "rev-parse", "no-such-revision") is None
    with (repo / ".git/config").open("a") as config:
        config.write("[broken\n")
    assert git(repo, "rev-parse", "HEAD") is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert git(repo, "rev-parse", "HEAD") is None


def test_output_over_the_cap_is_cut_or_refused(repo: Path) -> None:
    """Without `partial` too much output is a failure, with it the beginning comes."""
    write(repo, {"notes.md": "x\n" * 10_000})
    opened = open_git(repo)
    assert opened is not None
    assert opened.run("diff", cap=100) is None
    assert len(opened.run("diff", cap=100, partial=True) or b"") == 100


def test_git_that_hangs_is_ended(repo: Path, tmp_path: Path) -> None:
    """After the timeout git and what it started are gone, and the answer is None."""
    fake = tmp_path / "bin" / "git"
    write(tmp_path, {"bin/git": f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 60\n"})
    fake.chmod(0o755)
    assert Git(str(fake), repo).run("status", timeout_s=0.3) is None
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()
