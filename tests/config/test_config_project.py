"""The project's file: found from any folder below, and not trusted with what only the user may decide."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from optafly_cli.config import project
from optafly_cli.config.load import Loaded, load_settings
from optafly_cli.config.schema import CREDENTIALS, USER_ONLY, all_settings
from optafly_cli.config.settings import Settings
from optafly_cli.errors import ConfigError


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "src" / "deep").mkdir(parents=True)
    return root


def load(cwd: Path) -> Loaded:
    return load_settings(cwd, {"OPTAFLY_HOME": "/nonexistent/optafly"})


def test_it_is_found_from_a_folder_below(repository: Path) -> None:
    """The nearest ancestor's file holds, from every folder under it."""
    (repository / ".optafly.toml").write_text("[refine]\nthreshold = 0.5\n")
    loaded = load(repository / "src" / "deep")
    assert loaded.settings.refine.threshold == 0.5
    assert loaded.project_file == repository / ".optafly.toml"


def test_the_nearest_folder_wins_and_the_search_stops_at_git(repository: Path) -> None:
    """A file above the repository is another project's."""
    (repository.parent / ".optafly.toml").write_text("[refine]\nthreshold = 0.1\n")
    assert load(repository / "src").settings == Settings()
    (repository / ".optafly.toml").write_text("[refine]\nthreshold = 0.2\n")
    (repository / "src" / "pyproject.toml").write_text("[tool.optafly.refine]\nthreshold = 0.3\n")
    assert load(repository / "src" / "deep").settings.refine.threshold == 0.3
    assert load(repository).settings.refine.threshold == 0.2


def test_its_own_file_wins_over_pyproject_in_the_same_folder(repository: Path) -> None:
    """One folder, both files: `.optafly.toml` is read and pyproject.toml is not."""
    (repository / "pyproject.toml").write_text("[tool.optafly.refine]\nthreshold = 0.3\nenabled = false\n")
    (repository / ".optafly.toml").write_text("[refine]\nthreshold = 0.2\n")
    settings = load(repository).settings
    assert (settings.refine.threshold, settings.refine.enabled) == (0.2, True)


def test_pyproject_without_our_table_is_no_source(repository: Path) -> None:
    """The search goes on above a pyproject.toml that says nothing about optafly, or only depends on it."""
    (repository / ".optafly.toml").write_text("[refine]\nthreshold = 0.2\n")
    (repository / "src" / "pyproject.toml").write_text('[project]\ndependencies = ["optafly"]\n[tool.ruff]\n')
    assert load(repository / "src").settings.refine.threshold == 0.2


@pytest.mark.parametrize(
    "text",
    [
        "[tool.optafly.refine]\nthreshold = 0.3",
        "[ tool . 'optafly' . refine ]\nthreshold = 0.3",
        "[tool]\noptafly.refine.threshold = 0.3",
        "[tool]\noptafly = { refine = { threshold = 0.3 } }",
        "tool = { optafly = { refine = { threshold = 0.3 } } }",
        "tool.optafly.refine.threshold = 0.3",
    ],
)
def test_our_table_in_pyproject_is_found_however_it_is_written(repository: Path, text: str) -> None:
    """TOML has many ways to write a table; each of them counts."""
    (repository / "pyproject.toml").write_text(f'x = "y"\n{text}\n')
    loaded = load(repository)
    assert loaded.settings.refine.threshold == 0.3
    assert loaded.origins["refine.threshold"].source == "project"


def test_a_mistake_in_pyproject_names_its_line(repository: Path) -> None:
    """Lines count from the top of pyproject.toml, not from our table."""
    path = repository / "pyproject.toml"
    path.write_text('[project]\nname = "x"\n\n[tool.optafly.refine]\ntreshold = 1\n')
    with pytest.raises(ConfigError) as caught:
        load(repository)
    assert caught.value.message == f"{path}:5: unknown key refine.treshold"
    assert caught.value.remedy == "did you mean refine.threshold?"
    path.write_text("[tool]\noptafly = 3\n")
    with pytest.raises(ConfigError, match=r":2: tool\.optafly must be a table"):
        load(repository)
    path.write_text("[tool.optafly.cash]\n")
    with pytest.raises(ConfigError, match=r":1: unknown section \[tool.optafly.cash\]"):
        load(repository)


def test_broken_toml_is_an_error_in_ours_and_a_warning_in_pyproject(repository: Path) -> None:
    """A broken pyproject.toml is for other tools to refuse; it is mentioned only when it has our table."""
    path = repository / "pyproject.toml"
    path.write_text("[project]\nname = \n# optafly\n")
    assert load(repository).warnings == ()
    path.write_text("[tool.optafly.refine]\nthreshold = \n")
    loaded = load(repository)
    assert loaded.settings == Settings()
    assert loaded.warnings == (f"{path}:2: this project file is ignored: it is not valid TOML: invalid value",)
    own = repository / ".optafly.toml"
    own.write_text("[refine]\n\nthreshold = \n")
    with pytest.raises(ConfigError) as caught:
        load(repository)
    assert caught.value.message == f"{own}:3: it is not valid TOML: invalid value"


@pytest.mark.parametrize("name", sorted(USER_ONLY))
def test_what_only_the_user_may_set_is_ignored_with_a_warning(repository: Path, name: str) -> None:
    """A cloned repository can not redirect traffic, move the store, lower the guard or approve for the user."""
    section, _, key = name.partition(".")
    (repository / ".optafly.toml").write_text(f'# hello\n[{section}]\n{key} = "https://evil.example"\n')
    loaded = load(repository)
    assert loaded.settings == Settings()
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith(
        f"{repository / '.optafly.toml'}:3: {name} is ignored: a project file may not set it ("
    )
    assert name in all_settings()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        *((f'[provider]\n{key} = "sk"', [f"provider.{key}"]) for key in sorted(CREDENTIALS)),
        ('[provider]\nAPI-Key = "sk"', ["provider.API-Key"]),
        ('[provider.headers]\nx = "y"', ["provider.headers"]),
        ('provider = { base_url = "http://evil.example", retries = 1 }', ["provider.base_url"]),
        ('"provider"."base_url" = "http://evil.example"', ["provider.base_url"]),
        ('[service]\nhost = "0.0.0.0"\nport = "no"', ["service.host", "service.port"]),
        ("[telemetry]\nanything = 1", ["telemetry.anything"]),
        ("service = 1", ["service"]),
        ("[telemetry]", ["telemetry"]),
    ],
)
def test_keys_and_whole_sections_are_ignored_however_they_are_written(
    repository: Path, text: str, names: list[str]
) -> None:
    """Inline, dotted, quoted or of the wrong type: ignored, named, and never an error."""
    (repository / ".optafly.toml").write_text(text)
    loaded = load(repository)
    settings = loaded.settings
    assert (settings.provider.base_url, settings.service, settings.telemetry) == (
        "",
        Settings().service,
        Settings().telemetry,
    )
    assert [warning.split(": ")[1].split(" is ignored")[0] for warning in loaded.warnings] == names


def test_a_project_may_set_the_rest(repository: Path) -> None:
    """Every other setting can be set by a project, so that a team can share it."""
    allowed = [
        s for s in all_settings().values() if s.section not in ("service", "telemetry") and s.name not in USER_ONLY
    ]
    lines = [f"{s.name} = {_toml(s.default)}" for s in allowed]
    (repository / ".optafly.toml").write_text("\n".join(lines))
    loaded = load(repository)
    assert loaded.warnings == ()
    assert {name for name, origin in loaded.origins.items() if origin.source == "project"} == {s.name for s in allowed}
    assert "provider.extra_models" in {s.name for s in allowed}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "[]" if value == () else repr(value)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _outside(path: Path) -> None:
    target = path.parents[1] / "outside.toml"
    target.write_text("[tool.optafly]\n[refine]\nthreshold = 0.1\n")
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_outside, "it is a link that leads out of the project"),
        (_pipe, "it is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
        (lambda path: path.mkdir(), "it is not a regular file"),
        (lambda path: path.write_bytes(b"#optafly\n" * 200_000), "it is larger than 1000 kB"),
        (lambda path: path.write_bytes(b"[refine]\n# \xff"), "it is not UTF-8"),
        (lambda path: path.write_text("[tool.optafly]\nx = " + "[" * 50_000), "it is not TOML that can be read"),
        (lambda path: path.write_text("[tool.optafly]\nx = " + "9" * 50_000), "it is not TOML that can be read"),
        (lambda path: path.write_text("[tool.optafly]\n" + "a." * 400_000 + "a = 1"), "a key has more than 16 dots"),
        (
            lambda path: path.write_text("[tool.optafly]\nx={" + '"a" . ' * 90_000 + "a=1}"),
            "a key has more than 16 dots",
        ),
    ],
)
@pytest.mark.parametrize("name", [".optafly.toml", "pyproject.toml"])
def test_a_hostile_file_is_left_out_with_a_warning(
    repository: Path, name: str, make: Callable[[Path], None], reason: str
) -> None:
    """A link out of the tree, a pipe, a device, a huge file or a TOML bomb neither blocks a run nor has an effect."""
    make(repository / name)
    loaded = load(repository)
    assert loaded.settings == Settings()
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith(str(repository / name))
    assert f"this project file is ignored: {reason}" in loaded.warnings[0]


def test_a_link_within_the_project_is_followed(repository: Path) -> None:
    """A team may keep the file in a folder of the same tree."""
    (repository / "src" / "optafly.toml").write_text("[refine]\nthreshold = 0.4\n")
    (repository / ".optafly.toml").symlink_to("src/optafly.toml")
    assert load(repository).settings.refine.threshold == 0.4
    (repository / ".optafly.toml").unlink()
    (repository / ".optafly.toml").symlink_to("nowhere")
    assert load(repository).settings == Settings()


def test_a_file_of_another_user_above_the_working_folder_is_left_out(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's /tmp/.optafly.toml does not configure what you do in /tmp/yours."""
    path = repository / ".optafly.toml"
    path.write_text("[refine]\nthreshold = 0.4\n")
    owner = project._owner
    monkeypatch.setattr(project, "_owner", lambda name: 4242 if name == str(path) else owner(name))
    loaded = load(repository / "src")
    assert loaded.settings == Settings()
    assert loaded.warnings == (f"{path}: this project file is ignored: it belongs to another user",)


def test_names_from_a_hostile_file_reach_the_terminal_escaped(repository: Path) -> None:
    """A key, a section or a folder's name with terminal escape codes is printed without them."""
    folder = repository / "\x1b]0;title\x07"
    folder.mkdir()
    own = folder / ".optafly.toml"
    own.write_text('[refine]\n"\\u001b[31mred" = 1\n')
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert caught.value.message.isprintable()
    assert "\\x1b[31mred" in caught.value.message
    own.write_text('["\\u001b[31mred"]\nx = 1\n')
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert caught.value.message.isprintable()
    own.write_text('[telemetry]\n"\\u001b" = 1\n')
    assert all(warning.isprintable() for warning in load(folder).warnings)


def test_a_working_folder_that_is_gone_has_no_project(tmp_path: Path) -> None:
    """The settings still load when the shell stands in a folder that was deleted."""
    assert load(tmp_path / "gone").settings == Settings()
