"""Words that point: to what is there, in the workspace, in git or in the sentence itself, and to nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.rules.base import quoted
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import NamedContext, Workspace
from tests.cli.conftest import git
from tests.refine.rewriting import TRACE, run

BOUND = (
    "what does this project do well?",
    "What is this repo about?",
    "explain this repository",
    "explain this codebase",
    "explain this code base to me",
    "explain this package",
    "explain this library in five sentences",
    "explain this Python app",
    "explain these packages",
    "what does this command-line tool do?",
    "Review this Go library's public interface",
    "improve this project's README",
    "does this test suite cover the parser?",
    "improve this file structure",
    "explain this folder",
    "explain the code base",
    "run the tests",
    "fix this week's report",
    "what is this year's roadmap?",
    "check that the build works",
    "check that all orders are sorted",
    "test that an empty list is refused",
    "document that callers must close the stream",
    "make it possible to add plugins",
    "make it so that the login page redirects",
    "make it easy for others to add a plugin",
    "fix this bug: the window closes when I resize it twice",
    "fix this: the window closes when I resize it twice",
    "explain this error: connection refused",
    "explain this regex: one or more digits and a dot",
    f"{TRACE}\nfix that error",
    "I get a KeyError when the list is empty, fix that error",
)
POINTING = (
    ("fix this", "this"),
    ("fix this bug", "this bug"),
    ("fix this please", "this"),
    ("this is broken", "this"),
    ("explain this", "this"),
    ("explain this to me", "this"),
    ("explain this code", "this code"),
    ("explain this function", "this function"),
    ("explain this package file", "this package file"),
    ("what does this do?", "this"),
    ("what does this do in the project?", "this"),
    ("fix this in project apollo", "this"),
    ("fix this for packages", "this"),
    ("fix this bug in this project", "this bug"),
    ("why does this class of the library fail?", "this class"),
    ("what does it do for this repository?", "it"),
    ("explain this project and fix this bug", "this bug"),
    ("explain this regex", "this"),
    ("check that", "that"),
    ("check that again", "that"),
    ("check that file", "that file"),
    ("fix that the right way", "that"),
    ("make it easier", "it"),
    ("make it faster for big files", "it"),
    ("fix this function: it returns nothing at all", "this function"),
    ("fix this bug: now", "this bug"),
    ("explain this\ncode package", "this code"),
    ("fix the failing tests", "the failing tests"),
    ("explain the file", "the file"),
)


def pointed(prompt: str, workspace: Workspace, named: NamedContext | None = None) -> list[str]:
    """The messages that say that the prompt points at nothing."""
    return [one.message for one in run(prompt, workspace, named).findings if one.rule == "OPF002"]


@pytest.mark.parametrize("prompt", BOUND)
def test_what_the_workspace_or_the_sentence_is_meant_by_is_no_finding(prompt: str, workspace: Workspace) -> None:
    """The whole project, its tests, a time, a clause, and what is said behind a colon."""
    assert pointed(prompt, workspace) == []


@pytest.mark.parametrize(("prompt", "words"), POINTING)
def test_what_points_at_nothing_is_one(prompt: str, words: str, workspace: Workspace) -> None:
    """The words are those that point, not others beside them."""
    (message,) = pointed(prompt, workspace)
    assert message.startswith(quoted(words) + " points at nothing")


@pytest.mark.parametrize("prompt", ["review this branch", "explain this commit", "what does this commit change?"])
def test_a_branch_or_a_commit_is_there_where_git_is(prompt: str, workspace: Workspace, tmp_path: Path) -> None:
    """In a folder without git it is nothing that could be looked up, and what can be done is said."""
    assert pointed(prompt, workspace) == []
    (left_out,) = run(prompt, workspace, force=True).left_out
    assert "pipe it in" in left_out
    (tmp_path / "plain").mkdir()
    for plain in (find_workspace(tmp_path / "plain"), replace(workspace, has_git=False)):
        (message,) = pointed(prompt, plain)
        assert "git show" in message
        assert run(prompt, plain, force=True).left_out == ()


@pytest.mark.parametrize("prompt", ["review these changes", "explain this diff", "check this patch for mistakes"])
def test_changes_are_there_when_something_was_changed(
    prompt: str, workspace: Workspace, project: Path, named: Callable[..., NamedContext]
) -> None:
    """In a clean tree they are not; staged or not they are, and it is said that they are not in the prompt yet."""
    (message,) = pointed(prompt, workspace)
    assert "nothing was changed here" in message
    (project / "src" / "main.rs").write_text("fn main() {}\n")
    assert pointed(prompt, workspace) == []
    hint = "Your changes are not in the prompt: --diff adds them."
    changed = run(prompt, workspace, force=True, retriever=Retriever(Keeper(workspace, project.parent / "indexes")))
    assert changed.left_out == (hint,)
    assert changed.pieces == ()
    git(project, "add", "-A")
    assert pointed(prompt, workspace) == []
    told = "Since these changes of last week the port is parsed twice, and the second time it is not a number " * 3
    assert hint not in run(told, workspace).left_out
    for less in (run(prompt, workspace, named(piped="+fn main() {}\n")), run("fix src/main.rs", workspace)):
        assert hint not in less.left_out


def test_nothing_is_said_of_a_project_that_is_not_there(tmp_path: Path) -> None:
    """In an empty folder there is no outline, and the prompt is left as it is."""
    (tmp_path / "empty").mkdir()
    prompt = "what does this project do well?"
    assert run(prompt, find_workspace(tmp_path / "empty"), force=True).text == prompt


def test_a_question_on_the_whole_project_brings_its_outline(workspace: Workspace) -> None:
    """Whatever it is called; a word for it that does not point at it brings nothing."""
    for prompt in ("what does this app do?", "explain this package", "explain the code base"):
        assert "<project>" in run(prompt, workspace, force=True).text, prompt
    assert "<project>" not in run("what is a package in Python?", workspace, force=True).text


def test_words_for_what_git_has_are_not_searched_for(workspace: Workspace, project: Path) -> None:
    """ "Review these changes" is not about the code that has to do with changes; a name beside it is searched for."""
    (project / "app" / "changes.py").write_text("def review_changes(changes):\n    return [*changes]\n")
    git(project, "add", "-A")

    def pieces(prompt: str) -> set[str]:
        retriever = Retriever(Keeper(workspace, project.parent / "indexes"))
        return {piece.path for piece in run(prompt, workspace, force=True, retriever=retriever).pieces}

    assert pieces("review these changes") == set()
    assert "app/orders.py" in pieces("review these changes of discount()")


def test_the_whole_is_explained_by_its_readme_and_outline(workspace: Workspace, project: Path) -> None:
    """No file that happens to say "project" is sent; what is asked of a part of it is searched for."""
    (project / "README.md").write_text("# Shop\n\nSells what people order.\n" + "More of it.\n" * 3_000)
    (project / "app" / "project.py").write_text("def explain_project(project):\n    return project\n")
    git(project, "add", "-A")

    def refined(prompt: str) -> RefinedPrompt:
        retriever = Retriever(Keeper(workspace, project.parent / "indexes"))
        return run(prompt, workspace, force=True, retriever=retriever, budget=800)

    for prompt in ("what does this project do well?", "explain this repository", "How is this code base structured?"):
        made = refined(prompt)
        assert [(piece.path, piece.start_line) for piece in made.pieces] == [("README.md", 1)], prompt
        assert "Sells what people order." in made.text
        assert "app/: " in made.text
    for prompt in ("how does this project compute a discount?", "explain our discount package"):
        assert "app/orders.py" in {piece.path for piece in refined(prompt).pieces}, prompt
    safe = run("explain this project", workspace, force=True, unsafe=False)
    assert safe.pieces == ()
    assert any(one.startswith("README.md (what the project says of itself) was left out") for one in safe.left_out)
