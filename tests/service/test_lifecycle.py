"""One service at a time, found when it is there, gone when it is not, and never in the way."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.service.conftest import PROBE, Probe, gone, wait_for
from tests.service.running import OPTAFLY, Service

COMMAND, SAID = ("config", "get", "cache.ttl_days"), "30.0\n"
"""A command that the service runs; the version is the launcher's own."""


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Of the real application, not started."""
    return Service(tmp_path)


def test_start_status_stop(service: Service) -> None:
    """`start` returns when it answers, `status` says how it is, `stop` returns when it is gone."""
    assert service.status(code=1)["running"] is False
    assert service("service", "status", code=1).stdout == "no service runs\n"
    assert service("service", "stop").stderr == "no service runs\n"
    service("service", "start")
    try:
        facts = service.status()
        assert facts["running"] is True
        assert facts["version"] == "0.1.0"
        assert facts["memory_mb"] > 1
        assert facts["commands"] == 0
        assert service(*COMMAND).stdout == SAID
        wait_for(lambda: service.status()["commands"] == 1)
        assert "runs already" in service("service", "start").stderr
        assert f"process {facts['pid']}" in service("service", "status").stdout
        assert "a service runs already" in service("service", "run", code=2).stderr
    finally:
        service("service", "stop")
    assert gone(facts["pid"])
    assert [place.name for place in service.run_folder.iterdir()] == ["service.lock"]
    assert service.status(code=1)["running"] is False


def test_the_service_holds_nothing_heavy(service: Service) -> None:
    """One thread; no numpy, faiss or onnxruntime; no store; nothing of its starter; files of its own are private."""
    with service:
        pid = service.pid
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert [name for name in ("numpy", "faiss", "onnxruntime", "tokenizers") if name in maps] == []
        assert len([*Path(f"/proc/{pid}/task").iterdir()]) == 1
        open_files = [str(place.readlink()) for place in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [name for name in open_files if "sqlite" in name or "/dev/pts" in name]
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"GIT_CONFIG" not in environment
        for name in ("run", "run/service.sock", "run/service.lock", "logs/service.log"):
            assert (service.home / "optafly" / name).lstat().st_mode & 0o077 == 0


def test_keys_stay_out_of_the_service(tmp_path: Path) -> None:
    """It is started without the credentials of whoever happened to start it."""
    with Service(tmp_path, ANTHROPIC_API_KEY="sk-secret", OPTAFLY_CACHE_DSN="secret") as service:
        assert b"secret" not in Path(f"/proc/{service.pid}/environ").read_bytes()


def test_a_service_that_was_killed_is_replaced(service: Service) -> None:
    """kill -9 leaves a socket and a lock file behind; the next command works, and the next start too."""
    service("service", "start")
    first = service.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(first))
    done = service(*COMMAND)
    assert (done.stdout, done.stderr) == (SAID, "")
    with service:
        assert service.pid != first


def test_no_child_outlives_a_service_that_was_killed(service: Service) -> None:
    """The one that stands by goes with it."""
    service("service", "start")
    first = service.pid
    wait_for(lambda: children_of(first))
    (spare,) = children_of(first)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(spare))


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_command_survives_its_service(own_probe: Probe) -> None:
    """kill -9 of the service while it runs: the command goes on, its code comes back, signals arrive."""
    with own_probe.begun("sleep", stderr=subprocess.DEVNULL) as process:
        assert own_probe.process is not None
        own_probe.process.kill()
        own_probe.process.wait()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (70, -signal.SIGINT)


def test_a_hung_service_is_not_waited_for(own_probe: Probe) -> None:
    """Stopped or stuck: after two seconds the launcher runs the command itself, and only once."""
    assert own_probe.process is not None
    wait_for(lambda: children_of(own_probe.process.pid))  # type: ignore[union-attr]
    os.kill(own_probe.process.pid, signal.SIGSTOP)
    stopped = [own_probe.process.pid, *children_of(own_probe.process.pid)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    target = own_probe.home / "target"
    done = subprocess.run(
        [sys.executable, PROBE, "handed", "write", str(target), "5"],
        env=own_probe.env, capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"probe: it was not handed over\n")
    target.unlink()
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    assert own_probe.run("exit", "3").returncode == 3
    assert not target.exists()


def test_it_ends_when_nothing_is_asked(tmp_path: Path) -> None:
    """After idle_minutes, counted from the last command."""
    probe = Probe(tmp_path, PYTHONPATH=str(Path(__file__).parents[2]))
    probe.begin(PROBE_IDLE_S="3")
    assert probe.process is not None
    assert probe.run("exit", "3").returncode == 3
    assert probe.process.wait(20) == 0
    assert "retires: idle" in probe.log
    assert not (probe.run_folder / "service.sock").exists()


def test_told_to_stop_it_lets_commands_end(own_probe: Probe) -> None:
    """SIGTERM: no new commands, those that run may end; SIGUSR1 gives them all the time that they want."""
    assert own_probe.process is not None
    with own_probe.begun("sleep", stderr=subprocess.DEVNULL) as running:
        own_probe.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: not (own_probe.run_folder / "service.sock").exists())
        assert "retires" in own_probe.log
        assert own_probe.process.poll() is None
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == -signal.SIGTERM
    assert own_probe.process.wait(20) == 0


def test_changed_code_is_not_run(tmp_path: Path) -> None:
    """A file of optafly that was replaced: this command runs in its own process, and the service retires."""
    import shutil

    import optafly_cli

    copy = tmp_path / "copy" / "optafly_cli"
    shutil.copytree(Path(optafly_cli.__file__).parent, copy, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    service = Service(tmp_path, PYTHONPATH=str(copy.parent))
    service("service", "start")
    pid = service.pid
    version = copy / "_version.py"
    version.write_text(version.read_text().replace("0.1.0", "0.1.1"))
    assert service(*COMMAND).stdout == SAID
    wait_for(lambda: gone(pid))
    assert "retires: out of date" in service.log


def test_another_optafly_takes_the_place(tmp_path: Path) -> None:
    """A service of another build neither runs our commands nor keeps ours from starting."""
    probe = Probe(tmp_path, PYTHONPATH=str(Path(__file__).parents[2]))
    probe.begin()
    assert probe.process is not None
    done = subprocess.run(
        [sys.executable, "-c", BORROWED], env=probe.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, SAID)
    assert probe.process.wait(20) == 0
    assert "another optafly" in probe.log


BORROWED = """
import sys
import optafly_cli.service.handover as handover
handover.build = lambda: b"of the future"
sys.argv = ["optafly", "config", "get", "cache.ttl_days"]
from optafly_cli.__main__ import main
main()
"""


def test_a_deleted_runtime_folder_ends_it(service: Service) -> None:
    """Nobody can find it any more: the next command works, another can start, this one goes."""
    import shutil

    service("service", "start")
    pid = service.pid
    shutil.rmtree(service.run_folder)
    assert service(*COMMAND).stdout == SAID
    with service:
        assert service.pid != pid
        os.kill(pid, signal.SIGCHLD)
        wait_for(lambda: gone(pid))


def test_a_home_on_a_long_path(tmp_path: Path) -> None:
    """A socket's path may have 107 bytes; the folder's may have more."""
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    with Service(deep) as service:
        assert service(*COMMAND).stdout == SAID
        wait_for(lambda: service.status()["commands"] == 1)


def test_a_folder_that_others_can_enter_is_not_trusted(service: Service) -> None:
    """A socket there could be anybody's: no command is handed over, no service is started."""
    with service:
        service.run_folder.chmod(0o755)
        done, start = service(*COMMAND, code=None), service("service", "start", code=None)
        service.run_folder.chmod(0o700)
        assert done.stdout == SAID
        assert (start.returncode, "others can enter" in start.stderr) == (2, True)
        assert service.status()["commands"] == 0


def test_a_socket_that_talks_nonsense(service: Service) -> None:
    """Whatever listens there: the command is run, once, in its own process."""
    service.run_folder.mkdir(mode=0o700, parents=True)
    service.run_folder.parent.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(service.run_folder / "service.sock"))
        listener.listen(1)
        process = subprocess.Popen(
            [*OPTAFLY, *COMMAND], env=service.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, SAID, "")


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n\r\n", b"optafly1C\xff\xff\xff\xff", b"optafly1C\0\0\0\4\0\0\0\1"]
)
def test_a_client_that_talks_nonsense(own_probe: Probe, sent: bytes) -> None:
    """It gets no answer, and the next one is served."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(own_probe.run_folder / "service.sock"))
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert own_probe.run("exit", "3").returncode == 3
        client.settimeout(20)
        assert client.recv(1) == b"H"
        with suppress(ConnectionResetError):
            assert not client.recv(5).startswith(b"Y")


def test_many_at_once_are_each_run_once(own_probe: Probe) -> None:
    """Beside clients that talk nonsense; each gets its own code, and none is run by the launcher too."""
    processes = []
    for code in range(24):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(own_probe.run_folder / "service.sock"))
            client.sendall(b"x" * (code % 3))
        processes.append(
            subprocess.Popen([sys.executable, PROBE, "handed", "exit", str(code)], env=own_probe.env, stderr=-1)
        )
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert told == [b""] * 24
    assert [process.returncode for process in processes] == list(range(24))
    assert own_probe.status()["commands"] == 24


@pytest.mark.slow
def test_starts_at_once_make_one_service(service: Service) -> None:
    """Everybody who starts one is told of the same."""
    processes = [
        subprocess.Popen([*OPTAFLY, "service", "start", "--json"], env=service.env, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    told = [process.communicate(timeout=90)[0] for process in processes]
    try:
        assert [process.returncode for process in processes] == [0] * 6
        assert all(f'"pid": {service.pid}' in text for text in told)
    finally:
        service("service", "stop")


def on_demand(tmp_path: Path, **env: str) -> Service:
    """Like `Service`, with auto_start as it is by default."""
    service = Service(tmp_path)
    del service.env["OPTAFLY_SERVICE_AUTO_START"]
    service.env |= env
    return service


def test_the_first_command_starts_it(tmp_path: Path) -> None:
    """And is not kept waiting; the second is served by it. Nothing is printed about it."""
    service = on_demand(tmp_path)
    try:
        # Tests may run with less than the usual priority, and then none is started
        first = service("lint", code=2, preexec_fn=lambda: os.setpriority(os.PRIO_PROCESS, 0, 0))
    except subprocess.SubprocessError:
        pytest.skip("this user may not take back niceness")
    try:
        wait_for(lambda: (service.run_folder / "service.sock").exists())
        second = service("lint", code=2)
        assert (first.stdout, first.stderr) == (second.stdout, second.stderr)
        wait_for(lambda: service.status()["commands"] == 1)
    finally:
        service("service", "stop")


@pytest.mark.parametrize(
    ("env", "command"),
    [
        ({"CI": "true"}, ("lint",)),
        ({"OPTAFLY_SERVICE_AUTO_START": "false"}, ("lint",)),
        ({"OPTAFLY_SERVICE_ENABLED": "false"}, ("lint",)),
        ({}, ("--help",)),
        ({}, ("--version",)),
        ({}, ("lint", "--help")),
        ({}, ("config", "list")),
        ({}, ("service", "status")),
        ({}, ("doctor",)),
    ],
    ids=str,
)
def test_who_does_not_start_one(tmp_path: Path, env: dict[str, str], command: tuple[str, ...]) -> None:
    """CI, whoever said no, and commands that are no work."""
    service = on_demand(tmp_path, **env)
    service(*command, code=None)
    time.sleep(0.05)
    assert not (service.run_folder / "service.lock").exists()


def test_turned_off(service: Service) -> None:
    """`service.enabled = false`: none is started; as a variable it keeps a command from one that runs."""
    with service:
        off = {**service.env, "OPTAFLY_SERVICE_ENABLED": "no"}
        assert service(*COMMAND, env=off).stdout == SAID
        assert "turned off" in service("service", "start", env=off, code=2).stderr
        assert service.status()["commands"] == 0


def test_a_full_disk_keeps_nothing_from_working(tmp_path: Path) -> None:
    """Where no folder can be made there is no service, and commands say nothing about it."""
    service = on_demand(tmp_path, OPTAFLY_HOME="/proc/optafly")
    assert service("lint", code=2).stderr == service("lint", code=2, env={**service.env, "CI": "1"}).stderr
    assert "there can be no service" in service("service", "run", code=2).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders away")
def test_a_folder_of_another_user_is_not_trusted(service: Service) -> None:
    """Whatever listens there hears nothing, not even that somebody would connect; and no service is started in it."""
    service.run_folder.mkdir(mode=0o700, parents=True)
    service.run_folder.parent.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(service.run_folder / "service.sock"))
        listener.listen(1)
        listener.setblocking(False)
        os.chown(service.run_folder, 65534, 65534)
        done, start = service(*COMMAND), service("service", "start", code=2)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (done.stdout, done.stderr) == (SAID, "")
    assert "there can be no service" in start.stderr
    assert service.run_folder.stat().st_uid == 65534


@pytest.mark.parametrize("kind", ["nobody listens", "a file", "a folder", "a link"])
def test_what_was_left_in_the_socket_s_place(service: Service, kind: str) -> None:
    """The command is run all the same, and a service that starts takes the place, or says that it cannot."""
    service.run_folder.mkdir(mode=0o700, parents=True)
    service.run_folder.parent.chmod(0o700)
    place = service.run_folder / "service.sock"
    match kind:
        case "nobody listens":
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(place))
        case "a file":
            place.write_text("x")
        case "a folder":
            place.mkdir()
        case _:
            place.symlink_to("/nonexistent")
    done = service(*COMMAND)
    assert (done.stdout, done.stderr) == (SAID, "")
    if kind == "a folder":
        assert "service.log" in service("service", "start", code=2).stderr
        assert "cannot serve" in service.log
        return
    with service:
        assert service(*COMMAND).stdout == SAID
        wait_for(lambda: service.status()["commands"] == 1)
