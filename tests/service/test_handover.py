"""The launcher's half: what it costs, what it agrees on with the rest, what it says."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.config.paths import runtime_folder
from optafly_cli.service import handover
from optafly_cli.service.handover import packed, unpacked
from optafly_cli.service.likeness import AT_START

TOO_MUCH = {"re", "json", "enum", "typing", "pathlib", "contextlib", "socket", "signal", "struct", "collections"}


def test_the_launcher_imports_next_to_nothing() -> None:
    """Each module is paid for by every command."""
    code = "import sys; from optafly_cli.service import handover; import optafly_cli.__main__; import _socket; "
    # site may import some of them where packages are installed with .pth files
    code += "print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; before = set(sys.modules); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = done.stdout.split()
    assert not set(imported) & TOO_MUCH
    assert len(imported) < 12, imported


@pytest.mark.parametrize(
    "environ",
    [
        {"OPTAFLY_HOME": "/x"},
        {"OPTAFLY_HOME": "~"},
        {"OPTAFLY_HOME": "~/o", "HOME": "/h"},
        {"OPTAFLY_HOME": "here/../there"},
        {"OPTAFLY_HOME": "", "HOME": "/h"},
        {"HOME": "/h", "XDG_DATA_HOME": "/d"},
        {"HOME": "relative", "XDG_DATA_HOME": "relative"},
        {"HOME": "/h", "XDG_RUNTIME_DIR": "PRIVATE"},
        {"HOME": "/h", "XDG_RUNTIME_DIR": "OPEN"},
        {"HOME": "/h", "XDG_RUNTIME_DIR": "LINK"},
        {"HOME": "/h", "XDG_RUNTIME_DIR": "/no/such/folder"},
        {},
    ],
    ids=str,
)
def test_it_looks_where_the_service_is(environ: Mapping[str, str], tmp_path: Path) -> None:
    """Two implementations, one place."""
    places = {"PRIVATE": tmp_path / "private", "OPEN": tmp_path / "open", "LINK": tmp_path / "link"}
    places["PRIVATE"].mkdir(mode=0o700)
    places["OPEN"].mkdir()
    places["OPEN"].chmod(0o755)
    places["LINK"].symlink_to(places["PRIVATE"])
    given_names = {name: str(places.get(value, value)) for name, value in environ.items()}
    found = handover.runtime_folder(given_names)
    assert found is not None
    assert os.path.normpath(found) == str(runtime_folder(given_names))


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_parts_survive_packing(parts: list[bytes]) -> None:
    """What is packed is unpacked, whatever it is."""
    assert unpacked(packed(parts)) == parts


@given(st.binary(max_size=60))
def test_unpacking_takes_nothing_else(data: bytes) -> None:
    """Anything is either parts that pack to it, or refused."""
    try:
        parts = unpacked(data)
    except ValueError:
        return
    assert packed(parts) == data


RECORDED = """
import os, sys
read = set()
class Recording(dict):
    def __getitem__(self, name):
        read.add(name)
        return super().__getitem__(name)
    def __contains__(self, name):
        read.add(name)
        return super().__contains__(name)
os.environ._data = Recording(os.environ._data)
from optafly_cli.cli import preload
preload.rehearse = lambda: None
preload.preload()
print(*(os.fsdecode(name) for name in sorted(read)))
"""


def test_nothing_of_the_environment_is_remembered_from_the_start() -> None:
    """What is read while modules are loaded is held against the client's, or does not change what a command does."""
    done = subprocess.run([sys.executable, "-c", RECORDED], capture_output=True, text=True, check=True, cwd="/")
    # The last names what reads XML; we only write it
    harmless = {"PATH", "HOME", "PY_SAX_PARSER"}
    left = {name for name in done.stdout.split() if not name.startswith(AT_START)} - harmless
    assert left == set()


REHEARSED = """
import os, sys
from optafly_cli.cli import preload
from optafly_cli.cli.handler import run
os.environ["OPTAFLY_HOME"] = preload._NOWHERE
sys.stdin = sys.stdout = open(os.devnull, "r+")
for argv in preload._REHEARSED:
    print(run(argv, warm=True), file=sys.stderr)
from optafly_cli.tokens.vocabulary import vocabulary
assert vocabulary.cache_info().currsize
"""


def test_a_rehearsal_succeeds_where_the_service_is() -> None:
    """In the root folder, which is no repository: what fails there touches nothing of what a command needs."""
    done = subprocess.run([sys.executable, "-c", REHEARSED], capture_output=True, text=True, check=False, cwd="/")
    assert [line for line in done.stderr.splitlines() if line.isdigit()] == ["0", "0", "0", "1"], done.stderr
    assert done.returncode == 0
