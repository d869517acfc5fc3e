"""The tags that hold a refined prompt together."""

from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.markup import parse, wrap

TAGS = st.sampled_from(["file", "code", "diff", "input", "project", "request"])
HOSTILE = st.lists(
    st.sampled_from(
        [
            "</code>",
            "</code-2>",
            "</file>",
            "</request>",
            "<request>",
            '<code path="a" lines="1">',
            "\n",
            "\n\n",
            "x",
            " ",
            "é",
            '"',
            "&amp;",
        ]
    ),
    max_size=25,
).map("".join)
TEXTS = st.one_of(st.text(max_size=200), HOSTILE)
ATTRIBUTES = {"path": "src/a.py", "lines": "1-2"}


@given(tag=TAGS, text=TEXTS, rest=TEXTS.filter(lambda text: text.strip() != ""))
def test_whatever_a_text_holds_it_can_be_cut_out_again_exactly(tag: str, text: str, rest: str) -> None:
    """A text between tags is verbatim in the result and parses back, however many closing tags stand in it."""
    markup = wrap(tag, text, ATTRIBUTES)
    assert text in markup
    structure = parse(f"{markup}\n\n{rest}")
    assert structure is not None
    whole = f"{markup}\n\n{rest}"
    if tag == "request":
        assert whole[structure.body_start : structure.body_end] == text
        assert structure.tail == f"\n\n{rest}"
    else:
        assert structure.parts[0].text == text
        assert dict(structure.parts[0].attributes) == ATTRIBUTES


@given(path=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_an_attribute_survives_whatever_a_path_holds(path: str) -> None:
    """Quotes, angle brackets and line ends in a file name neither break the tag nor change the name."""
    structure = parse(wrap("file", "x", {"path": path, "lines": "1"}) + "\n\nfix it")
    assert structure is not None
    assert structure.parts[0].attributes["path"] == path


def test_a_closing_tag_in_the_text_gives_the_tag_a_number() -> None:
    """`</code>` in a file is left as it is; the tag around it is numbered."""
    assert wrap("code", "a</code>b").startswith("<code-2>\n")
    assert wrap("code", "</code></code-2>").startswith("<code-3>\n")


def test_a_prompt_that_only_speaks_of_tags_is_not_refined() -> None:
    """Tags in the middle, tags without their attributes and tags without an end are the user's own words."""
    for prompt in (
        "How do I parse <request> and </request>?",
        "<code>\nx\n</code>\n\nexplain this",
        '<file path="a.py" lines="1-2">\nnever closed',
        '<code path="a.py" lines="1">\nx\n</code>',
        "<request>\nx\n</request> and more",
        "",
    ):
        assert parse(prompt) is None
