"""Which project a workspace is, on whatever machine: its first commit.

In: a workspace. Out: a name that two clones share, None where there is none. Reads git once for each clone, and keeps
what it said in a file of the caller's.
"""

import json
from contextlib import suppress
from pathlib import Path

from optafly_cli.config.private import make_store_folder
from optafly_cli.durable import replace
from optafly_cli.workspace.git import git
from optafly_cli.workspace.types import Workspace

TIMEOUT_S = 10.0


def first_commit(workspace: Workspace, kept: Path) -> str | None:
    """ "git:" and the oldest root commit of HEAD; None without commits, or in a shallow clone, which does not know it.

    `kept` is a JSON file that remembers it by the clone's folder; it is made when it is missing, and may be unwritable.
    """
    root, folder = str(workspace.root.resolve()), workspace.root / ".git"
    try:
        clone = str(folder.stat().st_ino)
    except OSError:
        return None
    remembered = _read(kept)
    if isinstance(found := remembered.get(root), list) and found[:1] == [clone] and isinstance(found[-1], str):
        return found[-1]
    if (folder / "shallow").exists():
        return None
    output = git(workspace.root, "rev-list", "--max-parents=0", "HEAD", timeout_s=TIMEOUT_S)
    roots = output.decode("ascii", "replace").split() if output else []
    if not roots:
        return None
    name = f"git:{min(roots)}"
    _write(kept, {**remembered, root: [clone, name]})
    return name


def _read(kept: Path) -> dict[str, object]:
    try:
        plain = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def _write(kept: Path, content: dict[str, object]) -> None:
    with suppress(OSError):
        make_store_folder(kept.parent)
        replace(kept, json.dumps(content).encode())
