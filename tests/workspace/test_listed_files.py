"""Which files there are to choose from, and which are never sent."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.workspace.ignore import SELECTION_LIMIT, deny_reason, dull_reason, listed_files
from optafly_cli.workspace.root import find_workspace
from tests.workspace.support import git, repository, write

Listing = Callable[[], list[str]]


@pytest.fixture(params=["git", "walk"])
def listing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Listing]:
    """A root, and what is listed in it: by git, and by walking the tree without git."""
    root = repository(tmp_path / "root") if request.param == "git" else tmp_path / "root"
    root.mkdir(exist_ok=True)
    return root, lambda: listed_files(find_workspace(root))


def test_files_are_listed_sorted(listing: tuple[Path, Listing]) -> None:
    """Whatever is not ignored, tracked or not, in folders or not."""
    root, listed = listing
    write(root, {"b.py": "x", "a/z.py": "x", "a.py": "", ".github/ci.yml": "x", "ü/漢.md": "x"})
    assert listed() == [".github/ci.yml", "a.py", "a/z.py", "b.py", "ü/漢.md"]


def test_gitignore_files_are_honoured_at_every_level(listing: tuple[Path, Listing]) -> None:
    """Nested files, negation, anchored and folder patterns."""
    root, listed = listing
    write(
        root,
        {
            ".gitignore": "*.log\n/only-here.txt\ncache/\n",
            "a.log": "x",
            "only-here.txt": "x",
            "sub/only-here.txt": "x",
            "sub/.gitignore": "!keep.log\n*.tmp\n",
            "sub/keep.log.txt": "x",
            "sub/x.tmp": "x",
            "sub/cache/y.py": "x",
            "x.tmp": "x",
        },
    )
    assert listed() == [".gitignore", "sub/.gitignore", "sub/keep.log.txt", "sub/only-here.txt", "x.tmp"]


def test_links_lead_nowhere(listing: tuple[Path, Listing], tmp_path: Path) -> None:
    """Links to files and folders, inside and outside, and loops, are not listed and not followed."""
    root, listed = listing
    write(tmp_path, {"outside/private.py": "x"})
    write(root, {"a/x.py": "x"})
    (root / "file.py").symlink_to(tmp_path / "outside/private.py")
    (root / "inside.py").symlink_to(root / "a/x.py")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "a/loop").symlink_to(root)
    assert listed() == ["a/x.py"]


def test_other_repositories_are_not_entered(listing: tuple[Path, Listing]) -> None:
    """A clone inside of the tree has its own files."""
    root, listed = listing
    write(root, {"a.py": "x"})
    repository(root / "vendored", {"inner.py": "x"})
    assert listed() == ["a.py"]


def test_a_bare_repository_has_no_files(tmp_path: Path) -> None:
    """What git keeps for itself is no text to choose from, in the folder itself and below it."""
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    write(tmp_path, {"a.py": "x", "HEAD": "x", "refs/b.py": "x"})
    assert listed_files(find_workspace(tmp_path)) == ["HEAD", "a.py", "refs/b.py"]
    assert listed_files(find_workspace(tmp_path / "bare.git")) == []


def test_what_is_denied_dull_large_or_special_is_not_listed(listing: tuple[Path, Listing]) -> None:
    """Keys, binaries, lock files, generated and huge files, pipes, names that are not UTF-8."""
    root, listed = listing
    write(
        root,
        {
            ".env": "K=1",
            "deploy/prod.pem": "x",
            "logo.png": "x",
            "uv.lock": "x",
            "app.min.js": "x",
            "node_modules/a/index.js": "x",
            "big.json": "x" * (SELECTION_LIMIT + 1),
            os.fsdecode(b"caf\xe9.py"): "x",
            "ok.json": "x" * SELECTION_LIMIT,
        },
    )
    os.mkfifo(root / "pipe.py")
    assert listed() == ["ok.json"]


def test_the_limit(listing: tuple[Path, Listing]) -> None:
    """At most so many, and always the same ones."""
    root, _ = listing
    write(root, {f"f{number:03}.py": "x" for number in range(50)})
    workspace = find_workspace(root)
    assert listed_files(workspace, 7) == listed_files(workspace, 7)
    assert len(listed_files(workspace, 7)) == 7
    assert listed_files(workspace, 0) == []


def test_a_path_that_is_too_long_is_no_obstacle(tmp_path: Path) -> None:
    """The kernel refuses to look below a folder whose path has just room for its own name."""
    (tmp_path / "near.py").touch()
    longest = os.pathconf(tmp_path, "PC_PATH_MAX") - 1
    handle, room = os.open(tmp_path, os.O_RDONLY), longest - len(str(tmp_path)) - 2
    try:
        while room > 0:
            name = "d" * min(250, room)
            os.mkdir(name, dir_fd=handle)
            below = os.open(name, os.O_RDONLY, dir_fd=handle)
            os.close(handle)
            handle, room = below, room - len(name) - 1
    finally:
        os.close(handle)
    assert listed_files(find_workspace(tmp_path)) == ["near.py"]


def test_a_submodule_is_not_entered(tmp_path: Path) -> None:
    """Its files belong to its own workspace."""
    inner = repository(tmp_path / "inner", {"b.txt": "b\n"})
    root = repository(tmp_path / "outer", {"a.txt": "a\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    assert listed_files(find_workspace(root)) == [".gitmodules", "a.txt"]


def test_tracked_files_behind_a_new_link_are_not_listed(repo: Path, tmp_path: Path) -> None:
    """A folder replaced by a link out of the tree takes its tracked files with it."""
    write(tmp_path, {"outside/main.rs": "private\n"})
    (repo / "src/main.rs").unlink()
    (repo / "src").rmdir()
    (repo / "src").symlink_to(tmp_path / "outside")
    assert listed_files(find_workspace(repo)) == ["Cargo.toml", "notes.md"]


def test_deleted_and_unmerged_files(repo: Path) -> None:
    """What git knows but is not there is not listed; an unmerged file once."""
    (repo / "notes.md").unlink()
    assert listed_files(find_workspace(repo)) == ["Cargo.toml", "src/main.rs"]


def test_without_the_program_a_repository_is_walked(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its .gitignore still counts, and .git is not entered."""
    write(repo, {".gitignore": "*.md\n"})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert listed_files(find_workspace(repo)) == [".gitignore", "Cargo.toml", "src/main.rs"]


def test_an_odd_gitignore_is_no_obstacle(tmp_path: Path) -> None:
    """Binary, huge, a pipe or a link: the walk goes on without it."""
    write(
        tmp_path / "w",
        {"a/.gitignore": b"\0*.py\n", "a/x.py": "x", "b/x.py": "x", "c/.gitignore": "[\n!\n\\\n", "c/x": "x"},
    )
    os.mkfifo(tmp_path / "w" / "b" / ".gitignore")
    assert listed_files(find_workspace(tmp_path / "w")) == ["a/.gitignore", "a/x.py", "b/x.py", "c/.gitignore", "c/x"]


@pytest.mark.parametrize(
    "label",
    [
        ".env", ".env.local", ".ENV.production", "config/.env.test", ".envrc", "prod.env",
        "certs/server.pem", "x.key",
        "id_rsa", "id_ed25519_work", "a.p12", "a.pfx", "p.kdbx", ".netrc", "home/.npmrc", ".pypirc", "credentials",
        ".aws/config", "/root/.ssh/config", "/root/.ssh/known_hosts", ".kube/config", ".docker/config.json",
        "credentials.json", "config/secrets.yml", "app/secrets.toml", ".git/config", "sub/.git/HEAD", ".git",
        "my-service-account.json", "terraform.tfstate", "prod.tfvars", ".cargo/credentials.toml", "/etc/shadow",
        "logo.PNG", "a.tar.gz", "lib.so", "model.onnx", "x.sqlite", "doc.pdf", ".bash_history", "C:\\Users\\x\\.env",
    ],
)  # fmt: skip
def test_what_is_never_sent(label: str) -> None:
    """Secrets, keys, credentials, git's own data, binaries: by name, at any depth, in any case."""
    reason = deny_reason(label)
    assert reason is not None
    assert reason.startswith("it ")


@pytest.mark.parametrize(
    "label",
    [
        ".env.example", "config/.env.sample", ".env.template", "id_rsa.pub", "secrets.py",
        "src/credentials.rs", "keys.py",
        "environment.yml", "env.py", "key.go", "src/git/config.rs", ".github/workflows/ci.yml", ".gitignore",
        "README.md",
        "docker/config.json", "package.json", "pem.md", "logo.svg", "data.csv", "a.b.c", "-", "monkey.ts",
        ".envoy.yaml",
    ],
)  # fmt: skip
def test_what_only_looks_like_it(label: str) -> None:
    """Examples, public keys and source code about secrets may be sent."""
    assert deny_reason(label) is None


@given(st.text(max_size=40))
def test_any_label_has_an_answer(label: str) -> None:
    """No name breaks the deny list, and a denied file is denied in every folder."""
    reason = deny_reason(label)
    assert reason is None or deny_reason(f"some/folder/{label}") is not None or label.startswith("/")
    assert dull_reason(label) is None or dull_reason(label)


def test_lock_files_and_generated_files_are_dull_but_not_denied() -> None:
    """They may be named; optafly does not pick them."""
    for label in ("Cargo.lock", "web/package-lock.json", "a.min.js", "x_pb2.py", "vendor/a.go", "go.sum"):
        assert dull_reason(label)
        assert deny_reason(label) is None
    for label in ("src/vendors.py", "lock.py", "build/x.py", "src/target/mod.rs"):
        assert dull_reason(label) is None
