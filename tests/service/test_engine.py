"""The engine: a real process that holds the models. Who asks needs none of them, and does without it if it is gone."""

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache.embedder import BUNDLED, Embedder
from optafly_cli.cache.engine import client as asking
from optafly_cli.cache.engine import wire
from optafly_cli.cache.engine.client import SOCKET, EngineClient, beside
from optafly_cli.cache.engine.protocol import EngineUnavailable
from optafly_cli.cache.spelling import embedded_form
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.cache.verifier.cross_encoder import CrossEncoder, pair
from optafly_cli.cache.verifier.load import RECORD
from optafly_cli.cli.ahead import foresee
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Project, keep

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, "subprocess.Popen[str]"]]:
    home = tmp_path_factory.mktemp("home")
    path = home / "run" / SOCKET
    path.parent.mkdir(mode=0o700)
    command = [sys.executable, "-m", "optafly_cli.service.engine"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPTAFLY_HOME": str(home)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield path, process
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not path.exists()


@pytest.fixture
def engine(running: tuple[Path, "subprocess.Popen[str]"]) -> Iterator[EngineClient]:
    client = EngineClient(running[0].parent)
    yield client
    client.close()


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    made.write("src/main.rs", 'fn main() {\n    println!("hello");\n}\n')
    return made


def test_it_says_what_the_models_say(engine: EngineClient) -> None:
    """Vectors and logits are those of the models in this process."""
    text = "how do I reverse a string in python"
    here = Embedder.load().embed([text])[0]
    assert np.allclose(np.frombuffer(engine.embed(BUNDLED, text), np.float32), here, atol=1e-4)
    other = "what is the way to reverse a string in python"
    first, second = pair(text, other)
    assert engine.logit(first, second) == pytest.approx(CrossEncoder.load(RECORD).logit(first, second), abs=0.05)


def test_answers_come_in_the_order_of_the_questions(engine: EngineClient) -> None:
    """Whatever was announced, in whatever order it is asked then, and what was announced for nothing."""
    text, other = "how do I reverse a string", "how do I sort a list"
    plain, logit = engine.embed(BUNDLED, text), engine.logit(*pair(text, other))
    for _ in range(3):
        engine.expect_embed(BUNDLED, other)
        engine.expect_logit(*pair(text, other))
        engine.expect_embed(BUNDLED, text)
        engine.expect_embed(BUNDLED, "one more than is kept")
        assert engine.embed(BUNDLED, text) == plain
        assert engine.logit(*pair(text, other)) == logit
        engine.expect_logit(*pair(text, other))
        assert engine.embed(BUNDLED, text) == plain
        assert engine.status()["pid"]


def test_a_store_beside_it_answers_other_words(engine: EngineClient, project: Project, tmp_path: Path) -> None:
    """What is stored with the engine's vectors is found by other words, and loads no model here."""

    def never() -> Embedder:
        raise AssertionError("the model was loaded")

    settings = CacheSettings()
    with Store.open(tmp_path / "store", settings, load_embedder=never, engine=engine) as store:
        number = keep(store, project.ask("how do I reverse a string in python?"))
        found = store.look_up(project.ask("how can I reverse a string in python?"))
    assert isinstance(found, Hit)
    assert (found.tier, found.entry.id) == ("semantic", number)
    with Store.open(tmp_path / "store", settings) as store:
        alone = store.look_up(project.ask("how can I reverse a string in python?"))
    assert isinstance(alone, Hit)
    assert alone.similarity == pytest.approx(found.similarity, abs=1e-3)
    assert alone.confidence == pytest.approx(found.confidence, abs=1e-2)


def test_a_semantic_hit_needs_no_numpy_here(
    running: tuple[Path, "subprocess.Popen[str]"], project: Project, tmp_path: Path
) -> None:
    """The process that asks imports neither numpy nor onnxruntime nor faiss."""
    with Store.open(tmp_path / "store", CacheSettings(), engine=EngineClient(running[0].parent)) as store:
        keep(store, project.ask("how do I reverse a string in python?"))
    script = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        sys.modules.update(dict.fromkeys(("numpy", "faiss", "onnxruntime", "tokenizers")))
        from pathlib import Path
        from optafly_cli.cache.engine.client import EngineClient
        from optafly_cli.cache.question import build_question
        from optafly_cli.cache.store import Store
        from optafly_cli.config.settings import CacheSettings
        from optafly_cli.workspace.named import gather
        from optafly_cli.workspace.root import find_workspace

        root = Path({str(project.root)!r})
        workspace = find_workspace(root)
        question = build_question(
            "how can I reverse a string in python?", gather(workspace, root, files=()), workspace, namespace="",
            model="claude-sonnet-5", system=None, parameters={{"max_tokens": 1000}},
            versions={{"refiner": "1", "template": "1", "embedder": "all-MiniLM-L6-v2"}},
            state=lambda: "clean", reselect=lambda prompt: "nothing",
        )
        engine = EngineClient(Path({str(running[0].parent)!r}))
        with Store.open(Path({str(tmp_path / "store")!r}), CacheSettings(), engine=engine) as store:
            print(store.look_up(question).tier)
    """
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert (told.stdout, told.stderr) == ("semantic\n", "")


@pytest.mark.parametrize("how", ["none", "dead", "silent", "open to others"])
def test_without_an_answer_it_is_done_here(project: Project, tmp_path: Path, how: str) -> None:
    """No socket, one that nobody listens on, one that says nothing, a folder for all: the models here answer."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755 if how == "open to others" else 0o700)
    with socket.socket(socket.AF_UNIX) as made:
        if how != "none":
            made.bind(str(folder / SOCKET))
        if how in ("silent", "open to others"):
            made.listen()
        client = EngineClient(folder, patience_s=0.2)
        with Store.open(tmp_path / "store", CacheSettings(), engine=client) as store:
            keep(store, project.ask("how do I reverse a string in python?"))
            found = store.look_up(project.ask("how can I reverse a string in python?"))
    assert isinstance(found, Hit)
    assert found.tier == "semantic"


def test_another_build_is_refused(running: tuple[Path, "subprocess.Popen[str]"]) -> None:
    """An optafly of another version, or installed elsewhere, is told so and computes by itself."""
    client = EngineClient(running[0].parent, build="0.0.0 /elsewhere")
    with closing(client), pytest.raises(EngineUnavailable, match="another build"):
        client.embed(BUNDLED, "x")


def test_nonsense_harms_nobody(running: tuple[Path, "subprocess.Popen[str]"], engine: EngineClient) -> None:
    """Bytes that are no question, questions that are none, half a message: the next one is answered."""
    path, process = running
    lengths = [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02xx\x00\x00\x00\x00",
        b"\x00\x00\x00\x02[]\x00\x00\x00\x00",
        b"\x00",
    ]
    for sent in lengths:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(path))
            client.sendall(sent)
            if len(sent) > 1:
                assert client.recv(100) == b""
    foreign = {"ask": "embed", "model": "other"}
    for head in ({}, {"ask": "what"}, {"ask": "embed"}, {"ask": "logit", "first": 1}, foreign):
        with pytest.raises(EngineUnavailable):
            engine._asked(head)
    with pytest.raises(EngineUnavailable):
        engine._asked(
            {
                "ask": "nearest",
                "folder": "/nowhere",
                "partition": "00",
                "embedder": "x",
                "since": 0,
                "but": "",
                "text": "x",
                "limit": 4,
            }
        )
    assert len(engine.embed(BUNDLED, "still there")) == 384 * 4
    assert process.poll() is None


def test_many_clients_at_once(running: tuple[Path, "subprocess.Popen[str]"]) -> None:
    """A hundred connections that stay open are all answered, and their descriptors go when they do."""
    path, process = running
    before = descriptors(process.pid)
    clients = [EngineClient(path.parent) for _ in range(100)]
    assert {client.status()["pid"] for client in clients} == {process.pid}
    for client in clients:
        client.close()
    for _ in range(100):
        with closing(EngineClient(path.parent)) as probe:
            probe.status()
        if descriptors(process.pid) <= before + 2:
            break
    assert descriptors(process.pid) <= before + 2


def test_a_message_is_read_back_however_it_comes(engine: EngineClient) -> None:
    """Unpacking byte by byte gives nothing until all is there, then what was packed."""
    sent = wire.packed({"ask": "x", "text": "ü\ud800"}, b"\x00\x01")
    for end in range(len(sent)):
        assert wire.unpacked(sent[:end]) is None
    assert wire.unpacked(sent + b"more") == ({"ask": "x", "text": "ü\ud800"}, b"\x00\x01", len(sent))


def test_it_is_only_for_its_user(running: tuple[Path, "subprocess.Popen[str]"]) -> None:
    """The socket can be opened by its owner alone."""
    assert running[0].stat().st_mode & 0o777 == 0o600


def test_it_is_found_where_the_service_runs(running: tuple[Path, "subprocess.Popen[str]"], tmp_path: Path) -> None:
    """Beside: the socket in the runtime folder, or none."""
    assert beside({"OPTAFLY_HOME": str(tmp_path)}) is None
    found = beside({"OPTAFLY_HOME": str(running[0].parents[1])})
    assert found is not None
    with closing(found):
        assert found.status()["pid"] == running[1].pid


def test_the_prompt_goes_ahead_of_its_command(
    running: tuple[Path, "subprocess.Popen[str]"], engine: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt of `ask PROMPT …` is embedded before anything is parsed, and once; no other command line begins."""
    monkeypatch.setenv("OPTAFLY_HOME", str(running[0].parents[1]))
    for name in ("_wanted", "_begun"):
        monkeypatch.setattr(asking, name, [])
    asking.let_it_be_started(lambda: None)
    before = engine.status()["answered"]
    for argv in ([], ["ask"], ["refine", "fix it"], ["ask", "--file", "x", "fix it"], ["ask", "fix it", "--no-cache"]):
        foresee(argv)
        assert asking._begun == []
    foresee(["ask", "fix this bug", "--file", "x"])
    (begun,) = asking._begun
    with closing(begun):
        assert begun.embed(BUNDLED, embedded_form("fix this bug"))
    assert engine.status()["answered"] == before + 1
