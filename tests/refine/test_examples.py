"""Examples in a prompt: what is read as one, and whether what the words name explains it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.refine.examples.agreement import agreement
from optafly_cli.refine.examples.reading import MOST_EXAMPLES, NOTHING, examples_in


def read(text: str) -> list[tuple[object, object]]:
    return [(one.arguments, one.result) for one in examples_in(text) if one.is_whole]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">>> total([1, 2])\n3\n", [(([1, 2],), 3)]),
        (">>> total([1, 2]) == 3", [(([1, 2],), 3)]),
        ("total([1, 2]) => 3, total([]) -> 0", [(([1, 2],), 3), (([],), 0)]),
        ("join('a, b', ')') should return 'a)'", [(("a, b", ")"), "a)")]),
        ("assert set(common([1, 2], [2])) == set([2])", [(([1, 2], [2]), [2])]),
        ("assert math.isclose(area(2), 12.57, rel_tol=0.01)", [((2,), 12.57)]),
        ("assert is_even(2)\nassert not is_even(3)", [((2,), True), ((3,), False)]),
        (">>> print(half(4))\n2", [((4,), 2)]),
        ("half(4) returns `2`, and `half(8)` = 4", [((4,), 2), ((8,), 4)]),
        ("Input: words = ['a'], n = 2\nOutput: 'aa'", [((["a"], 2), "aa")]),
        ("For lst = [1, 2] the output should be 3", [(([1, 2],), 3)]),
        ("left(5, 2) -> 5 - 2 = 3", [((5, 2), 3)]),
        ("grid([[1,\n  2]], 1) == [(0, 0),\n (0, 1)]", [(([[1, 2]], 1), [(0, 0), (0, 1)])]),
    ],
)
def test_examples_are_read_in_the_forms_that_people_write(text: str, expected: list[tuple[object, object]]) -> None:
    """Doctests, calls with a sign or a word, input and output, a sum that is worked out."""
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "print(os.environ) == 1",
        "f(x) == y",
        "f(1\n",
        "see f(1) for more",
        "",
        "f(1) == [1, 2",
        "len(f(1)) == 2",
        "x.f(1) == 2",
        "f(*[1]) == 2",
        "def f(1) -> 2",
    ],
)
def test_what_is_no_literal_is_no_example(text: str) -> None:
    """Names and open brackets are left alone; nothing is run."""
    assert read(text) == []


def test_a_call_is_an_example_for_rules_when_only_its_result_is_known() -> None:
    """A name or a keyword goes in, and how many; what is compared as a set or nearly is not exact."""
    first, second, third = examples_in("f(x, 1, key=2) == 3\nassert set(g([1])) == set([2])\nassert isclose(h(1), 0.5)")
    assert (first.function, first.arguments, first.keywords) == ("f", (NOTHING, 1), 1)
    assert first.call == "f(x, 1, key=2)"
    assert first.is_exact
    assert not first.is_whole
    assert (second.function, second.is_whole, second.is_exact) == ("g", True, False)
    assert (third.function, third.is_whole, third.is_exact) == ("h", True, False)


def test_at_most_so_many_examples_are_read() -> None:
    """A table of examples costs no more than a few."""
    assert len(examples_in("".join(f"f({number}) == {number}\n" for number in range(100)))) == MOST_EXAMPLES


@pytest.mark.parametrize(
    ("words", "good", "bad"),
    [
        ("Return the sum of the squares of the odd numbers.", "f([1, 2, 3]) == 10", "f([1, 2, 3]) == 5"),
        (
            "Return the words that start with the given letter.",
            "f('no one is', 'o') == ['one']",
            "f('no one is', 'o') == ['no']",
        ),
        ("Sort the list in descending order.", "f([2, 3, 1]) == [3, 2, 1]", "f([2, 3, 1]) == [1, 3, 2]"),
        ("Return the numbers divisible by 11.", "f([11, 3, 22]) == [11, 22]", "f([11, 3, 22]) == [11, 3]"),
        ("Return the words that start with the letter 'p'.", "f('a pin') == ['pin']", "f('a pin') == ['a']"),
        ("Return the n-th prime number.", "f(4) == 7", "f(4) == 8"),
        ("Return the product of the unique numbers.", "f([2, 2, 3]) == 6", "f([2, 2, 3]) == 7"),
        ("Sort the numbers from smallest to largest.", "f([2, 3, 1]) == [1, 2, 3]", "f([2, 3, 1]) == [3, 2, 1]"),
        ("Raise each number to the power n.", "f([1, 3], 2) == [1, 9]", "f([1, 3], 2) == [2, 6]"),
        ("Convert x to the given base.", "f(8, 3) == '22'", "f(8, 3) == '23'"),
        ("Return the length of the longest word.", "f('a bcd') == 3", "f('a bcd') == 9"),
        ("Encode the text by a shift of 4 letters.", "f('hi') == 'lm'", "f('hi') == 'kl'"),
        ("Return True if the number is prime.", "f(7) == True\nf(8) == False", "f(7) == False\nf(8) == True"),
        (
            "Return the largest value, else return -1.",
            "f([4, 9, 2]) == 9\nf([]) == -1",
            "f([4, 9, 2]) == 7\nf([]) == -1",
        ),
    ],
)
def test_what_the_words_name_explains_the_right_example_and_not_the_wrong_one(words: str, good: str, bad: str) -> None:
    """Only the example that shows what is said is explained."""
    right, wrong = f"{words}\n{good}", f"{words}\n{bad}"
    assert agreement(right, examples_in(right)).explained == 1.0
    assert agreement(wrong, examples_in(wrong)).explained < 1.0


def test_an_example_that_repeats_its_arguments_shows_little() -> None:
    """A result that stands in the arguments already, and something made of nothing."""
    echo = "f([3, 1]) == 3"
    assert agreement(echo, examples_in(echo)).echoes == 1.0
    nothing = "f([]) == [4]"
    assert agreement(nothing, examples_in(nothing)).overfull == 1.0


def test_a_short_chain_is_simpler() -> None:
    """One step counts whole, each further one makes less of it."""
    plain, long = (
        "Return the sum. f([1, 3]) == 4",
        "Return the sum of the squares of the odd numbers. f([1, 2, 3]) == 10",
    )
    assert agreement(plain, examples_in(plain)).simple == 1.0
    assert 0 < agreement(long, examples_in(long)).simple < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "Return the remainder of the two. f('%3d', 7) == '  7'",
        "Multiply the pairs. f(['ab'], [2]) == ['abab']",
        "Rotate the list. f([1, 2, 3], '%3d') == [1]",
        f"Return the average. f([{10**400}]) == 1.5",
    ],
)
def test_no_text_is_formatted_or_repeated(text: str) -> None:
    """A step on numbers is none on texts, whose size a prompt would choose; a number can be too large for a float."""
    assert agreement(text, examples_in(text)).explained == 0.0


WORDS = (
    "sum", "even", "prime", "sort", "digits", "words", "length", "count", "reverse", "power", "range", "row",
    "factorial", "split", "median", "round", "rotate", "multiply", "remainder", "base", "pairs", "power", "shift",
)  # fmt: skip
VALUES = st.recursive(
    st.integers(-99, 99) | st.integers() | st.floats() | st.text("ab ,%9d(", max_size=5) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(WORDS),
        max_size=8,
    ),
    arguments=st.lists(VALUES, max_size=3),
    result=VALUES,
)
def test_no_example_is_too_odd_to_be_judged(words: list[str], arguments: list[object], result: object) -> None:
    """Whatever the values are, every part is between 0 and 1 and nothing is raised."""
    text = f"{' '.join(words)}\nf({', '.join(map(repr, arguments))}) == {result!r}"
    found = agreement(text, examples_in(text))
    for part in (found.explained, found.simple, found.echoes, found.shown, found.overfull):
        assert 0.0 <= part <= 1.0
