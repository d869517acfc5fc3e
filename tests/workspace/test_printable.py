"""Names and text on a terminal, and the language of a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.workspace.escape import exact_label, one_line, printable
from optafly_cli.workspace.languages import language_of


def test_escape_codes_become_visible() -> None:
    """C0, C1, DEL, carriage return and the characters that reorder or hide text; newline and tab stay."""
    assert printable("a\x1b[31mb\x07\x9b\x7f\rc\n\td") == "a\\x1b[31mb\\x07\\x9b\\x7f\\rc\n\td"
    assert printable("safe\u202egpj.exe\u200b\u2066\ufeff") == "safe\\u202egpj.exe\\u200b\\u2066\\ufeff"
    assert printable("\udce9") == "\\udce9"
    assert printable("ünï 漢字 🎉 é") == "ünï 漢字 🎉 é"
    assert one_line("a\nb\tc\x00") == "a\\nb\\tc\\x00"


@given(st.text())
def test_printable_is_safe_and_idempotent(text: str) -> None:
    """Whatever comes in, nothing that moves a cursor comes out, and it can be encoded."""
    shown = printable(text)
    assert printable(shown) == shown
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown.replace("\n", "").replace("\t", ""))
    assert len(one_line(text).splitlines()) <= 1
    shown.encode()


@given(st.text())
def test_labels_are_exact_and_encodable(name: str) -> None:
    """Only what cannot be encoded is changed."""
    label = exact_label(name)
    label.encode()
    assert label == name or any(0xD800 <= ord(char) < 0xE000 for char in name)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("src/main.rs", "rust"), ("a.py", "python"), ("A.PY", "python"), ("x.test.tsx", "typescript"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"), ("CMakeLists.txt", "cmake"), ("Makefile", "makefile"), ("go.mod", "go"),
        ("x.h", "c"), ("x.hpp", "cpp"), (".bashrc", "bash"), ("README.md", "markdown"), ("LICENSE", ""), (".rs", ""),
        ("a.unknown", ""), ("", ""), ("dir.py/file", ""), ("x.", ""), ("win\\path\\a.cs", "csharp"),
    ],
)  # fmt: skip
def test_the_language_is_in_the_name(name: str, language: str) -> None:
    """By extension or by the whole name, in any case; "" when it says nothing."""
    assert language_of(name) == language
    assert language_of(Path(name)) == language or not name
