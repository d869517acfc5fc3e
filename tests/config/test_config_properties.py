"""What holds for every settings tree, every key and every TOML text."""

import string
import tempfile
import time
import tomllib
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.config.edit import set_values, unset
from optafly_cli.config.load import check_user_file, load_settings, value_of
from optafly_cli.config.positions import line_of, longest_key, positions
from optafly_cli.config.schema import Setting, Value, all_settings, checked, nearest_key, parsed, sections, written
from optafly_cli.errors import ConfigError

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)


def values_of(setting: Setting) -> st.SearchStrategy[Value]:
    rule = setting.rule
    if setting.kind == "boolean":
        return st.booleans()
    if setting.kind == "choice":
        return st.sampled_from(setting.choices)
    if setting.kind == "list":
        return st.lists(PRINTABLE.filter(lambda text: "," not in text), max_size=4).map(tuple)
    if setting.kind == "text":
        forms = {"path": "/", "url": "https://host/", "name": "n", "any": ""}
        return PRINTABLE.map(lambda text: forms[rule.form] + text)
    low = rule.minimum if rule.above is None else rule.above
    assert low is not None
    assert rule.maximum is not None
    if setting.kind == "integer":
        return st.integers(int(low), int(rule.maximum))
    return st.floats(low, rule.maximum, exclude_min=rule.above is not None)


TREES: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {}, optional={name: values_of(setting) for name, setting in all_settings().items()}
)


@settings(deadline=None, max_examples=25)
@given(TREES)
def test_any_valid_tree_round_trips_through_toml(values: dict[str, Value]) -> None:
    """What `set_values` writes is what `load_settings` reads, and `unset` takes it all out again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        set_values(path, values)
        loaded = load_settings(Path(folder), {"OPTAFLY_HOME": folder})
        for name, setting in all_settings().items():
            assert value_of(loaded.settings, setting) == values.get(name, setting.default)
            assert loaded.origins[name].source == ("user" if name in values else "default")
        for name in values:
            assert unset(path, name)
        assert load_settings(Path(folder), {"OPTAFLY_HOME": folder}).origins["cache.enabled"].source == "default"


@settings(deadline=None, max_examples=25)
@given(TREES)
def test_any_valid_tree_round_trips_through_the_environment(values: dict[str, Value]) -> None:
    """`written` and `parsed` are inverse, so `config get` prints what `config set` and a variable take."""
    environ = {all_settings()[name].variable: written(value) for name, value in values.items()}
    loaded = load_settings(Path("/"), {"OPTAFLY_HOME": "/nonexistent/optafly", **environ})
    assert loaded.warnings == ()
    for name, value in values.items():
        assert value_of(loaded.settings, all_settings()[name]) == value
        assert parsed(all_settings()[name], written(value)) == checked(all_settings()[name], value)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from([*sections(), "other"]), st.one_of(NAMES, PRINTABLE))
def test_any_unknown_key_is_an_error_that_names_it(section: str, key: str) -> None:
    """No key is silently ignored, whatever its name."""
    if f"{section}.{key}" in all_settings():
        return
    document = tomlkit.document()
    document[section] = {key: 1}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text("# first line\n" + tomlkit.dumps(document), encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            check_user_file(path)
    assert caught.value.message.startswith(f"{path}:3: unknown ")
    assert (f"[{section}]" if section == "other" else f"{section}.{key}") in caught.value.message
    assert caught.value.remedy


@given(st.sampled_from(sorted(all_settings())), st.data())
def test_a_slip_of_one_letter_finds_the_key_that_was_meant(name: str, data: st.DataObject) -> None:
    """The hint names the right key for a key with one letter left out."""
    section, _, key = name.partition(".")
    at = data.draw(st.integers(0, len(key) - 1))
    slip = key[:at] + key[at + 1 :]
    if len(key) > 3 and f"{section}.{slip}" not in all_settings():
        assert nearest_key(f"{section}.{slip}") == name


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(all_settings())), st.text(max_size=30))
def test_any_text_is_a_valid_value_or_a_config_error(name: str, text: str) -> None:
    """No text in a variable makes anything but a value that its own check accepts, or one printable sentence."""
    setting = all_settings()[name]
    try:
        loaded = load_settings(Path("/"), {"OPTAFLY_HOME": "/nonexistent/optafly", setting.variable: text})
    except ConfigError as error:
        assert error.message.isprintable()
        assert setting.variable in error.message
    else:
        value = value_of(loaded.settings, setting)
        assert checked(setting, value) == value


SCALARS = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(
        ['"a # b"', "'[x]'", '"\\" = ["', "[1,\n # ] c\n 2\n]", '"""\n[refine]\nx = 1\n"""', "'''\n''\nq=1\n'''"]
    ),
    st.sampled_from(["{ a = 1, b = [1,\n2] }", '""', "''", '""""a"""""', "1979-05-27T07:32:00Z", "3.14", "[]", "true"]),
)


@given(
    st.lists(
        st.tuples(
            st.lists(NAMES, min_size=1, max_size=3),
            st.lists(st.tuples(NAMES, SCALARS, st.sampled_from(["", "  # c = 1", "\n", "\n# [no]\n"])), max_size=4),
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_every_key_is_found_on_its_line(tables: list[tuple[list[str], list[tuple[str, str, str]]]], crlf: bool) -> None:
    """`positions` agrees with where the text was written, past comments, strings and arrays over several lines."""
    lines: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for header, keys in tables:
        lines.append(f" [ {' . '.join(header)} ] # header")
        expected.setdefault(tuple(header), len(lines))
        for key, value, after in keys:
            expected.setdefault((*header, key), len(lines) + 1)
            lines.extend(f"{key} = {value}{after}".split("\n"))
    text = ("\r\n" if crlf else "\n").join(lines)
    found = positions(text)
    assert found == expected
    assert longest_key(text) <= 3
    for path, line in expected.items():
        assert line_of(found, (*path, "below")) == expected.get((*path, "below"), line)


@given(st.text(st.sampled_from("[]{}=.,#\"'\\\n\r ab1"), max_size=60))
def test_the_scanner_ends_on_any_text_and_knows_every_key_of_valid_toml(text: str) -> None:
    """It never fails or hangs, and where tomllib reads a document, all its sections have a line."""
    found = positions(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    for section in document:
        assert any(path[:1] == (section,) for path in found)


@pytest.mark.parametrize(
    "text",
    [
        '"' * 60_000,
        '\\"""' * 15_000,
        "'''" * 20_001,
        '"""' + '\\"""' * 15_000,
        "a = [" * 12_000,
        "#" * 60_000,
        "a" * 60_000,
        "a . " * 15_000,
        '"a\\' * 20_000,
        "=\n" * 30_000,
    ],
    ids=range(10),
)
def test_the_scanner_takes_time_in_proportion_to_the_text(text: str) -> None:
    """Text made to slow a scanner down costs no more than a hundred times plain text of its length."""
    plain = "key = 12345678\n" * (len(text) // 15)

    def cost(what: str) -> float:
        start = time.perf_counter()
        positions(what)
        longest_key(what)
        return time.perf_counter() - start

    cost(plain)
    assert min(cost(text) for _ in range(2)) < 100 * max(cost(plain) for _ in range(3))
