"""An application that tells what its process is like, run here (`here …`) or by a service (`handed …`).

`serve` is the service: the real one, with this application instead of optafly's.
"""

import json
import locale
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from optafly_cli.cli.afterwards import catch_up, leave


def application(argv: Sequence[str]) -> int:
    """Do what the first word says."""
    what, *rest = argv or ["tell"]
    actions: dict[str, Callable[[], object]] = {
        "tell": lambda: print(json.dumps(state(argv), sort_keys=True, default=str)),
        "kill": lambda: os.kill(os.getpid(), int(rest[0])),
        "exit": lambda: sys.exit(int(rest[0])),
        "raise": lambda: 1 / 0,
        "sleep": sleep,
        "ask": lambda: print("got", input("? ")),
        "both": lambda: (print("out"), print("err", file=sys.stderr), sys.stdout.write("ü\udcff")),
        "write": lambda: Path(rest[0]).write_bytes(b"x" * int(rest[1])),
        "terminal": lambda: print("ended with", terminal(rest)),
        "child": lambda: (print("asleep", flush=True), subprocess.run(["sleep", "60"], check=False)),
        "descriptors": lambda: print(json.dumps([int(place.name) for place in Path("/proc/self/fd").iterdir()])),
        "parent": lambda: print(os.getppid()),
        "leave": lambda: answer_first(*rest),
    }
    actions[what]()
    return 7 if what == "tell" else 0


def sleep() -> None:
    """Say that it begins, and go on for a minute."""
    print("asleep", flush=True)
    time.sleep(60)


def answer_first(gate: str, place: str) -> None:
    """Leave the rest for afterwards."""
    print("answered")
    leave(lambda: write_later(gate, place))


def write_later(gate: str, place: str) -> None:
    """Wait until the gate is there, say something that nobody can hear, then write."""
    while not Path(gate).exists():
        time.sleep(0.01)
    print("unheard", flush=True)
    Path(place).write_text("done")


def terminal(argv: list[str]) -> object:
    """Run a command on the terminal; its code, or the error that starting it gave."""
    from optafly_cli.service.terminal import run

    try:
        return run(argv)
    except OSError as error:
        return str(error)


def state(argv: Sequence[str]) -> dict[str, object]:
    """What a command could notice about its process."""
    try:
        folder = str(Path.cwd())
    except FileNotFoundError:
        folder = "gone"
    umask = os.umask(0)
    os.umask(umask)
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {
        "argv": list(argv),
        "folder": folder,
        "umask": umask,
        "limits": limits,
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": sorted(os.sched_getaffinity(0)),
        "environment": {name: value for name, value in os.environ.items() if name not in ("_", "SHLVL", "OLDPWD")},
        "zone": time.tzname,
        "locale": locale.setlocale(locale.LC_CTYPE),
        "temporary": tempfile.gettempdir(),
        "ignored": [int(n) for n in sorted(signal.valid_signals()) if signal.getsignal(n) is signal.SIG_IGN],
        "interrupt": str(signal.getsignal(signal.SIGINT)),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "terminals": [os.isatty(number) for number in range(3)],
        "streams": [
            (one.name, one.mode, one.encoding, one.errors, one.line_buffering, one.newlines, one.fileno(), one.isatty())
            for one in (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)
            if one is not None
        ],
        "program": Path(sys.argv[0]).name,
    }


def main() -> None:
    """See above."""
    mode = sys.argv.pop(1)
    if mode == "serve":
        from optafly_cli.service.child import Work
        from optafly_cli.service.lifecycle import serve
        from optafly_cli.service.places import Places

        idle = float(os.environ.get("PROBE_IDLE_S", "3600"))
        serve(
            Places.of(os.environ), os.environ,
            Work(application, lambda: None, lambda: None, lambda _: None, catch_up),
            idle_minutes=idle / 60, detached=True,
        )  # fmt: skip
        return
    from optafly_cli.__main__ import _open_standard_streams

    closed = _open_standard_streams()
    code = None
    if mode == "handed":
        from optafly_cli.service.handover import LOST, hand_over

        code = hand_over(sys.argv, closed)
        if code is None:
            os.write(2, b"probe: it was not handed over\n")
        elif code != LOST:
            os._exit(code)
        else:
            os.write(2, b"probe: the service was lost\n")
            os._exit(70)
    sys.exit(application(sys.argv[1:]))


if __name__ == "__main__":
    main()
