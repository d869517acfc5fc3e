"""Loads the settings: flags > `OPTAFLY_*` > project file > user file > defaults, every value with its origin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optafly_cli.config.paths import config_file
from optafly_cli.config.project import ProjectFile, find_project_file
from optafly_cli.config.schema import (
    CREDENTIALS,
    PREFIX,
    RESERVED,
    RESERVED_PREFIXES,
    BadValueError,
    Setting,
    Value,
    advice,
    all_settings,
    checked,
    nearest,
    nearest_key,
    parsed,
    sections,
    shown_name,
    user_only,
)
from optafly_cli.config.settings import Settings
from optafly_cli.config.toml_source import Assignment, KeyPath, SourceError, assignments, parse, read_text
from optafly_cli.errors import ConfigError, UsageError

Source = Literal["default", "user", "project", "environment", "flag"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from. `place` is FILE:LINE or the variable's name, empty for defaults and flags."""

    source: Source
    place: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.place}".rstrip()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings of a run. `origins` has every `section.key`; `warnings` are sentences for stderr.

    `user_file` is where the user's file is or would be; `project_file` is the one that was read.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...]
    user_file: Path
    project_file: Path | None = None


def load_settings(cwd: Path, environ: Mapping[str, str], flags: Mapping[str, object] = {}) -> Loaded:
    """The settings that hold in `cwd`. `flags` are keyed `section.key`; a None is a flag that was not given.

    Raises:
        ConfigError: a file or a variable has an unknown key or a bad value; it names the place and the nearest key.
        UsageError: a flag has a bad value.
    """
    values: dict[str, tuple[Value, Origin]] = {}
    user = config_file(environ)
    for name, value, place in _user_values(user):
        values[name] = (value, Origin("user", place))
    search = find_project_file(cwd)
    warnings = search.warnings
    if search.file:
        for name, value, place in _project_values(search.file, warnings):
            values[name] = (value, Origin("project", place))
    for name, value, variable in _environment_values(environ, warnings):
        values[name] = (value, Origin("environment", variable))
    for name, value in _flag_values(flags):
        values[name] = (value, Origin("flag"))
    default = Origin("default")
    return Loaded(
        settings=_tree(values),
        origins={name: values[name][1] if name in values else default for name in all_settings()},
        warnings=tuple(warnings),
        user_file=user,
        project_file=search.file.path if search.file else None,
    )


def check_user_file(path: Path) -> None:
    """Checks a file as `load_settings` does, for `config edit` and `doctor`.

    Raises:
        ConfigError: what is wrong with it, and on which line.
    """
    for _ in _user_values(path):
        pass


def known_setting(name: str) -> Setting:
    """The setting of that `section.key`.

    Raises:
        ConfigError: there is none; the remedy names the nearest.
    """
    found = all_settings().get(name)
    if found is None:
        section, _, key = name.partition(".")
        raise ConfigError(f"unknown setting {shown_name(name)}", remedy=_hint(section, key))
    return found


def value_of(settings: Settings, setting: Setting) -> Value:
    """The value that a tree has for a setting."""
    value: Value = getattr(getattr(settings, setting.section), setting.key)
    return value


def _user_values(path: Path) -> Iterator[tuple[str, Value, str]]:
    shown = shown_name(str(path))
    try:
        text = read_text(path)
        if text is None:
            return
        document = parse(text)
    except SourceError as problem:
        raise ConfigError(f"{problem.at(path)}: {problem.reason}", remedy="mend the file, or move it away") from None
    for item in assignments(text, document):
        place = f"{shown}:{item.line}"
        setting = _setting_of(item, place, ())
        if setting:
            yield setting.name, _checked(setting, item.value, place), place


def _project_values(file: ProjectFile, warnings: list[str]) -> Iterator[tuple[str, Value, str]]:
    shown = shown_name(str(file.path))
    for item in assignments(file.text, file.document, file.under):
        place = f"{shown}:{item.line}"
        if why := user_only(item.section, item.key):
            name = shown_name(f"{item.section}.{item.key}" if item.key else item.section)
            warnings.append(f"{place}: {name} is ignored: a project file may not set it ({why})")
        elif setting := _setting_of(item, place, file.under):
            yield setting.name, _checked(setting, item.value, place), place


def _environment_values(environ: Mapping[str, str], warnings: list[str]) -> Iterator[tuple[str, Value, str]]:
    given = sorted(name for name in environ if name.startswith(PREFIX) and name not in RESERVED)
    if not given:
        return
    known = {setting.variable: setting for setting in all_settings().values()}
    for variable in given:
        setting = known.get(variable)
        if setting:
            try:
                yield setting.name, parsed(setting, environ[variable]), variable
            except BadValueError as problem:
                raise ConfigError(
                    f"{variable}: it {problem}", remedy=f"unset it, or set it: {advice(setting)}"
                ) from None
        elif not variable.startswith(RESERVED_PREFIXES):
            near = nearest(variable[len(PREFIX) :], [name[len(PREFIX) :].lower() for name in (*known, *RESERVED)])
            hint = f"; did you mean {PREFIX}{near.upper()}?" if near else ""
            warnings.append(f"{shown_name(variable)}: unknown variable, ignored{hint}")


def _flag_values(flags: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    for name, value in flags.items():
        if value is None:
            continue
        setting = all_settings()[name]
        try:
            yield name, checked(setting, value)
        except BadValueError as problem:
            raise UsageError(f"on the command line, {name} {problem}", remedy=advice(setting)) from None


def _setting_of(item: Assignment, place: str, under: KeyPath) -> Setting | None:
    """The setting that an assignment is for; None for a section that is empty."""
    prefix = "".join(f"{part}." for part in under)
    if not item.section:
        raise ConfigError(f"{place}: {prefix[:-1]} must be a table", remedy=f"write [{prefix}refine] above its keys")
    if item.section not in sections():
        name = shown_name(prefix + item.section)
        what = f"section [{name}]" if isinstance(item.value, dict) or item.key else f"key {name}"
        raise ConfigError(f"{place}: unknown {what}", remedy=_section_hint(item))
    if not item.key:
        if item.value == {}:
            return None
        raise ConfigError(
            f"{place}: {item.section} must be a section", remedy=f"write [{prefix}{item.section}] above its keys"
        )
    setting = all_settings().get(f"{item.section}.{item.key}")
    if setting is None:
        name = shown_name(f"{item.section}.{item.key}")
        raise ConfigError(f"{place}: unknown key {name}", remedy=_hint(item.section, item.key))
    return setting


def _checked(setting: Setting, value: object, place: str) -> Value:
    try:
        return checked(setting, value)
    except BadValueError as problem:
        remedy = f"change the line or remove it: {advice(setting)}"
        raise ConfigError(f"{place}: {setting.name} {problem}", remedy=remedy) from None


def _hint(section: str, key: str) -> str:
    if section == "provider" and key.lower().replace("-", "_") in CREDENTIALS:
        return "a key is read from ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, never from a file"
    near = nearest_key(f"{section}.{key}")
    if near:
        return f"did you mean {near}?"
    if section in sections():
        return f"[{section}] has: " + ", ".join(s.key for s in all_settings().values() if s.section == section)
    return "the sections are: " + ", ".join(sections())


def _section_hint(item: Assignment) -> str:
    near = nearest(item.section, sections())
    if near:
        return f"did you mean [{near}]?"
    named = [setting.name for setting in all_settings().values() if setting.key == (item.key or item.section)]
    if named:
        return f"did you mean {named[0]}?"
    return "the sections are: " + ", ".join(sections())


def _tree(values: Mapping[str, tuple[Value, Origin]]) -> Settings:
    given: dict[str, dict[str, Value]] = {name: {} for name in sections()}
    for name, (value, _) in values.items():
        section, _, key = name.partition(".")
        given[section][key] = value
    return Settings(**{name: made(**given[name]) for name, made in sections().items()})
