"""Reads the original system's integrated-config.json into settings.

The original wrote four sections (Optaquan/OptaFly_Zed, widget_log_integration, `IntegratedConfig`): `widget_log`,
`prompt_management`, `burn_router`, `pyo3_bridge`. Its design notes and older files use other section names, deeper
nesting and more keys, so a key is recognised by its own name within a section of a known subject, in snake_case or
camelCase, at any depth. What is not recognised is said, never guessed.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optafly_cli.config.schema import BadValueError, Value, all_settings, checked, shown_name
from optafly_cli.config.toml_source import SourceError, read_text
from optafly_cli.errors import ConfigError

MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Change:
    """One key that was understood: its dotted name in the original, our `section.key`, our value."""

    source: str
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file comes to: the changes, and one sentence for each key that was not taken."""

    changes: tuple[Change, ...]
    skipped: tuple[str, ...]

    @property
    def values(self) -> Mapping[str, Value]:
        """The changes as `edit.set_values` takes them."""
        return {change.name: change.value for change in self.changes}


def import_original(path: Path) -> Imported:
    """Reads the file; writes nothing.

    Raises:
        ConfigError: there is no such file, it cannot be read, or it is not a JSON object.
    """
    changes: dict[str, Change] = {}
    skipped: list[str] = []
    for names, value in _leaves(_document(path), ()):
        source = shown_name(".".join(names))
        found = _change(names, source, value)
        if isinstance(found, str):
            skipped.append(f"{source}: {found}")
        elif found.name in changes:
            skipped.append(f"{source}: {changes[found.name].source} already sets {found.name}")
        else:
            changes[found.name] = found
    return Imported(tuple(changes.values()), tuple(skipped))


def _document(path: Path) -> Mapping[str, object]:
    shown = shown_name(str(path))
    try:
        text = read_text(path)
    except SourceError as problem:
        raise ConfigError(f"{problem.at(path)}: {problem.reason}") from None
    if text is None:
        remedy = "name the original's integrated-config.json, usually in ~/.config/optafly-zed"
        raise ConfigError(f"{shown}: there is no such file", remedy=remedy)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{shown}:{error.lineno}: it is not valid JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise ConfigError(f"{shown}: it is not JSON that can be read: a value is too deep or too long") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{shown}: it is not a JSON object", remedy="name the original's integrated-config.json")
    return document


def _leaves(value: object, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and value and len(names) < MAX_DEPTH:
        for key, inner in value.items():
            yield from _leaves(inner, (*names, key))
    elif names:
        yield names, value


def _change(names: tuple[str, ...], source: str, value: object) -> Change | str:
    """The change that a key comes to, or why there is none."""
    key = _snake(names[-1])
    target = None
    for section in reversed(names[:-1]):
        subject = _SUBJECTS.get(_snake(section))
        target = _KEYS.get((subject, key)) if subject else None
        if subject:
            break
    target = target or _KEYS.get(("", key))
    if target is None:
        return "not understood"
    if isinstance(target, str):
        return target
    name, convert = target
    try:
        return Change(source, name, checked(all_settings()[name], convert(value)))
    except BadValueError as problem:
        return f"{name} {problem}"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")


def _same(value: object) -> object:
    return value


def _approve(value: object) -> object:
    """Automatic approval of safe rewrites leaves the unsafe ones to ask about; without it all are asked about."""
    if isinstance(value, bool):
        return "unsafe" if value else "always"
    return value


def _strategy(value: object) -> object:
    return "learned" if value in ("neural", "burn") else value


def _model(value: object) -> object:
    return value.removeprefix("sentence-transformers/") if isinstance(value, str) else value


def _per(unit: float) -> Callable[[object], object]:
    def convert(value: object) -> object:
        return value / unit if isinstance(value, int | float) and not isinstance(value, bool) else value

    return convert


_SUBJECTS: Mapping[str, str] = {
    section: subject
    for subject, names in {
        "refine": "prompt_management prompt_management_agent prompt_manager prompt_agent prompt_refinement refinement "
        "refine context_gathering",
        "route": "burn_router burn_lm_router burn_lm router routing route",
        "cache": "widget_log widget_log_integration semantic_cache cache",
        "service": "proxy server service",
        "bridge": "pyo3_bridge pyo3 bridge",
        "telemetry": "telemetry",
    }.items()
    for section in names.split()
}
_BRIDGE = "not needed: nothing runs behind a bridge here"
_KEYS: Mapping[tuple[str, str], tuple[str, Callable[[object], object]] | str] = {
    # what means one thing wherever it stands
    ("", "refinement_threshold"): ("refine.threshold", _same),
    ("", "auto_approve_safe_refinements"): ("refine.approve", _approve),
    ("", "max_context_tokens"): ("refine.max_context_tokens", _same),
    ("", "include_active_file"): ("refine.include_active_file", _same),
    ("", "include_selection"): ("refine.include_selection", _same),
    ("", "include_project_structure"): ("refine.include_project_structure", _same),
    ("", "cache_anchor_optimization"): ("route.anchors", _same),
    ("", "token_optimization"): ("route.token_optimisation", _same),
    ("", "routing_strategy"): ("route.strategy", _strategy),
    ("", "max_cache_anchors"): ("route.max_anchors", _same),
    ("", "similarity_threshold"): ("cache.similarity", _same),
    ("", "embedding_model"): ("cache.embedding_model", _model),
    ("", "ttl_days"): ("cache.ttl_days", _same),
    ("", "ttl_hours"): ("cache.ttl_days", _per(24)),
    ("", "ttl_seconds"): ("cache.ttl_days", _per(86_400)),
    ("", "max_size_gb"): ("cache.max_size_gb", _same),
    ("", "max_size_mb"): ("cache.max_size_gb", _per(1000)),
    ("", "proxy_host"): ("service.host", _same),
    ("", "proxy_port"): ("service.port", _same),
    ("", "connection_pool_size"): ("service.connection_pool", _same),
    ("", "widget_log_dir"): "not taken: the store of the original cannot be read, so ours stays where it is",
    ("", "gil_optimization"): _BRIDGE,
    ("", "zero_copy_transfers"): _BRIDGE,
    # what depends on its section
    ("refine", "enabled"): ("refine.enabled", _same),
    ("refine", "threshold"): ("refine.threshold", _same),
    ("refine", "model"): "not taken: rewriting by rules needs no model",
    ("route", "enabled"): ("route.enabled", _same),
    ("route", "strategy"): ("route.strategy", _strategy),
    ("route", "max_anchors"): ("route.max_anchors", _same),
    ("cache", "enabled"): ("cache.enabled", _same),
    ("cache", "threshold"): ("cache.similarity", _same),
    ("cache", "similarity"): ("cache.similarity", _same),
    ("cache", "ttl"): ("cache.ttl_days", _per(86_400)),
    ("cache", "backend"): ("cache.backend", _same),
    ("cache", "auto_start"): ("service.auto_start", _same),
    ("service", "auto_start"): ("service.auto_start", _same),
    ("service", "host"): ("service.host", _same),
    ("service", "port"): ("service.port", _same),
    ("bridge", "enabled"): _BRIDGE,
    ("telemetry", "enabled"): ("telemetry.enabled", _same),
    ("telemetry", "sample_rate"): ("telemetry.sample_rate", _same),
}
