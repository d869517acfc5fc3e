"""What must not be sent, what is not worth sending, and which files there are to choose from.

In: labels, or a workspace. Out: reasons and lists of labels. `deny_reason` holds for everything, named or not;
`dull_reason` only for what optafly selects by itself. Listing never follows a symbolic link and never enters another
repository (a submodule, a nested clone).
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.workspace.types import Workspace

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SELECTION_LIMIT = 1024 * 1024

_SAMPLE_ENDINGS = (".example", ".sample", ".template", ".dist", ".defaults", ".tmpl")
_SECRET_NAMES = frozenset((
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".git-credentials", ".htpasswd", ".dockercfg",
    ".s3cfg", ".boto", ".vault-token", ".terraformrc", "credentials", "kubeconfig", "terraform.tfstate",
    "terraform.tfstate.backup", ".bash_history", ".zsh_history", ".python_history", ".psql_history", ".mysql_history",
))  # fmt: skip
_SECRET_FOLDERS = {".ssh": "", ".gnupg": "", ".aws": "", ".kube": "", ".docker": "config.json"}
_SECRET_STEMS = ("credentials.", "secrets.", "secret.", ".secrets.")
_DATA_ENDINGS = (
    ".json", ".yml", ".yaml", ".toml", ".ini", ".cfg", ".conf", ".xml", ".properties", ".txt", ".csv", ".enc",
    ".env", ".dat",
    ".local", ".bak",
)  # fmt: skip
_KEY_ENDINGS = (
    ".pem", ".key", ".p12", ".pfx", ".p8", ".pk8", ".kdbx", ".kdb", ".jks", ".keystore", ".ppk", ".ovpn", ".gpg",
    ".tfvars",
    ".agekey", ".asc.key",
)  # fmt: skip
_KEY_NAMES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_xmss")
_BINARY_ENDINGS = (
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ico", ".icns", ".webp", ".tif", ".tiff", ".psd", ".heic", ".avif",
    ".pdf",
    ".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".jar", ".war", ".ear", ".whl", ".egg", ".deb",
    ".rpm", ".dmg", ".iso", ".apk", ".exe", ".dll", ".so", ".dylib", ".a", ".lib", ".o", ".obj", ".bin", ".class",
    ".pyc",
    ".pyo", ".pyd", ".wasm", ".rlib", ".rmeta", ".node", ".mp3", ".mp4", ".mov", ".avi", ".mkv", ".wav", ".flac",
    ".ogg",
    ".webm", ".ttf", ".otf", ".woff", ".woff2", ".eot", ".sqlite", ".sqlite3", ".db", ".mdb", ".parquet", ".feather",
    ".npy", ".npz", ".pkl", ".pickle", ".joblib", ".h5", ".hdf5", ".onnx", ".pt", ".pth", ".safetensors", ".gguf",
    ".faiss", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods", ".odp",
)  # fmt: skip
_LOCK_NAMES = frozenset((
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "cargo.lock", "poetry.lock",
    "uv.lock", "pdm.lock", "pipfile.lock", "gemfile.lock", "composer.lock", "go.sum", "go.work.sum", "flake.lock",
    "mix.lock",
    "pubspec.lock", "packages.lock.json", "podfile.lock", "deno.lock", "gradle.lockfile", "conda-lock.yml",
))  # fmt: skip
_GENERATED_ENDINGS = (
    ".min.js", ".min.css", ".min.mjs", ".bundle.js", ".map", ".snap", ".lock", ".pb.go", "_pb2.py", "_pb2_grpc.py",
    ".pb.cc",
    ".pb.h", ".g.dart", ".freezed.dart", ".designer.cs", ".generated.ts", "_generated.go", ".ipynb", ".log", ".patch",
)  # fmt: skip
_GENERATED_FOLDERS = frozenset((
    "node_modules", "bower_components", "vendor", "third_party", "__pycache__", "site-packages", ".venv", "venv",
    ".tox",
    ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".next", ".nuxt", ".gradle", ".idea", ".eggs",
    "pods", "__snapshots__",
))  # fmt: skip
# Without git nothing says whether these hold sources; as a rule they hold what a build made.
_BUILD_FOLDERS = frozenset(("dist", "build", "target", "out", "coverage", "bin", "obj"))


def deny_reason(label: str) -> str | None:
    """Why the file must not be sent, as a clause ("it is a private key or a key store"); None when it may be.

    Looks at the path alone. `label` may be relative or absolute; case does not matter.
    """
    parts = label.replace("\\", "/").lower().split("/")
    name = parts[-1]
    if ".git" in parts:
        return "it is part of a repository's own data (.git)"
    if name.endswith(_SAMPLE_ENDINGS):
        return None
    if (name.startswith(".env") and name[4:5] in ("", ".", "-", "_", "r")) or name.endswith(".env"):
        return "it is an environment file, which usually holds secrets"
    if name.endswith(_KEY_ENDINGS) or (name.startswith(_KEY_NAMES) and not name.endswith(".pub")):
        return "it is a private key or a key store"
    if _is_credentials(parts, name):
        return "it usually holds credentials"
    if name.endswith(_BINARY_ENDINGS):
        return "it is a binary file"
    return None


def _is_credentials(parts: list[str], name: str) -> bool:
    if name in _SECRET_NAMES or (name in ("shadow", "gshadow") and parts[:-1] == ["", "etc"]):
        return True
    if name.startswith(_SECRET_STEMS) and name.endswith(_DATA_ENDINGS):
        return True
    if name.endswith(".json") and ("service-account" in name or "service_account" in name or "serviceaccount" in name):
        return True
    if name.startswith("credentials") and len(parts) > 1 and parts[-2] in (".cargo", ".gem"):
        return True
    return any(folder in parts[:-1] and (not only or name == only) for folder, only in _SECRET_FOLDERS.items())


def dull_reason(label: str) -> str | None:
    """Why optafly does not pick the file by itself (lock file, generated, minified, vendored); None when it may."""
    parts = label.lower().split("/")
    name = parts[-1]
    if name in _LOCK_NAMES:
        return "it is a lock file"
    if name.endswith(_GENERATED_ENDINGS):
        return "it is generated or minified"
    if not _GENERATED_FOLDERS.isdisjoint(parts[:-1]):
        return "it lies in a folder of generated or third-party files"
    return None


def listed_files(workspace: Workspace, limit: int = 20_000) -> list[str]:
    """Labels of the files that may be selected, sorted, at most `limit`.

    Tracked or untracked but not ignored (with git; by the .gitignore files without it), not denied, not dull,
    regular (a
    symbolic link is none), at most `SELECTION_LIMIT` bytes, with a name that is UTF-8.
    """
    return list(listed_sizes(workspace, limit))


def listed_sizes(workspace: Workspace, limit: int = 20_000) -> dict[str, os.stat_result]:
    """`listed_files` with what the file system says about each."""
    names = git_names(workspace) if workspace.kind == "git" else None
    if names is None:
        names = sorted(_walked_names(workspace.root, limit * 4))
    found: dict[str, os.stat_result] = {}
    links: dict[str, bool] = {}
    for name in names:
        if len(found) >= limit:
            break
        if deny_reason(name) is None and dull_reason(name) is None:
            status = plain_status(workspace.root, name, links)
            if status is not None and status.st_size <= SELECTION_LIMIT:
                found[name] = status
    return found


def plain_status(root: Path, label: str, links: dict[str, bool]) -> os.stat_result | None:
    """The status of a regular file that is reached without a symbolic link, else None.

    `links` remembers which folders are reached through one; pass the same dictionary for a batch.
    """
    folder = label.rpartition("/")[0]
    try:
        if folder and _through_link(root, folder, links):
            return None
        status = os.lstat(f"{root}/{label}")
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _through_link(root: Path, folder: str, links: dict[str, bool]) -> bool:
    if folder not in links:
        parent = folder.rpartition("/")[0]
        above = _through_link(root, parent, links) if parent else False
        links[folder] = above or stat.S_ISLNK(os.lstat(f"{root}/{folder}").st_mode)
    return links[folder]


def is_utf8(name: str) -> bool:
    """Whether a file name as the system gave it can be encoded."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def git_names(workspace: Workspace) -> list[str] | None:
    """The names of all files that git tracks or does not ignore, sorted; None where git cannot tell."""
    from optafly_cli.workspace.git import git

    listed = git(workspace.root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", cap=256 * 1024 * 1024)
    if listed is None:
        return None
    names = {os.fsdecode(name) for name in listed.split(b"\0") if name and not name.endswith(b"/")}
    return sorted(filter(is_utf8, names))


_BARE = frozenset((("HEAD", False), ("config", False), ("objects", True), ("refs", True)))
"""What a bare repository holds: git's own files, nothing to choose from."""


def _walked_names(root: Path, most: int) -> Iterator[str]:
    """Labels by walking the tree, folders in order, honouring every .gitignore; at most `most`."""
    count = 0
    pending: list[tuple[str, tuple[tuple[str, GitIgnoreSpec], ...]]] = [("", ())]
    while pending:
        folder, specs = pending.pop()
        entries = _entries(root, folder)
        if _BARE.issubset(entries):
            continue
        specs = _with_gitignore(root, folder, specs, entries)
        inner: list[tuple[str, tuple[tuple[str, GitIgnoreSpec], ...]]] = []
        for name, is_folder in entries:
            label = f"{folder}{name}"
            if name == ".git" or _is_ignored(label, specs, is_folder=is_folder):
                continue
            if not is_folder:
                yield label
                count += 1
                if count >= most:
                    return
            elif name.lower() not in _GENERATED_FOLDERS | _BUILD_FOLDERS and not os.path.lexists(root / label / ".git"):
                inner.append((f"{label}/", specs))
        pending.extend(reversed(inner))


def _entries(root: Path, folder: str) -> list[tuple[str, bool]]:
    """Names of the files and folders in `root/folder`, sorted, without symbolic links; (name, is a folder)."""
    try:
        with os.scandir(root / folder) as entries:
            found = [
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in entries
                if not entry.is_symlink() and is_utf8(entry.name)
            ]
    except OSError:
        return []
    return sorted(found)


def _with_gitignore(
    root: Path, folder: str, specs: tuple[tuple[str, "GitIgnoreSpec"], ...], entries: Iterable[tuple[str, bool]]
) -> tuple[tuple[str, "GitIgnoreSpec"], ...]:
    if (".gitignore", False) not in entries:
        return specs
    from pathspec import GitIgnoreSpec

    from optafly_cli.errors import FileProblem
    from optafly_cli.workspace.sources import read_source

    try:
        lines = read_source(root / folder / ".gitignore", limit=SELECTION_LIMIT).lines
        return (*specs, (folder, GitIgnoreSpec.from_lines(lines)))
    except (FileProblem, ValueError):
        return specs


def _is_ignored(label: str, specs: tuple[tuple[str, "GitIgnoreSpec"], ...], *, is_folder: bool) -> bool:
    """The deepest .gitignore that says something about the path decides, as in git."""
    for folder, spec in reversed(specs):
        path = label[len(folder) :] + ("/" if is_folder else "")
        included = spec.check_file(path).include
        if included is not None:
            return included
    return False
