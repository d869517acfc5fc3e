"""A store that cannot be used costs a warning and exit 5, never an answer that was paid for, never what it held."""

import base64
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache.index.index import SCAN_LIMIT
from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
ANSWER = "Use `?` instead of unwrap.\n"


def damage(store: Path) -> None:
    """Overwrite the head of the database."""
    with (store / "entries.sqlite").open("r+b") as file:
        file.write(b"not a database, certainly" * 40)


def from_the_future(store: Path) -> None:
    """Give the database a schema that only a later version knows."""
    with sqlite3.connect(store / "entries.sqlite") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()


def a_file_instead(store: Path) -> None:
    """Put a file where the folder should be."""
    shutil.rmtree(store)
    store.write_text("in the way")


@pytest.mark.parametrize("spoil", [damage, from_the_future, a_file_instead], ids=lambda spoil: spoil.__name__)
def test_the_answer_is_printed_the_problem_is_said_and_nothing_is_touched(
    cli: Cli, api: MessagesApi, spoil: object
) -> None:
    """Exit 5, the answer on stdout, one sentence on stderr, the damaged file byte for byte as it was."""
    cli(*ASK)
    assert callable(spoil)
    spoil(cli.store)
    database = cli.store if cli.store.is_file() else cli.store / "entries.sqlite"
    before = database.read_bytes()
    done = cli(*ASK, code=5)
    assert done.out == ANSWER
    assert "not stored" in done.err
    assert database.read_bytes() == before
    assert cli("cache", "stats", code=5).out == ""


@pytest.mark.slow
def test_an_index_that_is_damaged_is_one_notice(cli: Cli) -> None:
    """A garbled manifest, a cut file, one of another model: asked once more it is good again, and silent."""
    cli(*ASK)
    plain = json.loads(cli("cache", "export").out)
    rows = np.random.default_rng(1).standard_normal((SCAN_LIMIT + 1, 384), dtype=np.float32)
    made = [
        {
            **plain,
            "prompt": f"question {number}",
            "vector": base64.b64encode((row / np.linalg.norm(row)).tobytes()).decode(),
        }
        for number, row in enumerate(rows)
    ]
    (cli.cwd / "many.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made))
    cli("cache", "import", "many.jsonl")
    other = ("ask", "why does it panic without arguments", "--file", "src/main.rs", "--cache-only")
    assert "rebuilt" not in cli(*other, code=1).err
    (manifest,) = cli.store.rglob("current.json")
    for harm in ("garbage", "another model", "cut"):
        if harm == "cut":
            next(manifest.parent.glob("*.faiss")).write_bytes(b"IxFI")
        else:
            text = manifest.read_text().replace(plain["embedder"], "another@1")
            manifest.write_text(text if harm == "another model" else harm)
        assert cli(*other, code=1).err.count("search index was rebuilt") == 1
        assert "rebuilt" not in cli(*other, code=1).err


def test_what_can_be_read_is_carried_into_a_new_store(cli: Cli) -> None:
    """As the refusal says: salvage, move the database aside, import; then what was asked is answered."""
    cli(*ASK)
    database = cli.store / "entries.sqlite"
    content = bytearray(database.read_bytes())
    with sqlite3.connect(database) as connection:
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_entry_1'"
        ).fetchone()[0]
    connection.close()
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    database.write_bytes(bytes(content))
    assert "cache export --salvage" in cli("doctor", code=5).out
    assert "--salvage" in cli(*ASK, "--cache-only", code=5).err
    assert "exported 1 entry" in cli("cache", "export", "--salvage", "saved.jsonl").err
    assert database.read_bytes() == bytes(content)
    database.rename(cli.store / "aside")
    cli("cache", "import", "saved.jsonl")
    assert cli(*ASK, "--cache-only").out == ANSWER


def test_everything_in_the_store_is_for_the_user_alone(cli: Cli) -> None:
    """Folders 0700 and files 0600, whatever the umask."""
    cli(*ASK)
    for path in [cli.store, *cli.store.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_without_the_embedding_model_exact_hits_still_work(cli: Cli, api: MessagesApi, tmp_path: Path) -> None:
    """A damaged model file: one warning, the answer, and exact hits."""
    done = cli(*ASK, env={"OPTAFLY_CACHE_EMBEDDING_MODEL": "no-such-model"})
    assert done.out == ANSWER
    again = cli(*ASK, "--json", env={"OPTAFLY_CACHE_EMBEDDING_MODEL": "no-such-model"})
    assert again.json["cache"]["tier"] == "exact"


def test_without_git_the_command_still_works(cli: Cli, api: MessagesApi, tmp_path: Path) -> None:
    """No git on PATH: named files are asked about, hits are served, --diff says what it needs."""
    empty = tmp_path / "bin"
    empty.mkdir()
    without = {"PATH": str(empty)}
    assert cli(*ASK, env=without).out == ANSWER
    assert cli(*ASK, "--json", env=without).json["cache"]["tier"] == "exact"
    assert "git" in cli("ask", "review this", "--diff", env=without, code=None).err


def test_cache_commands_show_and_empty_the_store(cli: Cli) -> None:
    """stats, list, show and clear agree about what is there."""
    cli(*ASK)
    cli(*ASK)
    assert cli("cache", "path").out.strip() == str(cli.store)
    stats = cli("cache", "stats", "--json").json
    assert (stats["entries"], stats["hits"]) == (1, {"exact": 1})
    entry = cli("cache", "list", "--json").json["entries"][0]
    shown = cli("cache", "show", str(entry["id"]), "--json").json
    assert (shown["prompt"], shown["answer"]) == ("fix this bug", ANSWER.strip())
    assert shown["evidence"]["files"][0]["path"] == "src/main.rs"
    assert "--yes" in cli("cache", "clear", code=2).err
    assert cli("cache", "clear", "--yes", "--json").json["removed"] == 1
    assert cli("cache", "stats", "--json").json["entries"] == 0
    assert cli("cache", "show", "1", code=2).err.count("error:") == 1


def test_looking_into_a_store_that_is_not_there_makes_none(cli: Cli) -> None:
    """cache stats and --cache-only create nothing."""
    assert cli("cache", "stats", "--json").json["entries"] == 0
    cli(*ASK, "--cache-only", code=1)
    assert not cli.store.exists()


@pytest.fixture
def without_model(tmp_path: Path) -> dict[str, str]:
    """The environment of an optafly whose embedding model is missing."""
    import optafly_cli

    copy = tmp_path / "copy" / "optafly_cli"
    shutil.copytree(Path(optafly_cli.__file__).parent, copy, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    return {"PYTHONPATH": str(copy.parent), "OPTAFLY_SERVICE_ENABLED": "false"}


def test_a_missing_model_file_costs_the_semantic_tier_and_one_line(
    cli: Cli, api: MessagesApi, without_model: dict[str, str]
) -> None:
    """The answer and exact hits are there as ever; other words are a miss, which says why."""
    assert cli(*ASK, env=without_model).out == ANSWER
    assert cli(*ASK, "--json", env=without_model).json["cache"]["tier"] == "exact"
    other = cli("ask", "please fix this bug", "--file", "src/main.rs", "--json", env=without_model)
    assert other.json["cache"]["status"] == "miss"
    doctor = cli("doctor", "--json", env=without_model).json["checks"]
    assert next(check for check in doctor if check["name"] == "model")["level"] == "missing"
