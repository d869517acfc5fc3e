"""One precedence, every value with its origin, every mistake with its place."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from optafly_cli.config.load import Loaded, Origin, check_user_file, known_setting, load_settings, value_of
from optafly_cli.config.schema import all_settings
from optafly_cli.config.settings import Settings
from optafly_cli.errors import ConfigError, UsageError


class Place:
    """A user's home and a project to load settings from."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.project = folder / "project"
        self.home.mkdir()
        (self.project / ".git").mkdir(parents=True)
        self.user_file = self.home / "config.toml"

    def user(self, text: str) -> None:
        self.user_file.write_text(text)

    def own(self, text: str) -> None:
        (self.project / ".optafly.toml").write_text(text)

    def load(self, environ: Mapping[str, str] = {}, flags: Mapping[str, object] = {}, at: str = ".") -> Loaded:
        return load_settings(self.project / at, {"OPTAFLY_HOME": str(self.home), **environ}, flags)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_any_source_the_defaults_hold(place: Place) -> None:
    """Nothing configured: the tree's defaults, each of them with the origin default, and no warning."""
    loaded = place.load()
    assert loaded.settings == Settings()
    assert set(loaded.origins) == set(all_settings())
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}
    assert loaded.warnings == ()
    assert loaded.user_file == place.user_file
    assert loaded.project_file is None


def test_flags_beat_variables_beat_the_project_beats_the_user(place: Place) -> None:
    """Each source wins over the ones below it and leaves their other keys alone."""
    place.user("[route]\nmax_anchors = 1\nanchors = false\n[refine]\nthreshold = 0.1\ninclude_selection = false\n")
    place.own("[route]\nmax_anchors = 2\n\n[refine]\nthreshold = 0.2\n")
    environ = {"OPTAFLY_ROUTE_MAX_ANCHORS": "3", "OPTAFLY_PROVIDER_RETRIES": "7"}
    loaded = place.load(environ, {"provider.retries": 9, "cache.enabled": None})
    settings = loaded.settings
    assert (settings.route.max_anchors, settings.route.anchors) == (3, False)
    assert (settings.refine.threshold, settings.refine.include_selection) == (0.2, False)
    assert (settings.provider.retries, settings.cache.enabled) == (9, True)
    assert loaded.origins["route.max_anchors"] == Origin("environment", "OPTAFLY_ROUTE_MAX_ANCHORS")
    assert loaded.origins["route.anchors"] == Origin("user", f"{place.user_file}:3")
    assert loaded.origins["refine.threshold"] == Origin("project", f"{place.project / '.optafly.toml'}:5")
    assert str(loaded.origins["provider.retries"]) == "flag"
    assert str(loaded.origins["cache.enabled"]) == "default"


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("[cache]\n# a comment\nsimilarty = 0.9\n", 3, "unknown key cache.similarty", "did you mean cache.similarity?"),
        ("[cach]\nsimilarity = 0.9\n", 2, "unknown section [cach]", "did you mean [cache]?"),
        ("similarity = 0.9\n", 1, "unknown key similarity", "did you mean cache.similarity?"),
        ("[cache]\nport = 1\n", 2, "unknown key cache.port", "did you mean service.port?"),
        ("[telemetry]\nzebra = 1\n", 2, "unknown key telemetry.zebra", "[telemetry] has: enabled, sample_rate"),
        ("refine = 3\n", 1, "refine must be a section", "write [refine] above its keys"),
        ("[[refine]]\n", 1, "refine must be a section", "write [refine] above its keys"),
        (
            "[refine]\nthreshold = 1.5\n",
            2,
            "refine.threshold must be a number from 0 to 1, not 1.5",
            "change the line or remove it: the default is 0.7",
        ),
        ("cache.max_error_rate = -1\n", 1, "cache.max_error_rate must be a number from 0 to 0.5, not -1", ""),
        ("[cache]\nenabled = 1\n", 2, "cache.enabled must be true or false, not 1", ""),
        ("[route]\nmax_anchors = true\n", 2, "route.max_anchors must be a whole number from 0 to 4, not true", ""),
        ("[route]\nmax_anchors = 2.0\n", 2, "route.max_anchors must be a whole number from 0 to 4, not 2.0", ""),
        ("[refine]\napprove = 'Never'\n", 2, "refine.approve must be one of always, unsafe, never, not 'Never'", ""),
        ("[service]\nport = 65536\n", 2, "service.port must be a whole number from 1 to 65535, not 65536", ""),
        ("[cache]\nttl_days = nan\n", 2, "cache.ttl_days must be a number above 0 and at most 36500, not nan", ""),
        (
            "[cache]\npath = 'here'\n",
            2,
            "cache.path must be an absolute path, or one that starts with ~/, not 'here'",
            "",
        ),
        (
            "[provider]\nbase_url = 'host'\n",
            2,
            "provider.base_url must be a URL that starts with http:// or https://",
            "",
        ),
        ("[provider]\nextra_models = ['a', 1]\n", 2, "provider.extra_models must be a list of names", ""),
        ("[provider]\nmodel = '\x1b[31m'\n".replace("'", '"').replace("\x1b", "\\u001b"), 2, r"not '\x1b[31m'", ""),
        ("[provider]\napi_key = 'sk'\n", 2, "unknown key provider.api_key", "a key is read from ANTHROPIC_API_KEY"),
        ("[refine\n", 1, "it is not valid TOML: ", "mend the file, or move it away"),
        ("[refine]\n\nthreshold = = 1\n", 3, "it is not valid TOML: invalid value", ""),
        ("[refine]\nllm = '''\n\n", 2, "it is not valid TOML: ", ""),
    ],
)
def test_a_mistake_in_the_user_file_names_line_and_nearest_key(
    place: Place, text: str, line: int, message: str, remedy: str
) -> None:
    """An unknown key, a bad value or broken TOML is exit 4 with FILE:LINE, what is wrong, and what to do."""
    place.user(text)
    with pytest.raises(ConfigError) as caught:
        place.load()
    assert caught.value.message.startswith(f"{place.user_file}:{line}: ")
    assert message in caught.value.message
    assert caught.value.remedy
    assert remedy in caught.value.remedy
    assert caught.value.exit_code == 4
    assert caught.value.message.isprintable()
    with pytest.raises(ConfigError):
        check_user_file(place.user_file)


def test_a_secret_is_in_no_message(place: Place) -> None:
    """A DSN that is refused is not repeated: it may hold a password."""
    place.user('[cache]\ndsn = "redis://:pass\\u0007word@host"\n')
    with pytest.raises(ConfigError) as caught:
        place.load()
    assert "word" not in caught.value.message


@pytest.mark.parametrize("kind", ["folder", "pipe", "huge", "latin-1", "loop"])
def test_a_user_file_that_cannot_be_read_is_an_error(place: Place, kind: str) -> None:
    """The user's own file is never left out silently."""
    if kind == "folder":
        place.user_file.mkdir()
    elif kind == "pipe":
        os.mkfifo(place.user_file)
    elif kind == "huge":
        place.user_file.write_bytes(b"#" * 1_000_001)
    elif kind == "latin-1":
        place.user_file.write_bytes(b"[cache]\n# caf\xe9\n")
    else:
        place.user_file.symlink_to(place.user_file)
    with pytest.raises(ConfigError, match=str(place.user_file)):
        place.load()


def test_empty_sections_bom_crlf_and_an_empty_file_are_fine(place: Place) -> None:
    """What editors leave behind is no mistake."""
    place.user_file.write_bytes(b"\xef\xbb\xbf[cache]\r\n\r\n[refine]\r\nthreshold = 1\r\n")
    loaded = place.load()
    assert loaded.settings.refine.threshold == 1.0
    assert isinstance(loaded.settings.refine.threshold, float)
    assert loaded.origins["refine.threshold"].place.endswith(":4")
    place.user("")
    assert place.load().settings == Settings()


def test_a_flag_with_a_bad_value_is_a_usage_error(place: Place) -> None:
    """The command line is exit 2, not 4."""
    with pytest.raises(UsageError, match=r"on the command line, cache.max_error_rate must be .* not 0.9"):
        place.load(flags={"cache.max_error_rate": 0.9})


def test_a_setting_is_found_by_name_or_the_nearest_is_named() -> None:
    """`config get` and `config set` look names up with one function."""
    setting = known_setting("cache.ttl_days")
    assert value_of(Settings(), setting) == 30.0
    for wrong in ("cache.ttl", "cash.ttl_days", "ttl_days", ""):
        with pytest.raises(ConfigError) as caught:
            known_setting(wrong)
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("refine.refinement_threshold", "refine.threshold"),
        ("cache.ttl", "cache.ttl_days"),
        ("cache.size", "cache.max_size_gb"),
        ("similarity", "cache.similarity"),
        ("service.base_url", "provider.base_url"),
        ("cahce.similarity", "cache.similarity"),
        ("route.token_optimization", "route.token_optimisation"),
    ],
)
def test_the_nearest_key_is_the_one_that_was_meant(wrong: str, meant: str) -> None:
    """A slip, a part of a name, a name in another section or from the original system."""
    with pytest.raises(ConfigError) as caught:
        known_setting(wrong)
    assert caught.value.remedy == f"did you mean {meant}?"


def test_loading_without_a_file_imports_nothing_heavy(place: Place) -> None:
    """The cache-hit path loads settings: without files it imports no TOML reader and no platformdirs."""
    code = (
        "import sys, os; from pathlib import Path; from optafly_cli.config.load import load_settings;"
        "load_settings(Path.cwd(), os.environ);"
        "unwanted = {'tomllib', 'tomlkit', 'platformdirs', 'difflib', 'json', 'optafly_cli.config.positions'};"
        "print(*sorted(unwanted & set(sys.modules)))"
    )
    for home in ({"OPTAFLY_HOME": str(place.home)}, {"HOME": str(place.home)}):
        environ = {**os.environ, **home, "OPTAFLY_CACHE_ENABLED": "no"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=place.project, env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == ""
