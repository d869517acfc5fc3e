"""--compress: what goes of code that the user did not name, and what stays."""

from optafly_cli.refine.result import Section
from optafly_cli.route.optimiser.lossy import REASON, compressed

PYTHON = '''\
#!/usr/bin/env python
# How this came about is a long story.
def parse(text):
    """Parse the text.

    It may be anything.
    """
    # noqa: E501
    value = "# not a comment"  # trailing


    # TODO: negative numbers
    return value
'''
RUST = """\
// A helper.
/* Long ago
   there was another. */
fn f() {
    // SAFETY: the caller checked it
    let url = "https://example.org"; // here
}
"""


def test_comments_and_docstrings_go() -> None:
    """Comment lines go, docstrings after their first line, blank lines beyond one; directives and warnings stay."""
    sections = (Section("file_reference", "a.py", PYTHON), Section("code_block", "f.rs:1-7", RUST))
    (python, rust), removals = compressed(sections, {"a.py", "f.rs:1-7"})
    assert python.text == (
        '#!/usr/bin/env python\ndef parse(text):\n    """Parse the text. …"""\n    # noqa: E501\n'
        '    value = "# not a comment"  # trailing\n\n    # TODO: negative numbers\n    return value\n'
    )
    assert rust.text == (
        'fn f() {\n    // SAFETY: the caller checked it\n    let url = "https://example.org"; // here\n}\n'
    )
    assert [(removal.label, removal.reason) for removal in removals] == [("a.py", REASON), ("f.rs:1-7", REASON)]


def test_what_was_named_is_untouched() -> None:
    """Code that the user named, and everything that is not code, is as it was."""
    sections = (
        Section("project_context", "a.py", PYTHON),
        Section("file_reference", "a.py", PYTHON),
        Section("instruction", "a.py", PYTHON),
    )
    assert compressed(sections, {"b.py"}) == (sections, ())
    kept, _ = compressed(sections, {"a.py"})
    assert (kept[0], kept[2]) == (sections[0], sections[2])


def test_compressing_twice_changes_nothing_more() -> None:
    """What was compressed stays as it is."""
    sections = (Section("file_reference", "a.py", PYTHON), Section("file_reference", "f.rs", RUST))
    once, _ = compressed(sections, {"a.py", "f.rs"})
    assert compressed(once, {"a.py", "f.rs"}) == (once, ())
