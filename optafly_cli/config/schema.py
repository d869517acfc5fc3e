"""What `settings` declares, as a flat table: every setting with its kind, its rule and its variable.

Pure: it checks and parses values and finds the nearest name; it reads no file and no variable.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin

from optafly_cli.config.settings import Rule, Settings

Value = bool | int | float | str | tuple[str, ...]
Kind = Literal["boolean", "integer", "number", "text", "choice", "list"]

PREFIX = "OPTAFLY_"
RESERVED: Mapping[str, str] = {
    "OPTAFLY_HOME": "One folder that holds config.toml, store, run and logs, instead of the user's folders."
}
"""`OPTAFLY_*` names that are not settings, with their meaning."""
RESERVED_PREFIXES = ("OPTAFLY_TEST_",)

USER_ONLY_SECTIONS: Mapping[str, str] = {
    "service": "it decides where the service listens and when it runs",
    "telemetry": "it decides what is recorded about you",
}
USER_ONLY: Mapping[str, str] = {
    "provider.base_url": "it would redirect your traffic",
    "provider.key_variable": "it would choose whose account pays",
    "provider.project_keys": "it would choose whose account pays",
    "refine.approve": "it would send files without asking you",
    "refine.llm": "it would choose who reads your prompts",
    "cache.path": "it would move the store",
    "cache.dsn": "it would move the store",
    "cache.dsn_read": "it would choose who answers for the store",
    "cache.backend": "it would move the store",
    "cache.namespace": "it would share your answers",
    "cache.embedding_model": "it would load a model of its choice",
    "cache.max_error_rate": "it would accept more wrong answers than you do",
    "cache.similarity": "it would accept answers to less similar prompts than you do",
    "cache.ttl_days": "the store also holds the answers of other projects",
    "cache.max_size_gb": "the store also holds the answers of other projects",
}
"""What a project file may not set, and why: a cloned repository is not the user."""
CREDENTIALS = frozenset(
    {
        "api_key",
        "auth_token",
        "authorization",
        "custom_headers",
        "headers",
        "key",
        "keys",
        "password",
        "secret",
        "token",
    }
)
"""Names under `[provider]` that are no settings: a key never belongs in a configuration file."""

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_LONGEST_SHOWN = 60


class BadValueError(ValueError):
    """A value that a setting does not take; the message completes "cache.similarity …"."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of one section. `choices` is empty unless the kind is choice."""

    section: str
    key: str
    kind: Kind
    default: Value
    rule: Rule
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`section.key`, as in `optafly config set`."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.section}_{self.key}".upper()


@cache
def all_settings() -> Mapping[str, Setting]:
    """Every setting by `section.key`, in the order of the tree."""
    found = {}
    for section in fields(Settings):
        for item in fields(section.type):  # type: ignore[arg-type]  # a section's type is its dataclass
            made = _setting(section.name, item)
            found[made.name] = made
    return found


@cache
def sections() -> Mapping[str, Any]:
    """The dataclass of each section, by its name."""
    return {section.name: section.type for section in fields(Settings)}


def _setting(section: str, item: "Field[Any]") -> Setting:
    rule: Rule = item.metadata["rule"]
    default: Value = item.default  # type: ignore[assignment]  # `setting` gives each field one
    choices = get_args(item.type) if get_origin(item.type) is Literal else rule.choices
    kinds: dict[object, Kind] = {bool: "boolean", int: "integer", float: "number", str: "text"}
    kind = "choice" if choices else kinds.get(item.type, "list")
    return Setting(section, item.name, kind, default, rule, choices)


def user_only(section: str, key: str) -> str | None:
    """Why a project file may not set that key, None when it may."""
    if section == "provider" and key.lower().replace("-", "_") in CREDENTIALS:
        return "a key never belongs in a project file"
    return USER_ONLY_SECTIONS.get(section) or USER_ONLY.get(f"{section}.{key}")


def checked(setting: Setting, value: object) -> Value:
    """`value`, as TOML or a caller gives it, in the setting's type.

    Raises:
        BadValueError: it has another type, is out of range, or is none of the choices.
    """
    match setting.kind, value:
        case "boolean", bool():
            return value
        case "integer", int() if not isinstance(value, bool):
            return _in_range(setting, value)
        case "number", (int() | float()) if not isinstance(value, bool):
            return _in_range(setting, value)
        case "choice", str() if value in setting.choices:
            return value
        case "text", str():
            return _text(setting, value)
        case "list", (list() | tuple()):
            if all(isinstance(item, str) for item in value):
                return tuple(_text(setting, item) for item in value)
    raise BadValueError(_refusal(setting, value))


def parsed(setting: Setting, text: str) -> Value:
    """The value that `text` means, as it stands in a variable or after `optafly config set`.

    A list is separated by commas. Text is taken as it is.

    Raises:
        BadValueError: as `checked`.
    """
    bare = text.strip()
    try:
        if setting.kind == "boolean" and bare.lower() in _TRUE | _FALSE:
            return bare.lower() in _TRUE
        if setting.kind == "integer":
            return checked(setting, int(bare))
        if setting.kind == "number":
            return checked(setting, int(bare) if bare.isdigit() else float(bare))
    except BadValueError:
        raise
    except ValueError:
        raise BadValueError(_refusal(setting, text)) from None
    if setting.kind == "list":
        return checked(setting, [item.strip() for item in text.split(",") if item.strip()])
    return checked(setting, bare if setting.kind == "choice" else text)


def written(value: Value) -> str:
    """The value as text that `parsed` reads back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def wanted(setting: Setting) -> str:
    """Which values the setting takes, in words: "a number from 0 to 1"."""
    rule = setting.rule
    match setting.kind:
        case "boolean":
            return "true or false"
        case "choice":
            return "one of " + ", ".join(setting.choices) if len(setting.choices) > 1 else setting.choices[0]
        case "list":
            return "a list of names without commas"
        case "text":
            forms = {
                "any": "printable text",
                "name": "printable text that is not empty",
                "path": "an absolute path, or one that starts with ~/",
                "url": "a URL that starts with http:// or https://",
            }
            return forms[rule.form]
    noun = "a whole number" if setting.kind == "integer" else "a number"
    if rule.above is not None:
        return f"{noun} above {rule.above:g} and at most {rule.maximum or math.inf:.15g}"
    return f"{noun} from {rule.minimum or 0:g} to {rule.maximum or math.inf:.15g}"


def advice(setting: Setting) -> str:
    """What to give instead of a value that was refused."""
    default = f"the default is {written(setting.default) or 'empty'}"
    return f"{default}; {setting.rule.hint}" if setting.rule.hint else default


def nearest(name: str, options: Iterable[str]) -> str | None:
    """The option that is written most like `name`, else the first that it is a part of; None when none is close."""
    from difflib import get_close_matches

    name = name.lower()[:200]
    known = list(options)
    found = get_close_matches(name, known, n=1, cutoff=0.6)
    found = found or [option for option in known if len(name) >= 3 and name in option]
    return found[0] if found else None


def nearest_key(name: str) -> str | None:
    """The `section.key` that was probably meant: in that section, or of that name elsewhere, or written alike."""
    section, _, key = name.partition(".")
    known = all_settings()
    if section in sections() and (inside := nearest(key, (s.key for s in known.values() if s.section == section))):
        return f"{section}.{inside}"
    elsewhere = [setting.name for setting in known.values() if setting.key == key]
    if len(elsewhere) == 1:
        return elsewhere[0]
    return None if section in sections() else nearest(name, known)


def shown(value: object) -> str:
    """A value or name from outside for a message: quoted, cut, its control characters escaped."""
    text = ("true" if value else "false") if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def shown_name(name: str) -> str:
    """A key or a path for a message: as it is when printable, else its other characters escaped."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def _in_range(setting: Setting, value: float) -> Value:
    rule = setting.rule
    fits = (
        math.isfinite(value)
        and (rule.minimum is None or value >= rule.minimum)
        and (rule.above is None or value > rule.above)
        and (rule.maximum is None or value <= rule.maximum)
    )
    if not fits:
        raise BadValueError(_refusal(setting, value))
    return float(value) if setting.kind == "number" else value


def _text(setting: Setting, value: str) -> str:
    fits = value.isprintable()
    match setting.rule.form:
        case "name":
            fits = fits and value.strip() == value != "" and not (setting.kind == "list" and "," in value)
        case "path":
            fits = fits and (value in ("", "~") or value.startswith(("/", "~/")))
        case "url":
            fits = fits and (not value or (value.startswith(("http://", "https://")) and len(value.split("/")[2]) > 0))
    if not fits:
        raise BadValueError(_refusal(setting, value))
    return value


def _refusal(setting: Setting, value: object) -> str:
    given = "" if setting.rule.secret else f", not {shown(value)}"
    return f"must be {wanted(setting)}{given}"
