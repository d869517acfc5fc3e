"""The optimiser: what goes, what never goes, and that a prefix does not depend on what follows it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.refine.result import Section
from optafly_cli.route.optimiser.engine import Passage, PassageKind, lossless, optimised
from optafly_cli.route.optimiser.fences import stretches
from optafly_cli.route.optimiser.looks import is_important
from tests.route import making

ASK = Section("instruction", "prompt", "fix this  \n")
TRACE = """\
Traceback (most recent call last):
  File "app.py", line 12, in <module>
    main()
  File "app.py", line 8, in main
    raise ValueError("no such thing: 42")
ValueError: no such thing: 42"""


def told(text: str, kind: PassageKind = "output") -> str:
    """What is left of one passage."""
    ((passage,), _) = optimised([Passage(kind, "log", text)])
    return passage.text


def test_identical_sections_are_sent_once() -> None:
    """The first of two sections with the same text stays, the second is listed as removed."""
    file, again = Section("file_reference", "a.py", "x = 1\n"), Section("code_block", "a.py:1", "x = 1\n")
    kept, removals = lossless([file, again, ASK])
    assert kept == (file, ASK)
    assert [(r.label, r.before, r.after) for r in removals] == [("a.py:1", "x = 1\n", "")]


def test_a_file_with_the_lines_of_another_becomes_a_reference() -> None:
    """Two names of one content: the second keeps its tags, and says where its lines stand."""
    body = "\n".join(f"value_{n} = compute({n})" for n in range(20))
    first = Section("file_reference", "a.py", f'<file path="a.py" lines="1-20">\n{body}\n</file>')
    second = Section("file_reference", "b.py", f'<file path="b.py" lines="1-20">\n{body}\n</file>')
    kept, [removal] = lossless([first, second, ASK])
    assert kept[0] == first
    assert kept[1].text.splitlines() == [
        '<file path="b.py" lines="1-20">',
        "[optafly: 20 lines as above, from `value_0 = compute(0)` to `value_19 = compute(19)`]",
        "</file>",
    ]
    assert (removal.label, removal.reason) == ("b.py", "the same lines were sent before")


def test_code_that_is_half_the_same_stays_as_it_is() -> None:
    """Inside code nothing is cut: only all of a piece can be somewhere else."""
    body = "\n".join(f"value_{n} = compute({n})" for n in range(20))
    both = (Section("file_reference", "a.py", body), Section("file_reference", "b.py", body + "\nmore = 1"), ASK)
    assert lossless(both) == (both, ())


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
    assert (removal.before, removal.after) == ("src/ \t\n  main.rs  \nend ", "src/\n  main.rs\nend")


def test_fences_are_left_alone() -> None:
    """What stands in a code fence is sent as it is, whatever it looks like."""
    fenced = Section("project_context", "project", "outline\n```\nx  \nx  \nx  \n```")
    assert lossless([fenced, ASK]) == ((fenced, ASK), ())


def test_passed_tests_become_a_count() -> None:
    """Passing tests are one line, with how many there were in which file; a failing one stays."""
    lines = [f"tests/test_a.py::test_{n} PASSED   [ {n}%]" for n in range(12)]
    log = "\n".join(
        [*lines, "tests/test_b.py::test_x FAILED   [ 13%]", *lines, TRACE, "== 1 failed, 24 passed in 0.12s =="]
    )
    text = told(log)
    assert text.splitlines()[0] == "[optafly: 12 lines of passed tests: tests/test_a.py 12]"
    assert "tests/test_b.py::test_x FAILED   [ 13%]" in text
    assert text.endswith(TRACE + "\n== 1 failed, 24 passed in 0.12s ==")


def test_tables_charts_and_measurements_are_no_progress() -> None:
    """Percentages and bars are data unless something is being fetched; skipped tests and their reasons stay."""
    table = "\n".join(f"/dev/sda{n}  50G  {n}G  30G  {n * 7}% /data{n}" for n in range(9))
    chart = "\n".join(f"part{n} {'#' * (8 + n)} {n * 7}%" for n in range(9))
    losses = "\n".join(f" {n}%|██████    | {n}/100 [00:0{n}<00:01, loss={1 / (n + 1):.3f}]" for n in range(9))
    skipped = "\n".join(f"tests/a.py::test_{n} SKIPPED (needs part {n})  [ {n}%]" for n in range(9))
    for text in (table, chart, losses, skipped):
        assert told(text) == text


def test_what_was_being_done_when_it_went_wrong_stays() -> None:
    """The step before an error is word for word."""
    log = "\n".join(f"   Compiling part{n} v0.{n}.0" for n in range(9)) + "\nerror[E0308]: mismatched types"
    assert told(log).splitlines()[1:] == ["   Compiling part8 v0.8.0", "error[E0308]: mismatched types"]


def test_steps_keep_names_and_versions() -> None:
    """What was installed is one line that still names each package with its version."""
    log = "\n".join(f"Collecting pkg{n}\n  Downloading pkg{n}-1.{n}.0-py3-none-any.whl (1{n} kB)" for n in range(8))
    text = told(f"{log}\nERROR: No matching distribution found for pkg9==2")
    assert text.splitlines()[-1] == "ERROR: No matching distribution found for pkg9==2"
    assert all(f"pkg{n}-1.{n}.0" in text for n in range(8))
    assert len(text) < len(log) * 0.6


def test_colours_and_overwritten_progress_go() -> None:
    """Escape sequences go; of a line that was printed over itself its last state stays, and any that is an error."""
    log = "\x1b[32mPASSED\x1b[0m one\n 10%\r 50%\rerror: disk full\r100% done\n" + "\n".join(
        f"2026-01-01 10:00:0{n} INFO start {n}" for n in range(6)
    )
    assert told(log).splitlines()[:3] == ["PASSED one", "error: disk full", "100% done"]


def test_lines_that_differ_in_the_time_only_are_counted() -> None:
    """Repeated lines are one, with the number and the time of the last."""
    log = "\n".join(f"2026-01-01 10:00:{n:02} INFO heartbeat sent to 10.0.0.7" for n in range(40))
    assert told(log).splitlines() == [
        "2026-01-01 10:00:00 INFO heartbeat sent to 10.0.0.7",
        "[optafly: the line above comes 39 times more, the last at 2026-01-01 10:00:39]",
    ]


def test_lines_that_differ_in_another_number_stay() -> None:
    """A number that is not the time may be what matters."""
    log = "\n".join(f"2026-01-01 10:00:{n:02} INFO step {n} loss {1 / (n + 1):.3f}" for n in range(40))
    assert told(log) == log


def test_frames_that_come_again_are_counted() -> None:
    """The frames of a recursion are shown once."""
    frames = '  File "a.py", line 4, in up\n    return down(n + 1)\n  File "a.py", line 2, in down\n    return up(n)\n'
    log = "Traceback (most recent call last):\n" + frames * 300 + "RecursionError: maximum recursion depth exceeded"
    text = told(log)
    assert "[optafly: the 4 lines above come 299 times more]" in text
    assert text.endswith("RecursionError: maximum recursion depth exceeded")
    assert len(text.splitlines()) == 7


def test_a_traceback_that_was_sent_becomes_a_reference() -> None:
    """What a tool prints again in a later turn is a reference; the error's own line stands where it first stood."""
    first, second = Passage("output", "turn 1", TRACE), Passage("output", "turn 2", f"$ run\n{TRACE}\nbye")
    (one, two), [removal] = optimised([first, second])
    assert one == first
    assert two.text.startswith("$ run\n[optafly: 6 lines as above, from `Traceback (most recent call last):` to `Val")
    assert removal.label == "turn 2"


def test_base64_is_left_out_with_its_length() -> None:
    """A blob keeps its ends; what and how long it was is said. A long name or a ruler is none."""
    blob = ("aGVsbG8gd29ybGQK4pyTQWxsIGdvb2QsIHNhaWQgdGhlIGZveC4" * 20)[:1000]
    text = told(f"image: data:image/png;base64,{blob} end")
    assert text.startswith("image: data:image/png;base64,") and text.endswith(" end")
    assert "characters of base64 left out" in text
    assert told("=" * 900) == "=" * 900
    assert told("/".join(["directory"] * 90)) == "/".join(["directory"] * 90)


def test_a_log_in_the_prompt_is_folded_and_the_question_is_not() -> None:
    """Of what the user pasted only the paragraphs that look like output are told shorter."""
    steps = "\n".join(f"Collecting pkg{n}\n  Using cached pkg{n}-1.{n}-py3-none-any.whl (9 kB)" for n in range(9))
    question = "why does this fail?  \nwhy does this fail?  \nwhy does this fail?  "
    text = told(f"{question}\n\n{steps}\nERROR: no space left\n\nthanks  ", "instruction")
    assert text.startswith(question) and text.endswith("ERROR: no space left\n\nthanks  ")
    assert "17 steps" in text


LINES = st.sampled_from(
    [
        "",
        "  ",
        "plain words",
        "plain words ",
        "```",
        "~~~",
        "x = 1  ",
        "ERROR: it broke 42",
        "E   assert 1 == 2",
        "$ make",
        "warning: unused variable `x`",
        "thread 'main' panicked at src/lib.rs:3",
        "test a::b ... ok",
        "test a::c ... FAILED",
        "tests/a.py::t PASSED [ 1%]",
        "tests/a.py::u PASSED [ 2%]",
        "Compiling thiserror v1.0",
        "tests/a.py::v FAILED [ 3%]",
        "Compiling foo v1.2",
        "Collecting bar",
        "2026-01-01 10:00:01 INFO up",
        "2026-01-01 10:00:02 INFO up",
        '  File "a.py", line 3, in f',
        "    return g()",
        '  File "b.py", line 9, in g',
        "    return f()",
        "ValueError: bad 7",
        "\x1b[31mred\x1b[0m",
        "10%\r50%\rfatal: gone\r100%",
        "A" * 600,
        "[optafly: 3 lines of progress]",
        "====== x ======",
        "tests/b.py ..F... [ 9%]",
    ]
)
KINDS = st.sampled_from(["instruction", "reply", "code", "context", "output"])
PASSAGES = st.lists(
    st.builds(Passage, KINDS, st.just("it"), st.lists(LINES, max_size=40).map("\n".join)), min_size=1, max_size=5
)
REPEATED = st.tuples(st.lists(LINES, min_size=1, max_size=8), st.integers(1, 8)).map(lambda pair: pair[0] * pair[1])
OUTPUTS = st.lists(REPEATED, min_size=1, max_size=6).map(
    lambda parts: [Passage("output", "log", "\n".join(line for part in parts for line in part))]
)


def important(text: str) -> set[str]:
    """The lines that must not be lost, as a terminal shows them."""
    from optafly_cli.route.optimiser.escapes import without_sequences

    lines = (state.strip() for line in text.split("\n") for state in without_sequences(line).split("\r"))
    return {line for line in lines if is_important(line)}


def fenced(text: str) -> list[str]:
    """What stands in fences."""
    return ["\n".join(lines) for is_fenced, lines in stretches(text.split("\n")) if is_fenced]


@settings(max_examples=300, deadline=None)
@given(PASSAGES | OUTPUTS)
def test_no_error_and_no_fence_is_lost(passages: list[Passage]) -> None:
    """Each line that speaks of an error is still there, in this passage or above; fences are, word for word."""
    after, _ = optimised(passages)
    assert important("\n".join(p.text for p in passages)) <= important("\n".join(p.text for p in after))
    for was, now in zip(passages, after, strict=True):
        if was.kind != "code":
            assert fenced(was.text) == fenced(now.text)


@settings(max_examples=300, deadline=None)
@given(PASSAGES | OUTPUTS)
def test_optimising_twice_changes_nothing_more(passages: list[Passage]) -> None:
    """What was optimised has nothing left to remove, and is never longer than it was."""
    after, _ = optimised(passages)
    assert optimised(after) == (after, ())
    assert all(len(now.text) <= len(was.text) for was, now in zip(passages, after, strict=True))


@settings(max_examples=200, deadline=None)
@given(PASSAGES, PASSAGES)
def test_a_prefix_does_not_depend_on_what_follows(first: list[Passage], second: list[Passage]) -> None:
    """What is left of the leading passages is the same whatever comes after them."""
    alone, _ = optimised(first)
    together, _ = optimised([*first, *second])
    assert together[: len(alone)] == alone


@given(making.sections, making.sections)
def test_a_prefix_of_sections_does_not_depend_on_what_follows(
    first: tuple[Section, ...], second: tuple[Section, ...]
) -> None:
    """The same for the sections of a prompt, some of which go altogether."""
    alone, _ = lossless(first)
    followed, _ = lossless([*first, *second])
    assert followed[: len(alone)] == alone
