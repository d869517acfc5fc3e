"""Context selection: what goes in, in which order, and that the budget holds."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.sections import groups, section
from optafly_cli.refine.select import Selection, select
from optafly_cli.workspace.types import LineRange, NamedContext, NamedFile, Workspace
from tests.refine.rewriting import run

Named = Callable[..., NamedContext]
TRACE = "Traceback (most recent call last):\n  File \"/ci/shop/app/orders.py\", line 6, in total\nKeyError: 'price'\n"


def words(text: str, language: str = "") -> int:
    """An additive count of tokens."""
    return len(text.split())


def chosen(
    prompt: str,
    workspace: Workspace,
    named: NamedContext | None = None,
    *,
    budget: int = 2048,
    unsafe: bool = True,
    off: str = "",
) -> Selection:
    """The selection with a budget in words, and one of the `include_…` switches off."""
    options = RefineSettings(max_context_tokens=budget)
    if off:
        options = replace(options, **{off: False})  # type: ignore[arg-type]
    return select(prompt, named or NamedContext(), workspace, options, words, unsafe=unsafe)


def big_file(project: Path, functions: int = 200) -> Path:
    """A Python file that does not fit into the default budget."""
    text = "".join(
        f"def step_{number}(value):\n    first = value + {number}\n    second = first * 2\n    return second\n\n\n"
        for number in range(functions)
    )
    path = project / "app" / "big.py"
    path.write_text(text)
    return path


def test_a_named_line_brings_its_unit_and_the_project_line_only(workspace: Workspace, named: Named) -> None:
    """With a line named, its enclosing function is taken, one line about the project, and nothing else."""
    selection = chosen("fix this bug", workspace, named("src/main.rs:5"))
    (piece,) = selection.pieces
    assert (piece.path, piece.start_line, piece.end_line) == ("src/main.rs", 3, 7)
    assert piece.named and piece.kind == "code"
    assert "\n" not in selection.project_text
    assert not selection.auto


def test_pieces_are_the_file_s_own_lines(workspace: Workspace, named: Named, project: Path) -> None:
    """A piece's text is what stands in the file at its lines, byte for byte."""
    big_file(project)
    context = named("src/main.rs:5", "app/orders.py", "app/big.py", "app/big.py:600")
    for piece in chosen("what does step_77 do?", workspace, context).pieces:
        lines = (project / piece.path).read_text().split("\n")
        assert piece.text == "\n".join(lines[piece.start_line - 1 : piece.end_line])


def test_overlapping_ranges_are_taken_once(workspace: Workspace, named: Named) -> None:
    """Two lines of one function give one piece, which says both; neighbouring units stay apart only if they are."""
    (piece,) = chosen("why?", workspace, named("src/main.rs:5", "src/main.rs:6", "src/main.rs:4-5")).pieces
    assert (piece.start_line, piece.end_line) == (3, 7)


def test_a_file_and_a_line_of_it_are_one_piece_when_it_fits(workspace: Workspace, named: Named) -> None:
    """Naming a file and a line of it sends the file once, with the line marked."""
    selection = chosen("why?", workspace, named("src/main.rs", "src/main.rs:5"))
    (piece,) = selection.pieces
    assert (piece.kind, piece.start_line) == ("file", 1)
    assert selection.chosen[0].at == "5"


def test_a_blank_line_that_is_left_over_is_no_piece(workspace: Workspace, named: Named, project: Path) -> None:
    """Beside a line of it that is named, the rest of a file ends in blank lines: they say nothing and cost nothing."""
    path = project / "src" / "main.rs"
    path.write_text(path.read_text() + "\n\n")
    for budget in range(10, 60):
        selection = chosen("fix this bug", workspace, named("src/main.rs", "src/main.rs:5"), budget=budget)
        assert all(piece.text.strip() and piece.tokens > 0 for piece in selection.pieces)


def test_the_pointed_line_stays_in_a_clipped_unit(workspace: Workspace, project: Path, named: Named) -> None:
    """When a unit does not fit it is cut around the line that was named, and the cut is said."""
    body = "".join(f"    value = value + {number}\n" for number in range(300))
    (project / "app" / "long.py").write_text(f"def long(value):\n{body}    return value\n")
    selection = chosen("why?", workspace, named("app/long.py:200"), budget=100)
    (piece,) = selection.pieces
    assert piece.start_line <= 200 <= piece.end_line
    assert piece.end_line - piece.start_line > 5
    assert selection.context_tokens <= 100
    assert any("app/long.py: lines" in one and "max_context_tokens (100)" in one for one in selection.left_out)


def test_every_named_line_gets_in_before_any_unit_grows(workspace: Workspace, project: Path, named: Named) -> None:
    """Of three ranges in long functions each is there with its own line, although one alone would fill the budget."""
    body = "".join(f"    value = value + {number}\n" for number in range(300))
    for name in ("one", "two", "three"):
        (project / "app" / f"{name}.py").write_text(f"def {name}(value):\n{body}    return value\n")
    selection = chosen("why?", workspace, named("app/one.py:100", "app/two.py:150", "app/three.py:200"), budget=120)
    at = {piece.path: (piece.start_line, piece.end_line) for piece in selection.pieces}
    for path, line in (("app/one.py", 100), ("app/two.py", 150), ("app/three.py", 200)):
        assert at[path][0] <= line <= at[path][1]


def test_a_large_file_gives_the_units_that_the_prompt_speaks_of(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """Of a file that does not fit, the functions that the prompt names come in, and what is left out is said."""
    big_file(project)
    selection = chosen("why does step_77 return an odd number?", workspace, named("app/big.py"), budget=60)
    assert "def step_77(value):" in "\n".join(piece.text for piece in selection.pieces)
    assert any(one.startswith("app/big.py: lines") for one in selection.left_out)


def test_the_parts_of_a_file_share_a_section_and_fill_the_budget(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """One header for all functions of a file, in line order, and no room left for another."""
    big_file(project)
    prompt = "step_11, step_40, step_77 and step_90 return odd values"
    for budget in (60, 90, 200):
        selection = chosen(prompt, workspace, named("app/big.py"), budget=budget)
        (group,) = groups(selection.chosen)
        assert len(group) > 1
        assert section(group).count("app/big.py") == 1
        assert [one.piece.start_line for one in group] == sorted(one.piece.start_line for one in group)
        assert budget - budget // 4 - 30 <= selection.context_tokens <= budget


def test_a_large_file_gives_the_unit_of_the_error_first(workspace: Workspace, project: Path, named: Named) -> None:
    """A frame in the piped error decides which function of a named file is taken."""
    big_file(project)
    trace = 'Traceback (most recent call last):\n  File "app/big.py", line 302, in step_50\nKeyError: 1\n'
    selection = chosen("why?", workspace, named("app/big.py", piped=trace), budget=80)
    assert any(piece.start_line <= 302 <= piece.end_line for piece in selection.pieces if piece.path == "app/big.py")


def test_a_large_file_that_nothing_points_into_gives_its_beginning(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """Without a hint the first lines are taken, never nothing."""
    big_file(project)
    (piece,) = chosen("explain", workspace, named("app/big.py"), budget=60).pieces
    assert piece.start_line == 1


def test_small_files_are_whole_beside_a_large_one(workspace: Workspace, project: Path, named: Named) -> None:
    """Files share the budget: a large one does not push a small one out."""
    big_file(project)
    selection = chosen("explain", workspace, named("app/big.py", "src/main.rs"), budget=300)
    kinds = {piece.path: piece.kind for piece in selection.pieces}
    assert kinds["src/main.rs"] == "file"
    assert kinds["app/big.py"] == "code"


@pytest.mark.parametrize("budget", [0, 1, 4])
def test_a_tiny_budget_sends_nothing_and_says_so(workspace: Workspace, named: Named, budget: int) -> None:
    """What cannot fit is left out, with a sentence for each file."""
    selection = chosen("fix this bug", workspace, named("src/main.rs:5", "app/orders.py"), budget=budget)
    assert selection.pieces == ()
    assert selection.context_tokens == 0
    assert [one.split(" ")[0] for one in selection.left_out] == ["src/main.rs:5", "app/orders.py"]


def test_a_secret_is_redacted_and_reported(workspace: Workspace, named: Named) -> None:
    """A key in a file never reaches the prompt; what was taken out is said."""
    selection = chosen("explain", workspace, named("app/settings.py"))
    assert "AKIA" not in selection.pieces[0].text
    assert 'REGION = "eu-west-1"' in selection.pieces[0].text
    assert "redacted 1 AWS access key in app/settings.py" in selection.left_out


def test_a_secret_in_piped_text_is_redacted(workspace: Workspace, named: Named) -> None:
    """Piped text is cleaned like a file."""
    selection = chosen("why?", workspace, named(piped="key AKIAQ3EGUZ4X7NJW2B5T refused\n"))
    assert "AKIA" not in selection.pieces[0].text
    assert selection.left_out == ("redacted 1 AWS access key in the piped text",)


def test_a_mentioned_path_is_selected_as_named(workspace: Workspace) -> None:
    """A path with a line that the user typed brings its unit; it depends on the workspace, so it is automatic."""
    selection = chosen("Why does src/main.rs:5 panic?", workspace)
    (piece,) = selection.pieces
    assert (piece.path, piece.start_line, piece.named) == ("src/main.rs", 3, True)
    assert selection.auto


def test_a_frame_in_piped_text_is_selected_but_was_not_named(workspace: Workspace, named: Named) -> None:
    """A stack trace of another machine finds the workspace's own file; its text is unsafe, and left out when asked."""
    selection = chosen("why does this fail?", workspace, named(piped=TRACE))
    unsafe = [piece for piece in selection.pieces if not piece.named]
    assert [(piece.path, piece.start_line <= 6 <= piece.end_line) for piece in unsafe] == [("app/orders.py", True)]
    safe = chosen("why does this fail?", workspace, named(piped=TRACE), unsafe=False)
    assert all(piece.named for piece in safe.pieces)
    assert any("app/orders.py" in one and "--file app/orders.py" in one for one in safe.left_out)


def test_the_active_file_is_proposed_only_when_the_prompt_points_at_nothing(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """ "this bug" with nothing named proposes the file changed last, as unsafe; a general question does not."""
    (project / "app" / "orders.py").write_text((project / "app" / "orders.py").read_text() + "\n\nX = 1\n")
    (piece,) = chosen("fix this bug", workspace).pieces
    assert (piece.path, piece.named) == ("app/orders.py", False)
    assert chosen("fix this bug", workspace, off="include_active_file").pieces == ()
    assert chosen("Add a login page", workspace).pieces == ()
    assert [piece.path for piece in chosen("fix this bug", workspace, named("src/main.rs:5")).pieces] == ["src/main.rs"]


def test_the_outline_comes_only_when_nothing_is_named(workspace: Workspace, named: Named) -> None:
    """A task without a file gets the project's outline; a general question, or one with a file, does not."""
    outline = chosen("Add a login page", workspace)
    assert "orders.py" in outline.project_text
    assert outline.auto
    assert chosen("What is the difference between a mutex and a semaphore?", workspace).project_text == ""
    assert "orders.py" not in chosen("explain", workspace, named("src/main.rs")).project_text
    assert chosen("Add a login page", workspace, off="include_project_structure").project_text == ""


def test_switched_off_selections_stay_out(workspace: Workspace, named: Named) -> None:
    """With include_selection off the lines are left out, which is said."""
    selection = chosen("fix this bug", workspace, named("src/main.rs:5"), off="include_selection")
    assert selection.pieces == ()
    assert selection.left_out == ("src/main.rs:5 was left out: include_selection is off.",)


@pytest.mark.parametrize(
    ("path", "why"),
    [(".env", "environment file"), ("build/out.py", "git ignores it"), ("../outside.py", "outside the workspace")],
)
def test_what_must_not_be_sent_is_not_selected(workspace: Workspace, project: Path, path: str, why: str) -> None:
    """A mentioned file that is denied, ignored or outside is left out, with the reason."""
    (project.parent / "outside.py").write_text("SECRET = 1\n")
    (project / ".env.py").write_text("")
    selection = chosen(f"explain what {path} does" if path != ".env" else "explain .env.py", workspace)
    assert selection.pieces == ()
    assert any(why in one for one in selection.left_out)


def test_a_link_out_of_the_tree_is_not_followed(workspace: Workspace, project: Path) -> None:
    """A link in a repository cannot make refine read a file elsewhere."""
    (project.parent / "outside.py").write_text("SECRET = 1\n")
    (project / "app" / "link.py").symlink_to(project.parent / "outside.py")
    selection = chosen("explain app/link.py:1", workspace)
    assert "SECRET" not in "".join(piece.text for piece in selection.pieces)


def test_a_change_without_hunks_is_a_piece_too(workspace: Workspace, project: Path, named: Named) -> None:
    """A file that git only moved, or whose mode alone changed, is its header."""
    big_file(project, 2)
    for command in (["add", "."], ["commit", "-qm", "Big"], ["mv", "app/big.py", "app/moved.py"]):
        subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
    (piece,) = chosen("review this", workspace, named(diff=True)).pieces
    assert (piece.kind, piece.path) == ("diff", "app/moved.py")
    assert piece.text.endswith("rename from app/big.py\nrename to app/moved.py")


def test_a_diff_is_a_piece_per_file_and_is_cut_by_hunks(workspace: Workspace, project: Path, named: Named) -> None:
    """Named changes come as diffs; of one that is too long the first hunks stay whole."""
    path = big_file(project, 60)
    for command in (["add", "."], ["commit", "-qm", "Big"]):
        subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
    lines = path.read_text().split("\n")
    for number in range(2, len(lines), 60):
        lines[number] = "    second = 0"
    path.write_text("\n".join(lines))
    whole = chosen("review this", workspace, named(diff=True))
    assert [(piece.kind, piece.path) for piece in whole.pieces] == [("diff", "app/big.py")]
    cut = chosen("review this", workspace, named(diff=True), budget=120)
    assert 0 < cut.pieces[0].text.count("\n@@ ") < whole.pieces[0].text.count("\n@@ ")
    assert any("hunks fit into max_context_tokens" in one for one in cut.left_out)


def test_long_piped_text_is_cut_around_its_error(workspace: Workspace, named: Named) -> None:
    """Of a long log the part around the first error is taken, and the rest is said to be missing."""
    noise = "".join(f"line {number} is fine\n" for number in range(400))
    selection = chosen("why?", workspace, named(piped=noise + TRACE + noise), budget=120, unsafe=False)
    (piece,) = [piece for piece in selection.pieces if piece.kind == "piped"]
    assert "KeyError: 'price'" in piece.text
    assert any(one.startswith("The piped text: lines") for one in selection.left_out)


def test_the_digest_is_that_of_what_was_selected_automatically(
    workspace: Workspace, project: Path, named: Named
) -> None:
    """Editing a mentioned file changes the digest; editing another, or what was named, does not."""
    first = chosen("Why does src/main.rs:5 panic?", workspace)
    assert chosen("Why does src/main.rs:5 panic?", workspace).digest == first.digest
    (project / "app" / "orders.py").write_text("pass\n")
    assert chosen("Why does src/main.rs:5 panic?", workspace).digest == first.digest
    fixed = chosen("why?", workspace, named("src/main.rs:5"))
    text = (project / "src" / "main.rs").read_text()
    (project / "src" / "main.rs").write_text(text.replace("value.unwrap()", "value.unwrap_or_default()"))
    assert chosen("Why does src/main.rs:5 panic?", workspace).digest != first.digest
    assert chosen("why?", workspace, named("src/main.rs:5")).digest == fixed.digest


LINES = st.lists(
    st.sampled_from(["def f(x):", "    return x", "", "x = 1", "</code>", "class A:", "    a b c d e f g"]),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(), lines=LINES, budget=st.integers(0, 120), prompt=st.sampled_from(["fix this bug", "f(x)?", "a b c"])
)
def test_the_budget_holds_and_no_line_is_sent_twice(
    tmp_path: Path, data: st.DataObject, lines: list[str], budget: int, prompt: str
) -> None:
    """For any file, ranges and budget: it holds, headers included; lines match the file, none is there twice."""
    from optafly_cli.workspace.sources import read_source
    from optafly_cli.workspace.units import enclosing_unit

    path = tmp_path / "a.py"
    path.write_text("\n".join(lines) + "\n")
    source = read_source(path)
    files = [NamedFile(path, "a.py", source, "python")] if data.draw(st.booleans()) else []
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(1, len(source.lines)))
        at = LineRange(start, data.draw(st.integers(start, len(source.lines))))
        files.append(NamedFile(path, "a.py", source, "python", at, enclosing_unit(source.lines, at)))
    workspace = Workspace(tmp_path, "w", "folder", has_git=False)
    selection = chosen(prompt, workspace, NamedContext(files=tuple(files)), budget=budget)
    assert selection.context_tokens <= budget
    rendered = words(selection.project_markup) + sum(words(section(group)) for group in groups(selection.chosen))
    assert rendered == selection.context_tokens
    sent: list[int] = []
    for piece in selection.pieces:
        assert piece.text.split("\n") == source.lines[piece.start_line - 1 : piece.end_line]
        sent.extend(range(piece.start_line, piece.end_line + 1))
    assert len(sent) == len(set(sent))
    if files and source.text.strip():
        everything = len(sent) == len(source.lines)
        assert everything or selection.pieces or selection.left_out


def test_what_git_tracks_is_asked_for_once(workspace: Workspace, project: Path) -> None:
    """Whoever asked for the active file knows of every tracked file that it is listed; of others git is asked."""
    files, others = WorkspaceFiles(workspace), WorkspaceFiles(workspace)
    (project / ".gitignore").write_text("ignored.py\n")
    (project / "ignored.py").write_text("x = 1\n")
    (project / "new.py").write_text("x = 1\n")
    active = files.active
    assert active is not None
    assert [files.refusal(label) for label in (active, "new.py")] == [None, None]
    assert files.refusal("ignored.py") == "git ignores it"
    (project / ".git").rename(project / "gone")
    assert files.refusal("src/main.rs") is None
    assert others.refusal("src/main.rs") == "git ignores it"


def test_a_file_of_one_line_that_does_not_fit_is_said_so(workspace: Workspace, project: Path, named: Named) -> None:
    """In the words of one line."""
    (project / "app" / "one.py").write_text(f"x = [{'1, ' * 400}]\n")
    said = run("explain app/one.py", workspace, named("app/one.py"), budget=100).left_out
    assert any("app/one.py was left out: its only line does not fit into" in sentence for sentence in said), said
