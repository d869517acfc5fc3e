"""Error texts and stack frames."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.refine.error_patterns import HINT, HINT_WORDS, TRACEBACK, begins, frames, heads
from optafly_cli.refine.errors_in_text import Frame, find_errors, named_error

PYTHON = """Traceback (most recent call last):
  File "/app/run.py", line 3, in <module>
    main()
  File "app/orders.py", line 6, in total
    return sum(item["price"] for item in items)
               ~~~~^^^^^^^^^
KeyError: 'price'
"""
RUST_PANIC = """thread 'main' panicked at src/main.rs:5:22:
called `Option::unwrap()` on a `None` value
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
RUST_OLD = "thread 'main' panicked at 'called `Option::unwrap()` on a `None` value', src/main.rs:5:22\n"
RUSTC = """error[E0502]: cannot borrow `v` as mutable because it is also borrowed as immutable
 --> src/lib.rs:6:5
  |
5 |     let first = &v[0];
  |                  - immutable borrow occurs here
6 |     v.push(4);
  |     ^^^^^^^^^ mutable borrow occurs here

error: aborting due to 1 previous error
"""
NODE = """TypeError: Cannot read properties of undefined (reading 'id')
    at load (/srv/app/src/load.js:10:15)
    at async /srv/app/src/index.js:3:3
    at node:internal/main/run_main_module:28:49
"""
JAVA = """Exception in thread "main" java.lang.NullPointerException: name is null
\tat com.acme.shop.Order.total(Order.java:42)
\tat com.acme.shop.Main.main(Main.java:7)
Caused by: java.io.IOException: gone
\tat com.acme.shop.Store.read(Store.java:9)
"""
GO = """panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.pick(...)
\t/home/ci/shop/main.go:12
main.main()
\t/home/ci/shop/main.go:20 +0x1d
exit status 2
"""
CSHARP = """Unhandled exception. System.NullReferenceException: Object reference not set to an instance of an object.
   at Shop.Order.Total(Int32 n) in /src/Shop/Order.cs:line 17
   at Shop.Program.Main(String[] args) in /src/Shop/Program.cs:line 5
"""
GCC = "src/main.c:14:9: error: 'x' undeclared (first use in this function)\n   14 |         x = 1;\n      |         ^\n"
TSC = "src/app.ts(12,5): error TS2322: Type 'string' is not assignable to type 'number'.\n"


@pytest.mark.parametrize(
    ("text", "kind", "message", "frame"),
    [
        (PYTHON, "python", "KeyError: 'price'", Frame("app/orders.py", 6, "total")),
        (RUST_PANIC, "rust", "called `Option::unwrap()` on a `None` value", Frame("src/main.rs", 5)),
        (RUST_OLD, "rust", "panicked at", Frame("src/main.rs", 5)),
        (RUSTC, "rust", "error[E0502]: cannot borrow `v`", Frame("src/lib.rs", 6)),
        (NODE, "javascript", "TypeError: Cannot read", Frame("/srv/app/src/load.js", 10, "load")),
        (
            JAVA,
            "java",
            "NullPointerException: name is null",
            Frame("com/acme/shop/Order.java", 42, "com.acme.shop.Order.total"),
        ),
        (GO, "go", "index out of range", Frame("/home/ci/shop/main.go", 12)),
        (CSHARP, "csharp", "NullReferenceException", Frame("/src/Shop/Order.cs", 17, "Shop.Order.Total(Int32 n)")),
        (GCC, "compiler", "error: 'x' undeclared", Frame("src/main.c", 14)),
        (TSC, "compiler", "error TS2322", Frame("src/app.ts", 12)),
        ("./main.go:12:5: undefined: pick\n", "compiler", "undefined: pick", Frame("./main.go", 12)),
    ],
    ids=["python", "rust panic", "rust before 1.73", "rustc", "node", "java", "go", "csharp", "gcc", "tsc", "go build"],
)
def test_each_language_s_error_gives_message_and_innermost_frame(
    text: str, kind: str, message: str, frame: Frame
) -> None:
    """Of every known form the kind, the message and the innermost frame are found, with prose around it."""
    error = find_errors(f"It fails like this:\n\n{text}\nWhat is wrong?")[0]
    assert error.kind == kind
    assert message in error.message
    assert error.frames[0] == frame
    assert error.start_line == 3


def test_a_python_traceback_is_one_error_with_its_frames_innermost_first() -> None:
    """The lines of a traceback belong together, and the last frame comes first."""
    (error,) = find_errors(PYTHON)
    assert [frame.line for frame in error.frames] == [6, 3]
    assert (error.start_line, error.end_line) == (1, 7)


def test_a_traceback_behind_a_tool_s_mark_is_one_error() -> None:
    """pytest writes INTERNALERROR> before each line of an error of its own."""
    (error,) = find_errors("".join(f"INTERNALERROR> {line}\n" for line in PYTHON.splitlines()))
    assert error.message == "KeyError: 'price'"
    assert [frame.line for frame in error.frames] == [6, 3]


def test_the_frames_of_pytest_s_own_trace_are_found() -> None:
    """With a function, with nothing, and with the kind of the error behind the line's number."""
    text = (
        "src/shop/run.py:12: \n_ _ _ _ _ _\nsrc/shop/orders.py:6: in total\n    return price(item)\n"
        "_ _ _ _ _ _\n\n>   raise KeyError(item)\nE           KeyError: 'tea'\n\nsrc/shop/prices.py:3: KeyError\n"
    )
    errors = find_errors(text)
    frames = [frame for error in errors for frame in error.frames]
    assert frames == [
        Frame("src/shop/run.py", 12), Frame("src/shop/orders.py", 6, "total"), Frame("src/shop/prices.py", 3),
    ]  # fmt: skip
    assert "KeyError: 'tea'" in [error.message for error in errors]


def test_a_chained_java_error_is_one_error() -> None:
    """`Caused by` goes on with the same error."""
    (error,) = find_errors(JAVA)
    assert len(error.frames) == 3


def test_an_error_in_a_comment_is_found() -> None:
    """Comment marks before an error text are looked through."""
    comment = "// thread 'main' panicked at src/main.rs:5:22:\n// called `Option::unwrap()` on a `None` value\n"
    source = f"fn a() {{}}\n{comment}fn b() {{}}\n"
    (error,) = find_errors(source)
    assert (error.start_line, error.end_line) == (2, 3)
    assert "None" in error.message


@pytest.mark.parametrize(
    "text",
    [
        "Please fix the error handling in parse_port.",
        "Errors should be returned, not raised.",
        "def handle(error):\n    raise ValueError(error)\n",
        "class ParseError(Exception):\n    pass\n",
        "See https://example.com/error: it explains at length.",
        "at 10:30 we deploy",
    ],
)
def test_talk_of_errors_and_code_that_handles_them_is_no_error_text(text: str) -> None:
    """Prose about errors and code that raises them are not taken for an error that happened."""
    assert find_errors(text) == ()


def test_a_sentence_may_name_an_error() -> None:
    """An exception with its message in running text is found."""
    assert named_error("I get KeyError: 'price' when I call it").startswith("KeyError: 'price'")
    assert named_error("handle errors and exceptions well") == ""


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [*PYTHON.split("\n"), *JAVA.split("\n"), *GO.split("\n"), *RUSTC.split("\n"), "prose", "", "   "]
        ),
        max_size=40,
    )
)
def test_errors_lie_in_the_text_and_do_not_overlap(lines: list[str]) -> None:
    """Whatever lines are mixed, line numbers are in range, in order, and no line belongs to two errors."""
    end = 0
    for error in find_errors("\n".join(lines)):
        assert end < error.start_line <= error.end_line <= len(lines)
        assert all(frame.line > 0 for frame in error.frames)
        assert "\n" not in error.message
        end = error.end_line


@pytest.mark.parametrize(
    "hint",
    [*HINT.pattern.replace("[Ee]rror", "Error|error").replace("\\b", "").split("|")],
)
def test_every_hint_has_a_word_that_is_looked_for_first(hint: str) -> None:
    """Else lines with it would never be looked at."""
    example = hint.replace(r"\d", "7").replace("\\", "")
    assert HINT.search(example)
    assert any(word in example for word in HINT_WORDS)


@pytest.mark.parametrize(
    "line",
    ["at " + "(" * 900, "at " + "x) in " * 150, "a" * 999 + ".go:", "thread '" + "'" * 900, "A." * 450 + "Error"],
)
def test_no_line_makes_the_search_slow(line: str) -> None:
    """The time for a hostile text grows with its length, not with its square."""
    few, many = (line + "\n") * 20, (line + "\n") * 160

    def cost(text: str) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            find_errors("Error\n" + text)
            best = min(best, time.process_time() - start)
        return best

    assert cost(many) < 40 * max(cost(few), 0.0005)


LINES = st.sampled_from(
    sorted({line for text in (PYTHON, RUST_PANIC, RUST_OLD, RUSTC, NODE, JAVA, GO) for line in text.split("\n")})
)


@given(LINES, LINES, st.integers(0, 30), st.integers(0, 200))
def test_one_look_at_a_line_tells_whether_it_begins_an_error(one: str, other: str, start: int, end: int) -> None:
    """As all patterns together do, whatever is cut from a line and put before it."""
    for line in (one.strip(), other[start:] + one, one[start:end] + other):
        whole = line.startswith(TRACEBACK) or any(pattern.match(line) for _, pattern in (*heads(), *frames()))
        assert (begins().match(line) is not None) == whole
