"""A slip of the keyboard does not move the embedding; nothing else is touched."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.guard.vetoes import compare
from optafly_cli.cache.spelling import corrected, embedded_form, is_known, surely_meant


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("bagage", "baggage"),
        ("allowence", "allowance"),
        ("praser", "parser"),
        ("runnig", "running"),
        ("electricty", "electricity"),
        ("adress", "address"),
        ("acount", "account"),
        ("comand", "command"),
        ("chekc", "check"),
        ("untill", "until"),
        ("evenigns", "evenings"),
        ("dependancies", "dependencies"),
    ],
)
def test_a_slip_is_put_right(slip: str, meant: str) -> None:
    """A letter left out, added, other, or two turned round; a letter doubled or turned round before any other slip."""
    assert corrected(slip) == meant


@pytest.mark.parametrize("word", ["kubectl", "mutex", "country", "county", "debit", "debt", "linting", "xqzv"])
def test_words_that_are_known_or_near_nothing_stay(word: str) -> None:
    """Words of the language and of the trade stay, also when another one is a letter away."""
    assert corrected(word) == word


@pytest.mark.parametrize(
    "prompt", ["fix parse_prot in src/mian.rs", "run `sotr`-free --verbsoe", "why is userNmae null", "explain Praser"]
)
def test_names_in_code_stay(prompt: str) -> None:
    """Paths, flags, identifiers and words with a capital are never corrected."""
    words = [word for word in prompt.split() if not word.islower() or not word.isalpha()]
    form = embedded_form(prompt)
    assert all(word in form for word in words)


def test_courtesy_is_left_out() -> None:
    """What is embedded is the instruction without please and thanks."""
    assert embedded_form("please fix this bug, thanks") == "fix this bug"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("list the env vars of this repo", "list the environment variables of this repository"),
        ("drain a K8s node w/ kubectl", "drain a kubernetes node with kubectl"),
        ("open db.sqlite and $env, then `repo`", "open db.sqlite and $env, then `repo`"),
        ("fix config.py and the cfg", "fix config.py and the configuration"),
    ],
)
def test_short_forms_are_spelt_out(short: str, long: str) -> None:
    """Short forms that stand as words, not those in a path, a variable or code."""
    assert embedded_form(short) == long


@pytest.mark.parametrize(
    ("slip", "clean"),
    [
        ("open on Mondys?", "open on Mondays?"),
        ("rotate the logs on Wendesday", "rotate the logs on Wednesday"),
        ("released in Febuary", "released in February"),
    ],
)
def test_a_slip_in_a_weekday_or_month_is_read_as_it(slip: str, clean: str) -> None:
    """They have a capital and are numbers to the guard: on one side alone one is a veto, its slip is none."""
    assert embedded_form(slip).lower() == clean.lower()
    assert compare(slip, clean).veto is None
    assert compare(slip, f"{clean.rsplit(None, 1)[0]} Friday").veto


@pytest.mark.parametrize("slip", ["statment", "conection", "evenigns", "electricty", "vegitarian"])
def test_a_slip_beyond_doubt_is_read_as_the_word(slip: str) -> None:
    """Two prompts that differ in it alone are read as the same, item for item."""
    assert compare(f"what about the {slip} here", f"what about the {corrected(slip)} here").same


@pytest.mark.parametrize("name", ["flaskr", "serd", "tidyr", "streamz", "kubectl"])
def test_what_may_be_a_name_is_not(name: str) -> None:
    """A letter more at the end, a short word, or several words near: it stays what it is."""
    assert (surely_meant(name), corrected(name)) == (name, name)


@given(st.text(max_size=40))
def test_correcting_twice_changes_nothing(text: str) -> None:
    """The form of a form is itself, for every word."""
    for word in text.split():
        assert corrected(corrected(word)) == corrected(word)
        assert is_known(corrected(word)) or corrected(word) == word


def test_a_slip_keeps_a_rewording_near(minilm: Embedder) -> None:
    """With one slip in each of two words the cosine stays above the gate, where it was below."""
    clean, slipped = "How do I check my baggage allowance?", "how do i check my bagage allowence"
    plain = minilm.embed([clean, slipped])
    formed = minilm.embed([embedded_form(clean), embedded_form(slipped)])
    assert float(plain[0] @ plain[1]) < 0.85 <= float(formed[0] @ formed[1])


def test_a_run_of_letters_is_no_word() -> None:
    """Nothing is tried in place of its letters: with 30,000 of them that would fill the memory of the machine."""
    run = "ab" * 1_000
    tracemalloc.start()
    try:
        assert corrected(run) == surely_meant(run) == embedded_form(run) == run
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
