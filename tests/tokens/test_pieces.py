"""Cutting: nothing is lost, nothing is twice, no run is long, and every token has a kind that was measured."""

from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.tokens.corrections import corrections
from optafly_cli.tokens.kinds import kind_of
from optafly_cli.tokens.pieces import CHUNK, LONG_RUN, by_script, tokenizable
from optafly_cli.tokens.table import SIZE, token_bytes, token_cost

RUNS = st.lists(st.tuples(st.sampled_from(["a", "b ", " ", "\n", "é", "=", "7"]), st.integers(1, 3 * LONG_RUN)))


@given(st.text())
def test_scripts_cover_the_text(text: str) -> None:
    """Every character is in a Latin piece, in order, or counted for one other script."""
    latin, others = by_script(text)
    assert sum(map(len, latin)) + sum(others.values()) == len(text)
    rest = iter(text)
    assert all(character in rest for character in "".join(latin))


def test_scripts_are_told_apart() -> None:
    """Each script is counted under its name; kana make a run Japanese; dashes and quotes of Latin text stay with it."""
    text = "fix “this” — Привет, мир; 修复错误 | エラーを直す | 안녕 | 🚀 | مرحبا | γεια | नमस्ते | สวัสดี | বাংলা"
    latin, others = by_script(text)
    assert latin[0] == "fix “this” — "
    assert others == {
        "cyrillic": 9, "chinese": 4, "japanese": 6, "korean": 2, "symbol": 1, "semitic": 5, "greek": 4,
        "devanagari": 6, "thai": 6, "indic": 5,
    }  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(RUNS)
def test_chunks_are_the_text_without_long_runs(runs: list[tuple[str, int]]) -> None:
    """Chunks put together are the text, and none has a run longer than the limit."""
    text = "".join(piece * times for piece, times in runs)
    chunks = list(tokenizable(text))
    assert "".join(chunks) == text
    assert all(chunks)
    assert all(len(word) <= LONG_RUN for chunk in chunks for word in chunk.split())


def test_chunks_end_at_a_line_where_there_is_one() -> None:
    """A long text is cut after a line, not inside of one."""
    chunks = list(tokenizable("a line of text\n" * 50_000))
    assert len(chunks) > 2
    assert all(chunk.endswith("\n") and len(chunk) <= CHUNK for chunk in chunks)


def test_kinds_of_spellings() -> None:
    """A kind says what a token is made of, and of a word whether a space is before it and how it is capitalised."""
    kinds = {
        b" the": "word.low", b"ing": "join.low", b" The": "word.title", b"HTTP": "join.caps", b" getName": "word.mixed",
        b" A": "word.title", b"123": "digit", b";": "mark.one", b" ==": "mark.many", b"\n\n": "line", b"   ": "space",
        "é".encode(): "accent", "—".encode(): "sign", b"\xe4\xb8": "part", b"x1": "join.low",
    }  # fmt: skip
    assert {spelling: kind_of(spelling) for spelling in kinds} == kinds


def test_every_family_weighs_nearly_every_token() -> None:
    """Fewer than one token in a hundred is of a kind that no text of the measurement had."""
    for family in corrections().families.values():
        kinds = [f"{kind_of(token_bytes(token))}.{min(token_cost(token, family.row), 4)}" for token in range(SIZE)]
        unknown = [kind for kind in kinds if kind not in family.tokens]
        assert len(unknown) < SIZE / 100, sorted(set(unknown))


def test_weights_are_positive() -> None:
    """No weight is zero or negative, so that more text is never less."""
    for family in corrections().families.values():
        assert min(*family.tokens.values(), *family.characters.values()) > 0
