"""No room is left, by a full disk or by a limit on files: exit 5, one sentence, nothing lost, nothing left lying."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache.evidence import to_plain
from optafly_cli.cache.index.index import SCAN_LIMIT
from optafly_cli.cache.types import Evidence, Scope
from tests.cache.support import answer, maintained
from tests.cli.conftest import Cli, Result
from tests.disks import small_disk

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
OTHER = ("ask", "explain this", "--file", "src/main.rs")
NO_ROOM = "no room is left (disk, quota or file size limit)"
REMEDY = "free some space there and run it again; nothing that was stored is lost"
MANY = SCAN_LIMIT + 50


class Full:
    """Runs commands where there is no room, and where there is some again."""

    def __init__(
        self, cli: Cli, file_limit: int | None, fill: Callable[[], None], make_room: Callable[[], None]
    ) -> None:
        self.cli = cli
        self.file_limit = file_limit
        self.fill = fill
        self.make_room = make_room

    def __call__(self, *arguments: str, code: int) -> Result:
        return self.cli(*arguments, code=code, file_limit=self.file_limit)


@pytest.fixture(params=["disk", pytest.param("limit", marks=pytest.mark.slow)])
def full(request: pytest.FixtureRequest, cli: Cli, tmp_path: Path) -> Iterator[Full]:
    """A home on a disk of 12 MB that can be filled, or one whose files may not grow beyond one page."""
    if request.param == "limit":
        yield Full(cli, 4_096, lambda: None, lambda: None)
        return
    with small_disk(tmp_path / "disk", "24m") as disk:
        cli.home = disk.path
        cli.env["OPTAFLY_HOME"] = str(disk.path / "optafly")
        yield Full(cli, None, disk.fill, disk.make_room)


def lines(count: int) -> list[str]:
    """That many entries in one scope."""
    plain = {
        "schema": "optafly.entry/1",
        "scope": asdict(Scope("/w", "d", "u", "m")),
        "evidence": to_plain(Evidence()),
        "answer": asdict(answer("short")),
        **dict.fromkeys(("created", "last_used"), time.time()),
        **dict.fromkeys(("hits", "cost", "seconds"), 0),
    }
    rows = np.random.default_rng(1).standard_normal((count, 32), dtype=np.float32)
    made = []
    for number, row in enumerate(rows / np.linalg.norm(rows, axis=1, keepdims=True)):
        vector = base64.b64encode(row.astype("<f4").tobytes()).decode()
        made.append(json.dumps({**plain, "prompt": f"question {number}", "vector": vector, "embedder": "e@1"}))
    return made


def imported(cli: Cli, made: list[str]) -> None:
    with maintained(cli.store) as store:
        numbered = enumerate((line.encode() for line in made), 1)
        assert store.add(numbered, refuse=lambda _, why: pytest.fail(why)).new == len(made)


def left_lying(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if ".new" in path.name]


def test_no_command_loses_anything_where_no_room_is_left(full: Full) -> None:
    """Each says what is full and what to do; a hit is served, an answer printed; afterwards all is there, and works."""
    cli = full.cli
    cli(*ASK)
    many = lines(MANY)
    (cli.cwd / "more.jsonl").write_text("\n".join(many[:200]).replace("question", "further question"))
    imported(cli, many)
    target = cli.store.parent / "out.jsonl"
    target.write_text("an older export")
    assert len([*cli.store.rglob("*.faiss")]) == 1
    full.fill()

    assert full(*ASK, code=0).out.startswith("Use `?`")
    paid = full(*OTHER, code=5)
    assert paid.out.startswith("Use `?`")
    cannot = f"the store at {cli.store} cannot be"
    assert paid.err.splitlines()[0] == f"warning: the answer was not stored: {cannot} written: {NO_ROOM}"
    for command, doing in (
        (("rebuild",), f"{cannot} indexed"),
        (("import", "more.jsonl"), f"{cannot} written"),
        (("delete", "1"), f"{cannot} written"),
        (("export", str(target), "--force"), f"{target} cannot be written"),
    ):
        said = full("cache", *command, code=5)
        assert said.out == ""
        assert said.err.splitlines() == [f"error: {doing}: {NO_ROOM}", f"  {REMEDY}"], command
    assert target.read_text() == "an older export"
    assert left_lying(cli.store, cli.store.parent) == []

    full.make_room()
    assert "nothing is wrong" in cli("cache", "verify").err
    assert cli("cache", "stats", "--json").json["entries"] == MANY + 1
    assert cli("cache", "import", "more.jsonl", "--json").json["new"] == 200


def test_clearing_makes_room_where_there_is_none(cli: Cli, tmp_path: Path) -> None:
    """The index goes first: what it took is enough to write down that the entries are gone."""
    with small_disk(tmp_path / "disk", "24m") as disk:
        cli.home = disk.path
        cli.env["OPTAFLY_HOME"] = str(disk.path / "optafly")
        imported(cli, lines(8_000))
        disk.fill()
        assert cli("cache", "clear", "--yes", "--json").json["removed"] == 8_000
        assert sum(path.stat().st_size for path in cli.store.rglob("*")) < 200_000


def test_a_folder_is_no_place_for_an_export(cli: Cli) -> None:
    """`--force` puts no file in the place of a folder."""
    assert "cannot be written" in cli("cache", "export", "src", "--force", code=2).err
    assert (cli.cwd / "src").is_dir()
