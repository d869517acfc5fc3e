"""Installed anew under a running service, as pip does it: nobody is answered by what is not on disk any more."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import optafly_cli
from tests.service.conftest import ROOT, gone, wait_for
from tests.service.running import Service

pytestmark = pytest.mark.slow

COMMAND, SAID = ("config", "get", "cache.ttl_days"), "30.0\n"


def copied(target: Path, version: str = "") -> Path:
    """The package there, of that version."""
    source = Path(optafly_cli.__file__).parent
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    if version:
        (target / "_version.py").write_text(f'"""Of a test."""\n\n__version__ = "{version}"\n')
    return target


@pytest.mark.parametrize("version", ["0.2.0", ""], ids=["another version", "the same version"])
def test_a_package_that_is_installed_anew(tmp_path: Path, version: str) -> None:
    """The old folder goes, another one comes: this command is run from it, the service goes, and the next is of it."""
    place = copied(tmp_path / "site" / "optafly_cli")
    service = Service(tmp_path, PYTHONPATH=str(place.parent))
    with service:
        pid, before = service.pid, service.status()["version"]
        assert service(*COMMAND).stdout == SAID
        new = copied(tmp_path / "new", version)
        place.rename(tmp_path / "old")
        new.rename(place)
        shutil.rmtree(tmp_path / "old")
        done = service(*COMMAND)
        assert (done.stdout, done.stderr) == (SAID, "")
        assert service("--version").stdout == f"optafly {version or before}\n"
        wait_for(lambda: gone(pid))
        assert "retires: out of date" in service.log
        service("service", "start")
        assert service.status()["version"] == (version or before)
        assert service(*COMMAND).stdout == SAID
        wait_for(lambda: service.status()["commands"] == 1)


def test_a_package_that_is_gone(tmp_path: Path) -> None:
    """Uninstalled: the service ends with the next command that reaches it, which another installation has typed."""
    place = copied(tmp_path / "site" / "optafly_cli")
    service = Service(tmp_path, PYTHONPATH=str(place.parent))
    service("service", "start")
    pid = service.pid
    shutil.rmtree(place)
    assert service(*COMMAND, env={**service.env, "PYTHONPATH": ROOT}).stdout == SAID
    wait_for(lambda: gone(pid))


@pytest.fixture
def own_python(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs optafly by an interpreter of its own, which can be replaced: `.python`."""
    subprocess.run([sys.executable, "-m", "venv", "--copies", "--without-pip", tmp_path / "venv"], check=True)
    paths = os.pathsep.join((ROOT, sysconfig.get_path("purelib")))
    env = {**Service(tmp_path).env, "PYTHONPATH": paths}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [tmp_path / "venv" / "bin" / "python", "-m", "optafly_cli", *words],
            env=env, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run


def test_an_interpreter_that_is_replaced(
    own_python: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    """Another file under the same name, as a package manager puts it there."""
    python = tmp_path / "venv" / "bin" / "python"
    assert own_python("service", "start").returncode == 0
    pid = json.loads(own_python("service", "status", "--json").stdout)["pid"]
    shutil.copy2(python, python.with_name("python.new"))
    python.with_name("python.new").replace(python)
    done = own_python(*COMMAND)
    assert (done.stdout, done.stderr) == (SAID, "")
    wait_for(lambda: gone(pid))
    assert "python has changed" in Service(tmp_path).log
