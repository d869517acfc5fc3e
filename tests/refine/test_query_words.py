"""Which words of a prompt the index is searched with, and what they count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.common import less_common
from optafly_cli.refine.retrieval.query import query_of
from optafly_cli.refine.retrieval.template import without_template
from training.common_words import table

REPORT = """\
Version of the steps is wrong

### Describe the bug

A clear and concise description of what the bug is.
The receipt is sent twice.

**To Reproduce**
Steps to reproduce the behavior:
```
### Environment
- OS: fenced
```

### Your environment

Windows, and zebra 3

### Expected receipts

One mail.

- OS: Linux
- Python version: 3.9

**Screenshots**
_No response_

Additional context:
No
"""


def test_what_the_template_asks_is_no_word_of_the_prompt() -> None:
    """Nor is what is answered about the machine; the title, pasted code and the reporter's own headings are."""
    left = [line.rstrip() for line in without_template(REPORT).split("\n") if line.strip()]
    assert left == [
        "Version of the steps is wrong", "The receipt is sent twice.", "```", "### Environment", "- OS: fenced", "```",
        "### Expected receipts", "One mail.",
    ]  # fmt: skip


def test_the_index_is_searched_without_the_template() -> None:
    """In every list of terms."""
    query = query_of(PromptText(REPORT))
    assert {"receipt", "twic", "mail"} <= set(query.text)
    assert {"describ", "screenshot", "concis", "window", "zebra", "linux", "respons"}.isdisjoint(query.text)


@pytest.mark.parametrize("line", ["### " + "steps " * 40, "- OS: " + "zebra " * 40, "#" + " #" * 9_000 + "x"])
def test_a_long_line_is_nobodys_template(line: str) -> None:
    """Whatever it begins with, and however long it is."""
    assert without_template(f"title\n{line}") == f"title\n{line}"


@given(st.lists(st.sampled_from([*REPORT.split("\n"), "a", " é b", "OS", "~~~"])).map("\n".join) | st.text())
def test_offsets_stay_as_they_are(text: str) -> None:
    """Only spaces take the place of what is left out, nothing of the title does, and twice is as once."""
    left = without_template(text)
    assert len(left) == len(text)
    assert all(one in (" ", other) for one, other in zip(left, text, strict=True))
    assert next((line for line in left.split("\n") if line.strip()), "") == next(
        (line for line in text.split("\n") if line.strip()), ""
    )
    assert without_template(left) == left


def test_words_of_every_message_count_less_than_those_of_few() -> None:
    """Never more than they did, and never nothing."""
    found = less_common({"fix": 2.0, "zebra": 2.0, "error": 1.0})
    assert 0.0 < found["fix"] < found["zebra"] == 2.0
    assert 0.0 < found["error"] < 1.0


def test_common_words_are_written_by_what_they_count() -> None:
    """The more messages have one, the less; words of few are not in the file."""
    lines = table({"fix": 0.5, "parser": 0.02, "zebra": 0.001, "add": 0.6}).split("\n")
    assert lines[-3:] == ['"0.30" = "add fix"', '"0.85" = "parser"', ""]
