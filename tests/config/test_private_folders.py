"""Folders that are this user's alone."""

from pathlib import Path

from optafly_cli.config.private import make_store_folder
from optafly_cli.workspace.ignore import listed_files
from optafly_cli.workspace.root import find_workspace


def test_a_store_inside_a_workspace_is_no_part_of_it(tmp_path: Path) -> None:
    """Its files are never what was changed last, nor what a prompt is about."""
    (tmp_path / "main.py").touch()
    make_store_folder(tmp_path / "home" / "store")
    (tmp_path / "home" / "store" / "one.json").touch()
    make_store_folder(tmp_path / "home" / "store")
    assert listed_files(find_workspace(tmp_path)) == ["main.py"]
    assert (tmp_path / "home" / "store" / ".gitignore").stat().st_mode & 0o777 == 0o600
