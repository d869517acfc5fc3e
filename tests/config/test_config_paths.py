"""Where things are: OPTAFLY_HOME moves all of it, otherwise the folders of the platform."""

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from optafly_cli.config.paths import config_file, log_folder, runtime_folder, store_folder
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import ConfigError


def test_optafly_home_moves_everything_together() -> None:
    """One variable: config.toml, store, run and logs are under it."""
    environ = {"OPTAFLY_HOME": "/x", "XDG_CONFIG_HOME": "/y", "HOME": "/z", "XDG_RUNTIME_DIR": "/r"}
    assert config_file(environ) == Path("/x/config.toml")
    assert store_folder(CacheSettings(), environ) == Path("/x/store")
    assert runtime_folder(environ) == Path("/x/run")
    assert log_folder(environ) == Path("/x/logs")


def test_a_relative_or_tilde_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPTAFLY_HOME means the same folder after a change of the working folder."""
    monkeypatch.chdir(tmp_path)
    assert config_file({"OPTAFLY_HOME": "here/../there"}) == tmp_path / "there" / "config.toml"
    assert config_file({"OPTAFLY_HOME": "~/o", "HOME": "/h"}) == Path("/h/o/config.toml")
    assert config_file({"OPTAFLY_HOME": "", "HOME": "/h", "XDG_CONFIG_HOME": "/c"}).name == "config.toml"
    with pytest.raises(ConfigError):
        config_file({"OPTAFLY_HOME": "a\0b"})


def test_the_store_s_path_can_be_set() -> None:
    """`cache.path` wins over OPTAFLY_HOME: the user wrote it down."""
    environ = {"OPTAFLY_HOME": "/x", "HOME": "/h"}
    assert store_folder(CacheSettings(path="/data/../store"), environ) == Path("/store")
    assert store_folder(CacheSettings(path="~/store"), environ) == Path("/h/store")
    assert store_folder(CacheSettings(path="~"), environ) == Path("/h")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s"},
        {"XDG_CONFIG_HOME": "relative", "XDG_DATA_HOME": "", "XDG_STATE_HOME": " "},
        {"HOME": "relative"},
    ],
)
def test_the_folders_are_those_of_platformdirs(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """The rules are applied here for speed; they give what platformdirs gives."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert config_file(os.environ) == platformdirs.user_config_path("optafly") / "config.toml"
    assert store_folder(CacheSettings(), os.environ) == platformdirs.user_data_path("optafly")
    assert log_folder(os.environ) == platformdirs.user_log_path("optafly")


def test_the_runtime_folder_is_private_or_in_the_user_s_data(tmp_path: Path) -> None:
    """XDG_RUNTIME_DIR counts only when nobody else can enter it: a socket in /tmp could be somebody else's."""
    environ = {"HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": str(tmp_path)}
    fallback = runtime_folder({"HOME": "/h", "XDG_DATA_HOME": "/d"})
    assert fallback == (Path("/d/optafly/run") if sys.platform.startswith("linux") else fallback)
    tmp_path.chmod(0o700)
    assert runtime_folder(environ) == tmp_path / "optafly"
    tmp_path.chmod(0o770)
    assert runtime_folder(environ) == fallback
    for bad in (str(tmp_path / "missing"), "relative", ""):
        assert runtime_folder({**environ, "XDG_RUNTIME_DIR": bad}) == fallback
    tmp_path.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert runtime_folder({**environ, "XDG_RUNTIME_DIR": str(link)}) == fallback
