"""Changes a configuration file: comments kept, checked before it is written, written whole or not at all.

Nothing is written unless the new text, read back, is what the file said before with just that change.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optafly_cli.config.load import known_setting
from optafly_cli.config.schema import BadValueError, Value, advice, checked, parsed, shown_name
from optafly_cli.config.toml_source import SourceError, parse, read_text
from optafly_cli.durable import replace
from optafly_cli.errors import ConfigError

FOLDER_MODE = 0o700
HINT = "# optafly's settings; `optafly config list` shows them all\n"


def set_value(path: Path, name: str, text: str) -> Value:
    """Sets `section.key` in the file to what `text` means and returns that value. Makes the file when there is none.

    Raises:
        ConfigError: an unknown key, a bad value, a file that is not TOML, or one that cannot be written.
    """
    setting = known_setting(name)
    try:
        value = parsed(setting, text)
    except BadValueError as problem:
        raise ConfigError(f"{name} {problem}", remedy=advice(setting)) from None
    set_values(path, {name: value})
    return value


def set_values(path: Path, values: Mapping[str, Value]) -> None:
    """Sets several keys in one write.

    Raises:
        ConfigError: as `set_value`.
    """
    given: dict[str, Value | None] = {}
    for name, value in values.items():
        try:
            given[name] = checked(known_setting(name), value)
        except BadValueError as problem:
            raise ConfigError(f"{name} {problem}") from None
    _rewrite(path, given)


def unset(path: Path, name: str) -> bool:
    """Takes `section.key` out of the file; whether it was there. A key that is no setting can be taken out too.

    Raises:
        ConfigError: no such key, or as `set_value`.
    """
    if path.exists() and _rewrite(path, {name: None}):
        return True
    known_setting(name)
    return False


def ensure_file(path: Path) -> None:
    """Makes a private file that an editor can open, when there is none.

    Raises:
        ConfigError: it cannot be made.
    """
    if path.exists():
        return
    try:
        path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        replace(path, HINT.encode())
    except OSError as error:
        raise _unwritable(path, error) from None


def _rewrite(path: Path, changes: Mapping[str, Value | None]) -> bool:
    """Puts the changes (None: take out) into the file; whether they make a difference to it."""
    target = Path(os.path.realpath(path))
    shown = shown_name(str(path))
    try:
        target.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        with _alone(target.parent):
            before = read_text(target) or ""
            plain = parse(before)
            expected = _changed(plain, changes, shown)
            if expected == plain:
                return False
            after = _edited(before, changes, shown)
            if parse(after) != expected:
                raise ConfigError(f"{shown}: the change would disturb other lines", remedy="edit the file by hand")
            replace(target, after.encode())
            return True
    except SourceError as problem:
        raise ConfigError(f"{problem.at(path)}: {problem.reason}", remedy="mend the file, or move it away") from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{shown_name(str(path))}: it cannot be written ({error.strerror})", remedy="check its permissions and the disk"
    )


def _changed(plain: Mapping[str, Any], changes: Mapping[str, Value | None], shown: str) -> dict[str, Any]:
    result = {name: dict(body) if isinstance(body, dict) else body for name, body in plain.items()}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        body = result.get(section)
        if value is None:
            if isinstance(body, dict):
                body.pop(key, None)
        elif body is None or isinstance(body, dict):
            result.setdefault(section, {})[key] = list(value) if isinstance(value, tuple) else value
        else:
            raise ConfigError(f"{shown}: {section} must be a section", remedy=f"write [{section}] above its keys")
    return result


def _edited(before: str, changes: Mapping[str, Value | None], shown: str) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: MutableMapping[str, Any] = tomlkit.parse(before)
        for name, value in changes.items():
            section, _, key = name.partition(".")
            if value is None:
                del document[section][key]
                continue
            if section not in document:
                document[section] = tomlkit.table()
            document[section][key] = list(value) if isinstance(value, tuple) else value
        return str(tomlkit.dumps(document))
    except TOMLKitError:
        raise ConfigError(f"{shown}: the file is too unusual to change", remedy="edit the file by hand") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps two writers apart, so that neither loses the other's change."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks: the rename still keeps the file whole
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
