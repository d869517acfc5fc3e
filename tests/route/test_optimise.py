from hypothesis import given

from optafly_cli.refine.result import Section
from optafly_cli.route.optimise import lossless
from tests.route import making

ASK = Section("instruction", "prompt", "fix this  \n")


def test_identical_sections_are_sent_once() -> None:
    """The first of two sections with the same text stays, the second is listed as removed."""
    file, again = Section("file_reference", "a.py", "x = 1\n"), Section("code_block", "a.py:1", "x = 1\n")
    kept, removals = lossless([file, again, ASK])
    assert kept == (file, ASK)
    assert [(r.label, r.before, r.after) for r in removals] == [("a.py:1", "x = 1\n", "")]


def test_instruction_is_never_removed() -> None:
    """An instruction that repeats a file word for word is sent all the same, trailing blanks included."""
    same = Section("file_reference", "a.py", ASK.text)
    assert lossless([same, ASK])[0] == (same, ASK)


def test_code_keeps_its_trailing_blanks() -> None:
    """Trailing white space in files and code blocks stays: in a string literal or a diff it means something."""
    code = (Section("file_reference", "a.md", "a  \nb"), Section("code_block", "a.py:1", 'x = """  \n"""'), ASK)
    assert lossless(code) == (code, ())


def test_project_context_loses_trailing_blanks() -> None:
    """White space at the ends of the outline's lines goes, and only there."""
    kept, [removal] = lossless([Section("project_context", "project", "src/ \t\n  main.rs  \n\nend "), ASK])
    assert kept[0].text == "src/\n  main.rs\n\nend"
    assert removal.after == kept[0].text


def test_fenced_project_context_is_left_alone() -> None:
    """Project context that holds a code fence is sent as it is."""
    fenced = Section("project_context", "project", "outline  \n```\nx  \n```")
    assert lossless([fenced, ASK]) == ((fenced, ASK), ())


@given(making.sections, making.sections)
def test_prefix_does_not_depend_on_what_follows(first: tuple[Section, ...], second: tuple[Section, ...]) -> None:
    """What is left of the leading sections is the same whatever comes after them."""
    alone, _ = lossless(first)
    followed, _ = lossless([*first, *second])
    assert followed[: len(alone)] == alone


@given(making.sections)
def test_optimising_twice_changes_nothing_more(sections: tuple[Section, ...]) -> None:
    """What was optimised has nothing left to remove."""
    kept, _ = lossless(sections)
    again, removals = lossless(kept)
    assert (again, removals) == (kept, ())
