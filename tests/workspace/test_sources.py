"""Reading a text file: every way in which it can be odd."""

import errno
import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.errors import FileProblem
from optafly_cli.workspace.sources import LIMIT, read_source


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a\nb\n", "a\nb\n"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("é\r\nb".encode("utf-16-le").join([b"\xff\xfe", b""]), "é\nb"),
        ("é\nb".encode("utf-16-be").join([b"\xfe\xff", b""]), "é\nb"),
        ("é".encode("utf-32-le").join([b"\xff\xfe\x00\x00", b""]), "é"),
        ("ünï 漢字\n".encode(), "ünï 漢字\n"),
    ],
)
def test_text_is_decoded_with_lf_and_without_mark(tmp_path: Path, data: bytes, text: str) -> None:
    """BOM, UTF-16 and line ends of all kinds come out the same; digest and size are of the raw bytes."""
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    source = read_source(path)
    assert (source.text, source.lossy) == (text, False)
    assert (source.digest, source.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert source.mtime_ns == path.stat().st_mtime_ns


def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    """The text says so: `lossy` is set, and the rest of the line is intact."""
    (tmp_path / "x.txt").write_bytes(b"caf\xe9 au lait\n")
    source = read_source(tmp_path / "x.txt")
    assert (source.text, source.lossy) == ("caf\ufffd au lait\n", True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(tmp_path: Path, data: bytes) -> None:
    """Whatever is in a file, the answer is text without NUL and CR, or a FileProblem."""
    (tmp_path / "any").write_bytes(data)
    try:
        source = read_source(tmp_path / "any")
    except FileProblem:
        return
    assert "\0" not in source.text
    assert "\r" not in source.text
    assert source.digest == hashlib.sha256(data).hexdigest()


def problem(path: Path, limit: int = LIMIT) -> FileProblem:
    with pytest.raises(FileProblem) as caught:
        read_source(path, limit=limit)
    assert caught.value.remedy
    return caught.value


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """A folder, a pipe without a writer, a socket, a device: refused without waiting."""
    assert "is a folder" in problem(tmp_path).message
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in problem(tmp_path / "pipe").message
    assert "not a regular file" in problem(Path("/dev/zero")).message
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "cannot be read" in problem(tmp_path / "s").message


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """Missing, under a file, a dangling link, a loop of links, an impossible name."""
    assert problem(tmp_path / "no.py").message == f"{tmp_path}/no.py does not exist"
    (tmp_path / "file").write_text("x")
    assert "does not exist" in problem(tmp_path / "file" / "x").message
    (tmp_path / "dangling").symlink_to("nowhere")
    assert "symbolic link to nothing" in problem(tmp_path / "dangling").message
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be read" in problem(tmp_path / "loop").message
    assert "cannot be read" in problem(tmp_path / ("x" * 300)).message
    assert "not a possible file name" in problem(tmp_path / "a\0b").message


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission denied on opening, an error of the disk while reading: one sentence each."""
    (tmp_path / "x.py").write_text("x")

    def denied(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        assert problem(tmp_path / "x.py").message.endswith("cannot be read: permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", broken)
        assert problem(tmp_path / "x.py").message.endswith("cannot be read: input/output error")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    """A NUL makes a file binary, in UTF-16 as well."""
    (tmp_path / "x.bin").write_bytes(b"ELF\0\1\2")
    (tmp_path / "y.bin").write_bytes(b"\xff\xfea\0\0\0")
    assert "binary" in problem(tmp_path / "x.bin").message
    assert "binary" in problem(tmp_path / "y.bin").message


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB are refused by their size, before a byte is read; the sentence has the size and the limit."""
    with (tmp_path / "huge.log").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    reads: list[object] = []
    monkeypatch.setattr(os, "read", lambda *arguments: reads.append(arguments))
    found = problem(tmp_path / "huge.log")
    assert "100 MB" in found.message
    assert "10 MB" in found.message
    assert not reads


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    """A file of exactly the limit is read, one byte more is not."""
    (tmp_path / "x").write_bytes(b"a" * 100)
    assert read_source(tmp_path / "x", limit=100).size == 100
    assert "99 bytes" in problem(tmp_path / "x", limit=99).message
    assert LIMIT == 10 * 1024 * 1024


def test_a_file_that_grows_or_shrinks_while_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read is what was there; growing beyond the limit is noticed."""
    path = tmp_path / "x.log"
    path.write_bytes(b"a" * 50)
    real = os.read

    def shrinking(descriptor: int, count: int) -> bytes:
        path.write_bytes(b"a" * 5)
        return real(descriptor, count)

    def growing(descriptor: int, count: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"b" * 100)
        return real(descriptor, count)

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", shrinking)
        assert read_source(path).text == "a" * 5
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", growing)
        assert "may have" in problem(path, limit=60).message


def test_names_in_messages_cannot_move_the_cursor(tmp_path: Path) -> None:
    """A file name with escape codes and newlines is spelled out in the sentence."""
    message = problem(tmp_path / "a\x1b[31m\nb").message
    assert "\x1b" not in message
    assert "\n" not in message
    assert "a\\x1b[31m\\nb" in message


def test_the_lines_of_a_source() -> None:
    """`lines` has one item per line; a last line without its end counts, an end adds none."""
    from optafly_cli.workspace.types import SourceText

    for text, count in (("", 1), ("a", 1), ("a\n", 1), ("a\nb", 2), ("a\n\n", 2)):
        assert len(SourceText(text, "", 0, 0).lines) == count
