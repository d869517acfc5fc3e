"""What sets two requests apart though their words are nearly the same: one property for each way to be wrong."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optafly_cli.cache.guard.lexicon import lexicon
from tests.cache.support import words
from tests.cache.test_guard import refusal

NOUNS = ["parser", "lexer", "cache", "client", "server", "config", "test", "tests", "user", "users", "error", "issue"]
NOUNS += ["folder", "directory", "args", "params", "str", "string", "int", "integer", "Status", "STATUS", "T", "x", "a"]
NOUNS += ["function", "method", "util", "utils", "delete", "remove", "create", "build", "is", "in", "for", "let", "get"]
VERBS = ["fix", "log", "test", "keep", "close", "open", "document", "cache"]
SIGNS = [sign for sign in string.punctuation if sign not in "'\"`"] + ["[]", "{}", "()", "..", "::", "&&", "😀", "√"]
KEYWORDS = ["for", "while", "if", "try", "let", "do", "is", "in", "as", "with", "get", "match", "loop", "not", "and"]
PAIRS = st.lists(st.sampled_from(NOUNS), min_size=2, max_size=2, unique=True)
OPERANDS = [
    "rename {} to {}",
    "rename the field {} to {}",
    "convert {} to {}",
    "convert the {} to a {}",
    "change the type from {} to {}",
    "replace {} with {}",
    "use {} instead of {}",
    "use {}, not {}",
    "what is the difference between {} and {}",
    "move it from {} to {}",
    "copy {} into {}",
    "does {} call {}",
    "add {} before {}",
    "is {} faster than {}",
]
NEGATED = [
    ("{0} the {2} but don't {1} the {3}", "don't {0} the {2} but {1} the {3}"),
    ("{0} the {2}, do not {1} the {3}", "do not {0} the {2}, {1} the {3}"),
    ("{0} it without the {2} and with the {3}", "{0} it with the {2} and without the {3}"),
    ("{0} the {2} but never {1} the {3}", "never {0} the {2} but {1} the {3}"),
    ("{0} it with no {2} and a {3}", "{0} it with a {2} and no {3}"),
    ("{0} it where {2} and not {3}", "{0} it where not {2} and {3}"),
    ("{0} all {2}, {1} only {3}", "{0} only {2}, {1} all {3}"),
    ("{0} any {2} and every {3}", "{0} every {2} and any {3}"),
]
OTHERS = """
    what happens if this is null | what happens while this is null
    was this safe | is this safe
    will this panic | would this panic
    group by name having count over 5 | group by name count over 5
    should we use () or [] here | should we use [] or () here
    use & instead of and | use and instead of &
    explain what this imports | explain what imports this
    why is this imported | why does this import
    which files were deleted | which files delete
    explain the past value | explain the paste value
    explain the stat field | explain the state field
    add logging | add log
    delete the first row | delete the first rows
    explain Option | explain the option
    use AND here | use and here
    explain the US region | explain the us region
    delete the table | drop the table
    remove the logs | strip the logs
    sort the list | order the list
    create a view of the users | create a list of the users
    send the request | submit the request
    can I delete this | can you delete this
    use a list here | would you use a list here
    call this from another thread | can you call this from another thread?
    fix empty? | fix empty
    explain the posting | explain the post
    rewrite the recursive call | rewrite the recursively call
    replace \\n with \\r\\n | replace \\r\\n with \\n
    split a;b | split a,b
"""


@given(st.sampled_from(OPERANDS), PAIRS)
def test_swapped_operands_are_refused(form: str, pair: list[str]) -> None:
    """Who becomes, replaces or calls whom counts, be the two synonyms, plurals, capitals or keywords."""
    assert refusal(form.format(*pair), form.format(*pair[::-1])) is not None


@given(st.sampled_from(NEGATED), st.permutations(VERBS), st.permutations(NOUNS[:6]))
def test_a_negation_or_quantifier_elsewhere_is_refused(
    forms: tuple[str, str], verbs: list[str], nouns: list[str]
) -> None:
    """What is negated, what is all and what is only counts, not how often."""
    one, other = (form.format(verbs[0], verbs[1], nouns[0], nouns[1]) for form in forms)
    assert refusal(one, other) is not None


@given(
    st.sampled_from(
        ["replace {} with a space", "what does {} mean here", "split the line at {}", "add a {} to each line"]
    ),
    st.lists(st.sampled_from(SIGNS), min_size=2, max_size=2, unique=True),
)
def test_another_sign_is_refused(form: str, signs: list[str]) -> None:
    """A sign that stands by itself is what the request is about."""
    assert refusal(form.format(signs[0]), form.format(signs[1])) is not None


@given(
    st.sampled_from(
        [
            "fix the {} loop",
            "explain the {} keyword",
            "add a {} method",
            "use {} loops here",
            "what does the {} operator do",
        ]
    ),
    st.lists(st.sampled_from(KEYWORDS), min_size=2, max_size=2, unique=True),
)
def test_another_keyword_is_refused(form: str, keywords: list[str]) -> None:
    """A keyword, also one that is a plain English word, or none at all, is another request."""
    assert refusal(form.format(keywords[0]), form.format(keywords[1])) is not None
    assert refusal(form.format(keywords[0]), form.format("").replace("  ", " ")) is not None


@given(st.sampled_from(["country", "assert", "patient", "marker", "module", "planets", "export", "packet"]), st.data())
def test_a_slip_of_the_keyboard_may_be_another_word(word: str, data: st.DataObject) -> None:
    """A letter more, less or other makes another word: county is no misspelt country."""
    at = data.draw(st.integers(1, len(word) - 1))
    letter = data.draw(st.sampled_from(["", *string.ascii_lowercase]))
    other = word[:at] + letter + word[at + data.draw(st.integers(0, 1)) :]
    assume(other not in {word} and lexicon().misspelt.get(other) != word)
    assert refusal(f"validate the {word} field", f"validate the {other} field") is not None


@pytest.mark.parametrize(("one", "other"), words(OTHERS.strip().splitlines()), ids=lambda value: value[:40])
def test_near_requests_are_refused(one: str, other: str) -> None:
    """Tense, mood, number, capitals, punctuation in a word and near synonyms are differences."""
    assert refusal(one, other) is not None
