"""`config set`, `unset` and what they promise: comments stay, nothing half-written, 0600."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from optafly_cli.config.edit import ensure_file, set_value, set_values, unset
from optafly_cli.config.load import load_settings
from optafly_cli.config.settings import Settings
from optafly_cli.errors import ConfigError

TEXT = """\
# my settings
[refine]
threshold = 0.5   # strict

# the cache
[cache]
ttl_days = 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "optafly" / "config.toml"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_file_is_made_private(file: Path) -> None:
    """The first `config set` makes folder (0700) and file (0600)."""
    old = os.umask(0)
    try:
        assert set_value(file, "cache.similarity", "0.9") == 0.9
    finally:
        os.umask(old)
    assert file.read_text() == "[cache]\nsimilarity = 0.9\n"
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]


def test_an_empty_file_is_made_for_the_editor(file: Path) -> None:
    """`config edit` opens a private file that holds nothing but a hint, and leaves one that exists alone."""
    ensure_file(file)
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert load_settings(file.parent, {"OPTAFLY_HOME": str(file.parent)}).settings == Settings()
    file.write_text(TEXT)
    ensure_file(file)
    assert file.read_text() == TEXT
    with pytest.raises(ConfigError, match="it cannot be written"):
        ensure_file(file / "below")


def test_comments_and_order_are_kept(file: Path) -> None:
    """Only the line that changes changes; a new key goes into its section."""
    file.parent.mkdir()
    file.write_text(TEXT)
    set_value(file, "refine.threshold", "0.6")
    set_value(file, "cache.enabled", "no")
    set_value(file, "provider.extra_models", "a, b")
    after = file.read_text()
    assert after.startswith(TEXT.replace("0.5", "0.6").rstrip())
    assert "enabled = false" in after
    assert after.endswith('[provider]\nextra_models = ["a", "b"]\n')
    settings = load_settings(file.parent, {"OPTAFLY_HOME": str(file.parent)}).settings
    assert (settings.refine.threshold, settings.cache.ttl_days, settings.cache.enabled) == (0.6, 7.0, False)
    assert settings.provider.extra_models == ("a", "b")


@pytest.mark.parametrize(
    "text", ["cache.ttl_days = 7\n", "cache = { ttl_days = 7 }\n", "[refine]\n[cache]\n\n[refine.x]\n", '["cache"]\n']
)
def test_every_way_to_write_a_table_can_be_edited(file: Path, text: str) -> None:
    """Dotted keys, inline tables, split tables: the key is set where the section is."""
    file.parent.mkdir()
    file.write_text(text)
    set_value(file, "cache.ttl_days", "8")
    import tomllib

    assert tomllib.loads(file.read_text())["cache"]["ttl_days"] == 8.0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cache.similarty", "1", "unknown setting cache.similarty"),
        ("cache.similarity", "2", "cache.similarity must be a number from 0 to 1, not 2"),
        ("cache.enabled", "perhaps", "cache.enabled must be true or false, not 'perhaps'"),
    ],
)
def test_a_bad_key_or_value_is_never_written(file: Path, name: str, text: str, said: str) -> None:
    """The check comes before the write."""
    with pytest.raises(ConfigError) as caught:
        set_value(file, name, text)
    assert caught.value.message == said
    assert caught.value.remedy
    assert not file.exists()


def test_a_broken_file_is_left_as_it_is(file: Path) -> None:
    """A file that is no TOML, or whose section is no table, is refused with its place, not overwritten."""
    file.parent.mkdir()
    file.write_text("[cache\n")
    with pytest.raises(ConfigError, match=f"{file}:1: it is not valid TOML"):
        set_value(file, "cache.ttl_days", "8")
    assert file.read_text() == "[cache\n"
    file.write_text("cache = 1\n")
    with pytest.raises(ConfigError, match="cache must be a section"):
        set_value(file, "cache.ttl_days", "8")
    assert file.read_text() == "cache = 1\n"


def test_a_linked_file_is_written_through(tmp_path: Path, file: Path) -> None:
    """The link to a dotfiles repository stays a link."""
    target = tmp_path / "dotfiles" / "optafly.toml"
    target.parent.mkdir(mode=0o755)
    target.write_text(TEXT)
    file.parent.mkdir()
    file.symlink_to(target)
    set_value(file, "cache.ttl_days", "8")
    assert file.is_symlink()
    assert "ttl_days = 8.0" in target.read_text()
    assert mode(target.parent) == 0o755


def test_unset_takes_the_key_out_and_leaves_the_rest(file: Path) -> None:
    """`unset` says whether the key was there, and can take out a key that this version does not know."""
    assert unset(file, "cache.ttl_days") is False
    assert not file.parent.exists()
    file.parent.mkdir()
    file.write_text(TEXT + "old_key = 1\n")
    assert unset(file, "cache.old_key") is True
    assert file.read_text() == TEXT
    assert unset(file, "cache.ttl_days") is True
    assert file.read_text() == TEXT.replace("ttl_days = 7\n", "")
    assert unset(file, "cache.ttl_days") is False
    with pytest.raises(ConfigError, match=r"unknown setting cache\.nothing"):
        unset(file, "cache.nothing")


def test_several_values_are_one_write(file: Path) -> None:
    """A bad value among several leaves the file without any of them."""
    with pytest.raises(ConfigError):
        set_values(file, {"cache.ttl_days": 3.0, "cache.similarity": 3.0})
    assert not file.exists()
    set_values(file, {"cache.ttl_days": 3.0, "cache.similarity": 0.3})
    assert file.read_text() == "[cache]\nttl_days = 3.0\nsimilarity = 0.3\n"


def test_a_crash_while_writing_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is one sentence; the old file is whole and nothing lies beside it."""
    file.parent.mkdir()
    file.write_text(TEXT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\)"):
        set_value(file, "cache.ttl_days", "8")
    assert file.read_text() == TEXT
    assert list(file.parent.iterdir()) == [file]


def test_two_writers_lose_nothing(file: Path) -> None:
    """Processes that set different keys at once are all heard."""
    keys = ["cache.ttl_days", "cache.max_size_gb", "provider.timeout_s", "service.idle_minutes"]
    code = "import sys; from pathlib import Path; from optafly_cli.config.edit import set_value\n"
    code += "for n in range(1, 6): set_value(Path(sys.argv[1]), sys.argv[2], str(n))"
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([sys.executable, "-c", code, str(file), key], cwd=root) for key in keys]
    assert [process.wait() for process in running] == [0] * len(keys)
    settings = load_settings(file.parent, {"OPTAFLY_HOME": str(file.parent)}).settings
    assert (settings.cache.ttl_days, settings.cache.max_size_gb) == (5.0, 5.0)
    assert (settings.provider.timeout_s, settings.service.idle_minutes) == (5.0, 5.0)


def test_a_lifetime_of_nothing_is_refused(tmp_path: Path) -> None:
    """0 could mean for good or not at all, so it is neither; the remedy says how to have either."""
    with pytest.raises(ConfigError) as refused:
        set_value(tmp_path / "config.toml", "cache.ttl_days", "0")
    assert refused.value.message == "cache.ttl_days must be a number above 0 and at most 36500, not 0"
    assert "36500 keeps answers for a century, cache.enabled = false keeps none" in (refused.value.remedy or "")
    assert not (tmp_path / "config.toml").exists()
