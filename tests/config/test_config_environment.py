"""`OPTAFLY_<SECTION>_<KEY>`: parsed like `config set`, a bad value is an error, an unknown name a warning."""

from pathlib import Path

import pytest

from optafly_cli.config.load import load_settings
from optafly_cli.config.schema import RESERVED
from optafly_cli.errors import ConfigError


@pytest.mark.parametrize("text", ["true", "1", "yes", "on", "TRUE", " Yes "])
def test_words_for_true(tmp_path: Path, text: str) -> None:
    """true, 1, yes and on mean true, in any case."""
    assert load_settings(tmp_path, {"OPTAFLY_CACHE_ENABLED": text}).settings.cache.enabled is True


@pytest.mark.parametrize("text", ["false", "0", "no", "off", "False"])
def test_words_for_false(tmp_path: Path, text: str) -> None:
    """false, 0, no and off mean false, in any case."""
    assert load_settings(tmp_path, {"OPTAFLY_CACHE_ENABLED": text}).settings.cache.enabled is False


def test_every_kind_of_value_is_parsed(tmp_path: Path) -> None:
    """Numbers, choices, text, and lists separated by commas."""
    settings = load_settings(
        tmp_path,
        {
            "OPTAFLY_CACHE_TTL_DAYS": "7",
            "OPTAFLY_SERVICE_PORT": " 9000 ",
            "OPTAFLY_REFINE_APPROVE": "never",
            "OPTAFLY_PROVIDER_MODEL": "claude-x",
            "OPTAFLY_PROVIDER_EXTRA_MODELS": "smollm2, local-7b,",
            "OPTAFLY_CACHE_PATH": "~/store",
            "OPTAFLY_CACHE_DSN": "redis://host",
        },
    ).settings
    assert (settings.cache.ttl_days, settings.service.port) == (7.0, 9000)
    assert (settings.refine.approve, settings.provider.model) == ("never", "claude-x")
    assert settings.provider.extra_models == ("smollm2", "local-7b")
    assert (settings.cache.path, settings.cache.dsn) == ("~/store", "redis://host")
    assert load_settings(tmp_path, {"OPTAFLY_PROVIDER_EXTRA_MODELS": ""}).settings.provider.extra_models == ()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OPTAFLY_CACHE_ENABLED", ""),
        ("OPTAFLY_CACHE_ENABLED", "maybe"),
        ("OPTAFLY_CACHE_TTL_DAYS", "-1"),
        ("OPTAFLY_CACHE_TTL_DAYS", "inf"),
        ("OPTAFLY_CACHE_TTL_DAYS", "a week"),
        ("OPTAFLY_SERVICE_PORT", "0"),
        ("OPTAFLY_SERVICE_PORT", "9" * 5000),
        ("OPTAFLY_REFINE_APPROVE", "sometimes"),
        ("OPTAFLY_PROVIDER_BASE_URL", "http://"),
        ("OPTAFLY_CACHE_PATH", "relative"),
        ("OPTAFLY_PROVIDER_MODEL", "line\nbreak"),
        ("OPTAFLY_PROVIDER_MODEL", "\udcff"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(tmp_path: Path, variable: str, text: str) -> None:
    """The message is one printable line with the variable's name; the remedy tells the default."""
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path, {variable: text})
    assert caught.value.message.startswith(f"{variable}: it must be ")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200
    assert "the default is" in (caught.value.remedy or "")


def test_an_unknown_name_is_a_warning_with_the_nearest(tmp_path: Path) -> None:
    """A variable of another version of optafly does not stop a run."""
    warnings = load_settings(tmp_path, {"OPTAFLY_CACHE_TTL": "7", "OPTAFLY_\x1b[31m": "", "OPTAFLYX": "1"}).warnings
    assert warnings == (
        r"OPTAFLY_\x1b[31m: unknown variable, ignored",
        "OPTAFLY_CACHE_TTL: unknown variable, ignored; did you mean OPTAFLY_CACHE_TTL_DAYS?",
    )


def test_reserved_names_are_no_settings(tmp_path: Path) -> None:
    """OPTAFLY_HOME and OPTAFLY_TEST_* pass without a word."""
    environ = {**dict.fromkeys(RESERVED, str(tmp_path)), "OPTAFLY_TEST_ANYTHING": "1"}
    assert load_settings(tmp_path, environ).warnings == ()
