"""Where configuration, store, runtime files and logs are. `OPTAFLY_HOME` moves all of them together.

Nothing here creates a folder. On Linux the XDG rules are applied here, from the environment that is passed in:
platformdirs costs more to import than a cache hit may take. A test holds the two together.
"""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import ConfigError

APP = "optafly"


def config_file(environ: Mapping[str, str]) -> Path:
    """The user's file, whether or not it exists."""
    home = _optafly_home(environ)
    return (home or _user_folder("config", environ)) / "config.toml"


def store_folder(settings: CacheSettings, environ: Mapping[str, str]) -> Path:
    """The store: `cache.path` when it is set, else under `OPTAFLY_HOME`, else the user's data folder."""
    if settings.path:
        return _expanded(settings.path, environ)
    home = _optafly_home(environ)
    return home / "store" if home else _user_folder("data", environ)


def runtime_folder(environ: Mapping[str, str]) -> Path:
    """Where the service's socket lives.

    `XDG_RUNTIME_DIR` counts only when it is a folder of this user that nobody else can enter; otherwise the folder is
    in the user's data, never in the shared /tmp.
    """
    if home := _optafly_home(environ):
        return home / "run"
    given = environ.get("XDG_RUNTIME_DIR", "")
    if given.startswith("/"):
        try:
            found = os.lstat(given)
        except OSError:
            found = None
        if found and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
            return Path(given, APP)
    return _user_folder("data", environ) / "run"


def log_folder(environ: Mapping[str, str]) -> Path:
    """Where the logs of failures go."""
    home = _optafly_home(environ)
    return home / "logs" if home else _user_folder("log", environ)


def _optafly_home(environ: Mapping[str, str]) -> Path | None:
    given = environ.get("OPTAFLY_HOME", "")
    if "\0" in given:
        raise ConfigError("OPTAFLY_HOME is not a path", remedy="set it to a folder, or unset it")
    return _expanded(given, environ) if given else None


def _expanded(path: str, environ: Mapping[str, str]) -> Path:
    if path == "~" or path.startswith("~/"):
        return _user_home(environ) / path[2:]
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute() keeps `..`


def _user_home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "")
    if home.startswith("/"):
        return Path(home)
    import pwd

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise ConfigError("no home folder is known for this user", remedy="set HOME or OPTAFLY_HOME") from None


def _user_folder(kind: str, environ: Mapping[str, str]) -> Path:
    if not sys.platform.startswith("linux"):
        import platformdirs

        folders = {
            "config": platformdirs.user_config_path,
            "data": platformdirs.user_data_path,
            "log": platformdirs.user_log_path,
        }
        return folders[kind](APP)
    variable, default, below = {
        "config": ("XDG_CONFIG_HOME", ".config", APP),
        "data": ("XDG_DATA_HOME", ".local/share", APP),
        "log": ("XDG_STATE_HOME", ".local/state", f"{APP}/log"),
    }[kind]
    given = environ.get(variable, "")
    return (Path(given) if given.startswith("/") else _user_home(environ) / default) / below
