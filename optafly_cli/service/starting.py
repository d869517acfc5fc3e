"""Starting a service in the background: when somebody says so, or on demand."""

import os
import sys
from collections.abc import Mapping

from optafly_cli.config.settings import ServiceSettings
from optafly_cli.errors import UsageError
from optafly_cli.service.client import Running, find, retire, wait_until
from optafly_cli.service.handover import build
from optafly_cli.service.likeness import AT_START
from optafly_cli.service.places import LOCK, Places
from optafly_cli.service.spawn import command_line

PATIENCE_S = 20.0
_RETIRING_S = 3.0
_AGAIN_S = 10.0
"""On demand, one is not started again before this: what keeps it from living would keep the next one too."""
_KEPT = ("PATH", "HOME", "OPTAFLY_HOME", "LANG", "LC_", "XDG_", "OPTAFLY_SERVICE_", *AT_START)


def unavailable() -> str | None:
    """Why there is no service on this platform; None when there can be one."""
    return None if sys.platform == "linux" else "the service needs Linux: commands run in their own processes here"


def start(places: Places, environ: Mapping[str, str]) -> tuple[Running, bool]:
    """The service that answers, and whether it was started now. One of another optafly is retired first.

    Raises:
        UsageError: it did not come up.
    """
    try:
        places.prepare()
    except OSError as error:
        raise UsageError(f"there can be no service in {places.runtime}: {error.strerror}") from error
    running = find(places)
    if running and running.facts.get("build") == build().hex():
        return running, False
    if running:
        retire(running)
        wait_until(lambda: find(places) is None, _RETIRING_S)
    child = _spawn(environ)
    ended: list[int] = []
    found: list[Running] = []

    def is_there() -> bool:
        if not ended and os.waitpid(child, os.WNOHANG)[0]:
            ended.append(child)
        now = find(places)
        if now and now.facts.get("build") == build().hex():
            found.append(now)
        return bool(found or ended)

    wait_until(is_there, PATIENCE_S)
    if not found and (late := find(places)):
        found.append(late)
    if not found:
        raise UsageError("the service did not start", remedy=f"see {places.log}")
    return found[0], True


def start_on_demand(settings: ServiceSettings, environ: Mapping[str, str]) -> bool:
    """Start a service for the commands to come, without waiting for it; whether that was done.

    Never in CI, never with less than the usual priority, never while there is one. It never fails.
    """
    if not (settings.enabled and settings.auto_start) or unavailable() or environ.get("CI", "").lower() not in _NO_CI:
        return False
    try:
        if os.getpriority(os.PRIO_PROCESS, 0) > 0:
            return False
        places = Places.of(environ)
        places.prepare()
        if _tried_lately(places):
            return False
        lock = places.lock()
        if lock is None:
            return False
        os.utime(lock)
        os.close(lock)
        _spawn(environ)
    except OSError:
        return False
    return True


_NO_CI = ("", "0", "false", "no", "off")


def _tried_lately(places: Places) -> bool:
    import time

    try:
        age = time.time() - (places.runtime / LOCK).stat().st_mtime
    except FileNotFoundError:
        return False
    # A clock that was set back makes it negative
    return 0 <= age < _AGAIN_S


def _spawn(environ: Mapping[str, str]) -> int:
    """Start the process; it lets go of this one's session, folder and descriptors by itself."""
    argv = command_line("optafly_cli.__main__", "service", "run", "--detached")
    # Whatever keys the environment holds are the commands', not the service's
    kept = {name: value for name, value in environ.items() if name.startswith(_KEPT)}
    silence = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    return os.posix_spawn(argv[0], argv, kept, file_actions=silence, setsid=True)
