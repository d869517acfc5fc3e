"""What of a file is a prompt, and where it stands in the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.linting.directives import directives_in, silenced
from optafly_cli.refine.linting.excerpts import Excerpt, commit_message, in_code, whole
from optafly_cli.refine.prompt_files import file_kind


def code(text: str) -> list[Excerpt]:
    return list(in_code(text, directives_in(text)))


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("a.prompt", "prompt"),
        ("deep/er/fix.prompt.md", "prompt"),
        ("prompts/fix.md", "prompt"),
        ("app/prompts/team/fix.txt", "prompt"),
        ("prompts/build.py", "code"),
        ("prompts/data.json", None),
        ("prompts.md", None),
        ("CLAUDE.md", "instructions"),
        ("packages/web/CLAUDE.md", "instructions"),
        ("AGENTS.md", "instructions"),
        (".github/copilot-instructions.md", "instructions"),
        ("copilot-instructions.md", None),
        ("src/app.ts", "code"),
        ("README.md", None),
    ],
)
def test_the_path_says_what_a_file_is(label: str, kind: str | None) -> None:
    """Prompt files, standing instructions and code are known by name and folder."""
    assert file_kind(label) == kind


def test_front_matter_is_no_prompt_and_lines_count_from_the_top_of_the_file() -> None:
    """What stands between the marks is gone; a place in the prompt is a place in the file."""
    excerpt = whole("---\ntitle: maybe\ntags:\n  - x\n---\nFix it\nnow\n", "prompt", ())
    assert excerpt.text == "Fix it\nnow\n"
    assert excerpt.place(1, 5) == (6, 5)
    assert excerpt.place(2, 1) == (7, 1)


@pytest.mark.parametrize(
    "text", ["---\nFix this bug\n---\nand that\n", "---\nkey: value\nnever closed\n", "Fix\n---\n"]
)
def test_a_rule_across_the_page_is_no_front_matter(text: str) -> None:
    """Only keys between two marks at the top are."""
    assert whole(text, "prompt", ()).text == text


PYTHON = '''\
GREETING = """maybe"""
SYSTEM_PROMPT = """Fix {name} and
    keep it short.
    """
class Bot:
    user_prompt: str = f"""\\
        Explain {{this}}
          and that
        """
    # prompt: for the tests
    template = Template(r"""one
        two""")
    # SHOWN_PROMPT = """not this"""
    TEXT = "PROMPT"
'''


def test_in_python_a_prompt_is_named_or_marked() -> None:
    """Strings assigned to a name that ends in prompt, and the one after a comment `# prompt`; no others."""
    first, second, third = code(PYTHON)
    assert first.text == "Fix {name} and\nkeep it short.\n"
    assert first.template
    assert first.place(1, 1) == (2, 20)
    assert first.place(2, 1) == (3, 5)
    assert second.text == "\nExplain {{this}}\n  and that\n"
    assert second.place(2, 1) == (7, 9)
    assert third.text == "one\ntwo"
    assert third.place(1, 1) == (11, 29)


OTHERS = [
    ("export const systemPrompt = `Fix ${name}\n  now`;\n", "Fix ${name}\nnow", (1, 30)),
    ("// prompt\nreturn `a \\` b`;\n", "a \\` b", (2, 9)),
    ('const PROMPT: &str = r#"say "hi" to"#;\n', 'say "hi" to', (1, 25)),
    ("var fixPrompt = `one\ntwo`\n", "one\ntwo", (1, 18)),
    ('private static final String FIX_PROMPT = """\n    Fix it\n    """;\n', "\nFix it\n", (1, 45)),
    ("  messages = {\n    // prompt: hello\n    system: `x`,\n", "x", (3, 14)),
]


@pytest.mark.parametrize(("text", "prompt", "place"), OTHERS, ids=range(len(OTHERS)))
def test_other_languages_have_their_own_strings(text: str, prompt: str, place: tuple[int, int]) -> None:
    """Template literals, raw strings and text blocks."""
    (excerpt,) = code(text)
    assert excerpt.text == prompt
    assert excerpt.place(1, 1) == place


def test_code_without_a_marked_string_has_no_prompt() -> None:
    """An unclosed one is none either."""
    assert code("prompt = input()\nx = '''prompt'''\n") == []
    assert code('PROMPT = """never closed\n') == []


COMMENTS = [
    ("a <!-- optafly: disable=OPF005 --> b", "a                                  b", 1),
    ("a\n# optafly: disable-next-line=OPF005,OPF006\nb", "a\nb", 3),
    ("<!-- optafly: disable=OPF005 (they know) -->\nb", "b", 2),
    ("{# optafly: disable-next-line #}\n{# optafly: disable=OPF001 #}\nb", "b", 3),
    ("/* optafly: disable=OPF005 */ b", "                              b", 1),
]


@pytest.mark.parametrize(("text", "prompt", "line"), COMMENTS, ids=range(len(COMMENTS)))
def test_a_disable_comment_is_no_text_and_reaches_its_line(text: str, prompt: str, line: int) -> None:
    """It is cut out, the columns of what follows stay, and it is for its line or the next one with text."""
    directives = directives_in(text)
    assert whole(text, "prompt", directives).text == prompt
    assert silenced("OPF005", line, directives)
    assert not silenced("OPF005", line + 1, directives)


def test_a_comment_can_switch_off_a_file_or_some_rules_only() -> None:
    """disable-file reaches every line; rules that are not named stay."""
    file = directives_in("x\n<!-- optafly: disable-file=OPF00 -->\ny")
    assert silenced("OPF005", 1, file)
    assert not silenced("OPF010", 1, file)
    assert silenced("OPF010", 9, directives_in("// optafly: disable-file"))
    assert directives_in("optafly: disable=OPF005, http://optafly: enable") == ()


def test_a_commit_message_is_what_git_will_keep() -> None:
    """Comments, trailers and the diff under the scissors do not count; what git wrote itself is no message of ours."""
    text = "Fix it\n\nmore\n\nSigned-off-by: A <a@b.c>\n# a comment\n# ------------------------ >8 ----\ndiff\n"
    excerpt = commit_message(text, ())
    assert excerpt is not None
    assert excerpt.text == "Fix it\n\nmore\n"
    assert excerpt.kind == "commit"
    assert commit_message("Merge branch 'x'\n", ()) is None
    assert commit_message("fixup! Fix it\n", ()) is None


LINES = st.lists(
    st.sampled_from(
        ["---", "key: v", "fix", "<!-- optafly: disable -->", "x # optafly: disable-file=OPF001", 'PROMPT = """a',
         '    b', '"""', "`", "const PROMPT = `", "# prompt", "é💥", ""]
    ),
    max_size=12,
)  # fmt: skip


@given(LINES)
def test_every_line_of_a_prompt_is_where_it_says_it_is(lines: list[str]) -> None:
    """Each line's text, comments aside, stands at its place in the file."""
    text = "\n".join(lines)
    directives = directives_in(text)
    for excerpt in (whole(text, "prompt", directives), *in_code(text, directives)):
        parts = excerpt.text.split("\n")
        for number, part in enumerate(parts, 1):
            line, column = excerpt.place(number, 1)
            if part.strip():
                shown = lines[line - 1][column - 1 :]
                assert all(one in (" ", other) for one, other in zip(part, shown, strict=False))
