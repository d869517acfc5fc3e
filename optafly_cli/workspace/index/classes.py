"""What a file is for, by its path: code, tests, documentation, data."""

from typing import Literal

from optafly_cli.workspace.languages import language_of

FileClass = Literal["code", "test", "doc", "data"]
CLASSES: tuple[FileClass, ...] = ("code", "test", "doc", "data")

_TEST_FOLDERS = frozenset((
    "test", "tests", "__tests__", "spec", "specs", "e2e", "testdata", "fixtures", "__mocks__", "mocks", "benchmarks",
    "benches", "bench", "testcases", "test-data",
))  # fmt: skip
_DOC_FOLDERS = frozenset(("doc", "docs", "documentation", "examples", "example", "samples", "website", "changelog"))
_DOC_LANGUAGES = frozenset(("markdown", "rst", "asciidoc", "latex"))
_DATA_LANGUAGES = frozenset(("json", "yaml", "toml", "ini", "xml", "diff", "", "dockerfile", "makefile", "cmake"))


def class_of(label: str) -> FileClass:
    """The class of a label. Tests win over documentation, both over data."""
    *folders, name = label.lower().split("/")
    language = language_of(label)
    stem = name.partition(".")[0]
    if not _TEST_FOLDERS.isdisjoint(folders) or folders[:1] == ["testing"]:
        return "test"
    if stem.startswith("test_") or stem.endswith(("_test", "_spec", "_tests")) or stem in ("conftest", "test", "tests"):
        return "test"
    if ".test." in name or ".spec." in name or name.endswith(("tests.cs", "test.cs", "test.java", "tests.java")):
        return "test"
    if language in _DOC_LANGUAGES or not _DOC_FOLDERS.isdisjoint(folders) or name.endswith(".txt"):
        return "doc"
    return "data" if language in _DATA_LANGUAGES else "code"
