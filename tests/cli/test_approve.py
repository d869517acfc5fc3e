"""The approval screen on a real terminal: what it shows, what its keys do, what it leaves behind."""

import re
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, git, lookup
from tests.cli.terminal import on_a_terminal, plain_lines
from tests.fakes.messages_api import MessagesApi

ASK = ("refine", "fix this bug", "--file", "src/main.rs:8", "--interactive")
USE, SEND = b"Use this?", b"Send this?"
PARTS = ("refine", "fix the price that is wrong for the last order", "--interactive")
DEEP = "src/main/java/org/example/application/infrastructure/persistence"


@pytest.fixture
def parts(repo: Path) -> Path:
    """The repository with a file of which only parts fit, in deep folders with long names."""
    path = repo / DEEP / "prices.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "\n\n".join(f"def price_{n}(item):\n    return item.price\n\n\n# {'-' * 60}\n" * 4 for n in range(40))
    )
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "Add prices")
    return repo


def screen_of(written: bytes, question: bytes = USE) -> list[str]:
    """The lines of the last screen that was drawn before the last question, and the question's own."""
    drawn = written.rpartition(b"\x1b[2J\x1b[H")[2]
    before, _, after = drawn.partition(question)
    return plain_lines(before + question + after.partition(b"]: ")[0])


def row(lines: list[str]) -> re.Match[str]:
    """The one row for several parts of a file: its numbers, its mark, how many parts of how many."""
    found = (re.search(r"^ *(\d+)-(\d+) (.) .*prices.py: (?:(\d+) of )?(\d+) parts.*", line) for line in lines)
    (match,) = [one for one in found if one]
    return match


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(("columns", "rows"), [(40, 24), (60, 24), (80, 24), (80, 17), (120, 40), (200, 60)])
def test_parts_of_a_file_are_one_row_and_all_fits(cli: Cli, columns: int, rows: int) -> None:
    """Prompt, list, metrics and question are on the screen at once, and what was not named is said in each row."""
    keys = ((USE, b"2\n"), (USE, b"q\n"))
    lines = screen_of(on_a_terminal(cli, *PARTS, answers=keys, columns=columns, rows=rows)[1])
    height = sum(max(1, -(-len(line) // columns)) for line in lines)
    assert height <= rows
    text = "\n".join(lines)
    if columns >= 72:
        first = row(lines)
        assert int(first[2]) - int(first[1]) + 1 == int(first[5])
        assert "parts, not named by you" in first[0]
    else:
        assert re.search(r"(?m)^ *1-\d+ \+ …\S*/prices.py .*\n +\d+ of \d+ parts, not named by you$", text)
    assert lines[0].startswith("╭")
    assert any(line.startswith("score ") for line in lines)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(("columns", "rows"), [(71, 12), (60, 20), (44, 16), (30, 10), (12, 4)])
def test_no_screen_is_too_small(cli: Cli, columns: int, rows: int) -> None:
    """What does not fit scrolls off; the question is asked, and what it says first are rows of changes."""
    lines = screen_of(on_a_terminal(cli, *PARTS, answers=((USE, b"2\n"), (USE, b"q\n")), columns=columns, rows=rows)[1])
    assert any(line.lstrip().startswith("1-") for line in lines)


def test_hidden_rows_say_what_of_them_was_not_named(cli: Cli, repo: Path) -> None:
    """A list that is longer than the screen does not hide that more would be sent that the user did not name."""
    for number in range(9):
        (repo / f"price{number}.py").write_text(f"def last_price(order):\n    return order.price - {number}\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "Add prices")
    ask = ("refine", "fix last_price(order), it is wrong for the last order", "--interactive")
    keys = ((USE, b"2\n"), (USE, b"q\n"))
    lines, all_lines = (screen_of(on_a_terminal(cli, *ask, answers=keys, rows=rows)[1]) for rows in (20, 60))
    (more,) = [line for line in lines if line.startswith("…")]
    match = re.fullmatch(r"… (\d+) more rows, (\d+) not named by you \(l lists them\)", more)
    assert match
    total = sum("not named by you" in line for line in all_lines)
    assert sum("not named by you" in line for line in lines if line != more) + int(match[2]) == total > 6
    assert len(lines) <= 20


@pytest.mark.usefixtures("parts")
def test_a_few_rows_of_two_lines_are_not_cut(cli: Cli, repo: Path) -> None:
    """Where every row has to be shown, none is hidden, though they need more lines than there are."""
    (repo / DEEP / "rates.py").write_text("def last_price(order):\n    return order.price\n" * 3)
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "Add rates")
    env = {"OPTAFLY_REFINE_THRESHOLD": "0", "OPTAFLY_REFINE_APPROVE": "always"}
    ask = ("ask", "fix the last_price(order) that is wrong for price_1(item)")
    written = on_a_terminal(cli, *ask, answers=((SEND, b"2\n"), (SEND, b"q\n")), columns=60, rows=20, env=env)[1]
    text = "\n".join(screen_of(written, SEND))
    assert "rates.py" in text
    assert "prices.py" in text
    assert "more row" not in text


@pytest.mark.usefixtures("parts")
def test_one_part_or_all_of_a_file_can_be_left_out(cli: Cli) -> None:
    """Its number leaves a part out, the numbers of the row all of them; the same again puts them back."""
    before = screen_of(b"\x1b[2J\x1b[H" + on_a_terminal(cli, *PARTS, answers=((USE, b"q\n"),), columns=120)[1])
    whole = row(before)
    numbers = f"{whole[1]}-{whole[2]}\n".encode()
    parts = int(whole[5])
    expected = [
        ((f"{whole[1]}\n".encode(),), "+", str(parts - 1)),
        ((numbers,), "-", None),
        ((numbers, numbers), "+", None),
        ((f"{whole[1]}\n".encode(), numbers), "-", None),
        ((f"{whole[1]}, {int(whole[1]) + 1}-{int(whole[1]) + 2}\n".encode(),), "+", str(parts - 3)),
    ]
    for typed, mark, left in expected:
        keys = (*((USE, key) for key in typed), (USE, b"y\n"))
        written = on_a_terminal(cli, *PARTS, answers=keys, columns=120)[1]
        now = row(screen_of(written))
        assert (now[1], now[2], now[3], now[4], int(now[5])) == (whole[1], whole[2], mark, left, parts)
        used = written.decode().rpartition("Use this?")[2]
        assert ("<code path=" in used) == (mark == "+")


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("rows", [24, 60])
def test_l_lists_every_part(cli: Cli, rows: int, repo: Path) -> None:
    """On the screen where they fit, else in the pager: each number once, with its lines."""
    pager = repo.parent / "pager.sh"
    pager.write_text('#!/bin/sh\ncat "$1"\n')
    pager.chmod(0o700)
    keys = ((USE, b"l\n"), (USE, b"q\n"))
    written = on_a_terminal(cli, *PARTS, answers=keys, rows=rows, env={"PAGER": str(pager)})[1]
    listed = plain_lines(written.split(USE)[1])
    numbers = [int(found[1]) for line in listed if (found := re.match(r" *(\d+) [+·] ", line))]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert len(numbers) > 10
    assert sum("prices.py:" in line for line in listed) > 3


def test_a_number_leaves_a_change_out_and_puts_it_back(cli: Cli) -> None:
    """The screen is drawn again, score and tokens follow, and the text that is used is without it."""
    keys = ((USE, b"2\n"), (USE, b"y\n"))
    code, written = on_a_terminal(cli, *ASK, answers=keys)
    lines = plain_lines(written)
    assert code == 0
    assert any("left out" in line and line.startswith("2 -") for line in lines)
    before, after = (line.split("·")[0] for line in lines if line.startswith("score "))
    assert before != after
    assert "parse::<u16>" not in written.decode().rpartition("Use this?")[2]
    back = on_a_terminal(cli, *ASK, answers=((USE, b"2\n"), (USE, b"2\n"), (USE, b"y\n")))[1]
    assert "parse::<u16>" in back.decode().rpartition("Use this?")[2]


def test_an_answer_goes_into_the_prompt(cli: Cli) -> None:
    """It is asked once, a key pressed by habit is no answer, and what was said is used and shown."""
    keys = ((USE, b"w\n"), (b"> ", b"y\n"), (b"in words", b"it panics on x\n"), (USE, b"y\n"))
    code, written = on_a_terminal(cli, *ASK, answers=keys)
    assert code == 0
    used = "\n".join(plain_lines(written)).rpartition("Use this?")[2]
    assert '<answer to="What happens, and what should happen instead?">\nit panics on x\n</answer>' in used


def test_a_file_is_chosen_by_its_number(cli: Cli) -> None:
    """Pointing at nothing asks which file is meant; the one that is chosen counts as named."""
    keys = ((USE, b"w\n"), (b"> ", b"9\n"), (b"no choice", b"1\n"), (b"> ", b"\n"), (USE, b"y\n"))
    code, written = on_a_terminal(cli, "refine", "fix this bug", "--interactive", answers=keys)
    lines = plain_lines(written)
    assert code == 0
    (choice,) = [line.removeprefix("  1 ") for line in lines if line.startswith("  1 ") and "(" not in line]
    assert f"Location: {choice}" in "\n".join(lines).rpartition("Use this?")[2]


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        (((SEND, b"y\n"),), "hit"),
        (((SEND, b"2\n"), (SEND, b"y\n")), "miss"),
        (((SEND, b"w\n"), (b"> ", b"it panics on x\n"), (SEND, b"y\n")), "miss"),
    ],
)
def test_the_answer_to_a_changed_rewrite_is_not_stored(
    cli: Cli, api: MessagesApi, keys: tuple[tuple[bytes, bytes], ...], status: str
) -> None:
    """What was answered to less, or to more, than the prompt as typed is not its answer; it is still printed."""
    ask = ("ask", "fix this bug", "--file", "src/main.rs:8")
    env = {"OPTAFLY_REFINE_APPROVE": "always"}
    code, _ = on_a_terminal(cli, *ask, answers=keys, env=env)
    assert code == 0
    assert len(api.messages) == 1
    assert lookup(cli, *ask, env=env)["status"] == status


def test_keys_that_mean_nothing_are_answered(cli: Cli) -> None:
    """A word, a number that is not there, one that cannot be left out, and ? each say what can be done."""
    keys = (*((USE, key + b"\n") for key in (b"maybe", b"99", b"3", b"1,50-60", b"1,", b"?", b"q")),)
    code, written = on_a_terminal(cli, *ASK, answers=keys)
    said = written.decode()
    assert code != 0
    for sentence in (
        "Please answer y, n",
        "no change 99",
        "no change 50-60",
        "stands and falls",
        "use the prompt as you typed it",
    ):
        assert sentence in said
    assert "nothing was used" in said


def test_v_shows_all_of_it_in_a_pager(cli: Cli, repo: Path) -> None:
    """The pager gets every line of both prompts, from a file that only the user can read and that is gone after."""
    pager = repo.parent / "pager.sh"
    pager.write_text(
        f'#!/bin/sh\nstat -c %a "$1" "$(dirname "$1")" > {repo.parent}/modes; cp "$1" {repo.parent}/seen\n'
    )
    pager.chmod(pager.stat().st_mode | stat.S_IXUSR)
    folder = repo.parent / "tmp"
    folder.mkdir()
    keys = ((USE, b"v\n"), (USE, b"y\n"))
    code, written = on_a_terminal(cli, *ASK, answers=keys, rows=20, env={"PAGER": str(pager), "TMPDIR": str(folder)})
    assert code == 0
    assert b"(v shows all)" in written
    seen = (repo.parent / "seen").read_text()
    assert "+     text.parse::<u16>().unwrap()" in seen
    assert "  fix this bug" in seen
    assert "named; src/main.rs:5-9" in seen
    assert (repo.parent / "modes").read_text().split() == ["600", "700"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("keys", [((USE, b"w\n"), (b"> ", b"\x03")), ((USE, b"\x03"),)])
def test_ctrl_c_leaves_nothing_behind(cli: Cli, repo: Path, keys: tuple[tuple[bytes, bytes], ...]) -> None:
    """At a question as at the decision: exit 130, no prompt on stdout, no file anywhere."""
    folder = repo.parent / "tmp"
    folder.mkdir()
    code, written = on_a_terminal(cli, *ASK, answers=keys, env={"TMPDIR": str(folder)})
    assert code == 130
    assert b"<request>" not in written.rpartition(b"^C")[2]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("columns", "rows"), [(40, 30), (80, 24), (200, 50)])
def test_it_fits_the_screen(cli: Cli, columns: int, rows: int) -> None:
    """No line is wider than the terminal, and after the question the decision's screen is no higher than it."""
    keys = ((USE, b"1\n"), (USE, b"y\n"))
    written = on_a_terminal(cli, *ASK, answers=keys, columns=columns, rows=rows)[1]
    screen = written.decode().partition("\x1b[2J")[2].partition("Use this?")[0].encode()
    lines = plain_lines(screen)
    assert max(len(line) for line in lines) <= columns
    if columns >= 80:
        assert len(lines) <= rows
    assert ("original" in lines[1] and "refined" in lines[1]) == (columns >= 60)


def test_without_colour_what_was_added_is_marked(cli: Cli) -> None:
    """NO_COLOR: no colour code is written, and added lines have a +; with colour none vanishes on white."""
    keys = ((USE, b"y\n"),)
    plain = on_a_terminal(cli, *ASK, answers=keys, env={"NO_COLOR": "1"})[1].decode()
    assert "\x1b[3" not in plain.replace("\x1b[3m", "")
    assert "│ + <project>" in plain
    assert "│   fix this bug" in plain
    colored = on_a_terminal(cli, *ASK, answers=keys)[1].decode()
    assert "\x1b[32m" in colored
    for vanishing in ("33m", "37m", "93m", "97m", "92m", "96m"):
        assert f"\x1b[{vanishing}" not in colored.partition("Use this?")[0]
