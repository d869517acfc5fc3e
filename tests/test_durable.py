"""A file is replaced whole or stays as it was; its link and, where asked for, its mode stay."""

import os
import stat
from pathlib import Path

import pytest

from optafly_cli.durable import replace, replacing


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """Whoever looks meanwhile sees the old text, and afterwards nothing else lies about."""
    file = tmp_path / "a.txt"
    file.write_text("old")
    with replacing(file) as new:
        new.write(b"new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("failure", [OSError("full"), KeyboardInterrupt()], ids=type)
def test_a_failure_changes_nothing(tmp_path: Path, failure: BaseException) -> None:
    """Not even Ctrl-C leaves half a file, or one aside."""
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(type(failure)), replacing(file) as new:
        new.write(b"ne")
        raise failure
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_new_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    """So is one that replaces a public file, unless its mode is to be kept; group write is kept too."""
    before = os.umask(0o022)
    try:
        file = tmp_path / "a.txt"
        replace(file, b"1", keep_mode=True)
        assert mode_of(file) == 0o600
        file.chmod(0o664)
        replace(file, b"2", keep_mode=True)
        assert mode_of(file) == 0o664
        replace(file, b"3")
        assert mode_of(file) == 0o600
    finally:
        os.umask(before)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced, in its own folder."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "a.txt")
    replace(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


def test_the_longest_name_fits(tmp_path: Path) -> None:
    """What is written aside has a name of its own, not a longer one."""
    replace(tmp_path / ("a" * 255), b"new")


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    """A device or a pipe stays one; a folder is an error."""
    (tmp_path / "null").symlink_to("/dev/null")
    replace(tmp_path / "null", b"new")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(IsADirectoryError):
        replace(tmp_path, b"new")
