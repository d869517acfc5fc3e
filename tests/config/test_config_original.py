"""`config import`: the original system's integrated-config.json becomes settings, and nothing is guessed."""

import json
from pathlib import Path

import pytest

from optafly_cli.config.edit import set_values
from optafly_cli.config.load import load_settings
from optafly_cli.config.original import import_original
from optafly_cli.config.settings import Settings
from optafly_cli.errors import ConfigError

ORIGINAL: dict[str, dict[str, object]] = {
    "widget_log": {
        "enabled": True,
        "auto_start": True,
        "proxy_host": "127.0.0.1",
        "proxy_port": 8443,
        "widget_log_dir": "~/.local/share/optafly-zed/widget-log",
    },
    "prompt_management": {
        "enabled": True,
        "model": "phi-3-mini-q4",
        "refinement_threshold": 0.7,
        "auto_approve_safe_refinements": False,
        "max_context_tokens": 2048,
        "include_active_file": True,
        "include_selection": True,
        "include_project_structure": True,
    },
    "burn_router": {
        "enabled": True,
        "cache_anchor_optimization": True,
        "token_optimization": True,
        "routing_strategy": "auto",
    },
    "pyo3_bridge": {
        "enabled": True,
        "gil_optimization": True,
        "zero_copy_transfers": True,
        "connection_pool_size": 4,
    },
}
"""What the original writes when it finds no file (its `IntegratedConfig::default`)."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "integrated-config.json"


def test_the_original_s_own_defaults_are_ours(tmp_path: Path, file: Path) -> None:
    """Its default file changes one setting, approve; every key is either taken or has its reason."""
    file.write_text(json.dumps(ORIGINAL, indent=2))
    imported = import_original(file)
    assert len(imported.changes) + len(imported.skipped) == sum(len(section) for section in ORIGINAL.values())
    assert [line.split(":")[0] for line in imported.skipped] == [
        "widget_log.widget_log_dir",
        "prompt_management.model",
        "pyo3_bridge.enabled",
        "pyo3_bridge.gil_optimization",
        "pyo3_bridge.zero_copy_transfers",
    ]
    set_values(tmp_path / "config.toml", imported.values)
    settings = load_settings(tmp_path, {"OPTAFLY_HOME": str(tmp_path)}).settings
    assert settings.refine.approve == "always"
    ours = {name: getattr(settings, name) for name in ("route", "cache", "service", "provider", "telemetry")}
    assert ours == {name: getattr(Settings(), name) for name in ours}


def test_every_value_is_carried_over(file: Path) -> None:
    """Values that differ from the defaults arrive under our names."""
    changed = json.loads(json.dumps(ORIGINAL))
    changed["widget_log"].update(enabled=False, auto_start=False, proxy_host="localhost", proxy_port=9000)
    changed["prompt_management"].update(
        enabled=False,
        refinement_threshold=0.4,
        auto_approve_safe_refinements=True,
        max_context_tokens=512,
        include_active_file=False,
        include_selection=False,
        include_project_structure=False,
    )
    changed["burn_router"].update(
        enabled=False, cache_anchor_optimization=False, token_optimization=False, routing_strategy="heuristic"
    )
    changed["pyo3_bridge"]["connection_pool_size"] = 9
    file.write_text(json.dumps(changed))
    assert import_original(file).values == {
        "cache.enabled": False,
        "service.auto_start": False,
        "service.host": "localhost",
        "service.port": 9000,
        "refine.enabled": False,
        "refine.threshold": 0.4,
        "refine.approve": "unsafe",
        "refine.max_context_tokens": 512,
        "refine.include_active_file": False,
        "refine.include_selection": False,
        "refine.include_project_structure": False,
        "route.enabled": False,
        "route.anchors": False,
        "route.token_optimisation": False,
        "route.strategy": "heuristic",
        "service.connection_pool": 9,
    }


def test_other_section_names_camel_case_and_nesting(file: Path) -> None:
    """The names of its design notes, deeper nesting and camelCase are understood as well."""
    file.write_text(
        json.dumps(
            {
                "version": 2,
                "optafly": {
                    "promptManagementAgent": {
                        "refinementThreshold": 0.5,
                        "contextGathering": {"includeActiveFile": False, "maxContextTokens": 100},
                    },
                    "burnLmRouter": {"enabled": False, "maxCacheAnchors": 2},
                    "semanticCache": {
                        "enabled": False,
                        "similarityThreshold": 0.9,
                        "ttlSeconds": 86_400,
                        "maxSizeGb": 1,
                        "embeddingModel": "sentence-transformers/all-MiniLM-L6-v2",
                    },
                    "proxy": {"host": "localhost", "port": 1234},
                    "telemetry": {"enabled": False},
                    "apiKey": "sk-secret",
                },
            }
        )
    )
    imported = import_original(file)
    assert imported.values == {
        "refine.threshold": 0.5,
        "refine.include_active_file": False,
        "refine.max_context_tokens": 100,
        "route.enabled": False,
        "route.max_anchors": 2,
        "cache.enabled": False,
        "cache.similarity": 0.9,
        "cache.ttl_days": 1.0,
        "cache.max_size_gb": 1.0,
        "cache.embedding_model": "all-MiniLM-L6-v2",
        "service.host": "localhost",
        "service.port": 1234,
        "telemetry.enabled": False,
    }
    assert imported.skipped == ("version: not understood", "optafly.apiKey: not understood")
    assert [change.source for change in imported.changes][:2] == [
        "optafly.promptManagementAgent.refinementThreshold",
        "optafly.promptManagementAgent.contextGathering.includeActiveFile",
    ]


def test_values_that_do_not_fit_are_named_and_left_out(file: Path) -> None:
    """A bad value, a list where a number was, a key given twice: each is one line, the rest is taken."""
    file.write_text(
        json.dumps(
            {
                "burn_router": {"routing_strategy": "aggressive_cache", "enabled": []},
                "prompt_management": {"refinement_threshold": 70, "include_selection": None, "enabled": {}},
                "semantic_cache": {"ttl_days": 3, "ttl_seconds": 5},
                "\u001b[31m": 1,
            }
        )
    )
    imported = import_original(file)
    assert imported.values == {"cache.ttl_days": 3.0}
    assert imported.skipped == (
        "burn_router.routing_strategy: route.strategy must be one of heuristic, learned, auto, not 'aggressive_cache'",
        "burn_router.enabled: route.enabled must be true or false, not []",
        "prompt_management.refinement_threshold: refine.threshold must be a number from 0 to 1, not 70",
        "prompt_management.include_selection: refine.include_selection must be true or false, not None",
        "prompt_management.enabled: refine.enabled must be true or false, not {}",
        "semantic_cache.ttl_seconds: semantic_cache.ttl_days already sets cache.ttl_days",
        r"\x1b[31m: not understood",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "a": }', ":2: it is not valid JSON: Expecting value"),
        ("", ":1: it is not valid JSON"),
        ("[1]", ": it is not a JSON object"),
        ("[" * 100_000, ": it is not JSON that can be read"),
        ('{"a":' * 30_000, ": it is not JSON that can be read"),
        ('{"a": ' + "1" * 5000 + "}", ": it is not JSON that can be read"),
    ],
)
def test_what_is_no_json_object_is_one_sentence(file: Path, text: str, said: str) -> None:
    """Exit 4 with the file and, where there is one, the line."""
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        import_original(file)
    assert caught.value.message.startswith(f"{file}{said}")


def test_a_missing_or_unreadable_file_is_one_sentence(file: Path) -> None:
    """No such file, a folder, no UTF-8."""
    with pytest.raises(ConfigError, match="there is no such file"):
        import_original(file)
    with pytest.raises(ConfigError, match="not a regular file"):
        import_original(file.parent)
    file.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ConfigError, match=":1: it is not UTF-8"):
        import_original(file)
