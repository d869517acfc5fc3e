"""The life of a service: alone by its lock, warmed up, listening, serving, gone without a trace."""

import gc
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from optafly_cli._version import __version__
from optafly_cli.cache.engine.client import let_it_be_started
from optafly_cli.errors import UsageError
from optafly_cli.service import handover
from optafly_cli.service.child import Origin, Work
from optafly_cli.service.client import find
from optafly_cli.service.engine.keeper import EngineKeeper
from optafly_cli.service.giving_back import give_back_free_memory
from optafly_cli.service.likeness import Traits
from optafly_cli.service.log import Log
from optafly_cli.service.places import Places
from optafly_cli.service.server import Server
from optafly_cli.service.staleness import CodeStamp

_HANDING_OVER_S = 3.0
"""How long a service that takes another's place waits for it to go."""
_PAUSE_S = 0.05


def serve(
    places: Places,
    environ: Mapping[str, str],
    work: Work,
    *,
    idle_minutes: float,
    detached: bool,
) -> None:
    """Be the service until it is told to stop, has nothing to do or is out of date.

    Raises:
        UsageError: there is one already, or there can be none here.
    """
    try:
        places.prepare()
        lock = _alone(places)
    except OSError as error:
        raise UsageError(f"there can be no service in {places.runtime}: {error.strerror}") from error
    if lock is None:
        raise UsageError("a service runs already", remedy="see optafly service status")
    log = Log(places.logs if detached else None)
    if detached:
        _detach(lock, log)
    try:
        _serve(places, environ, work, log, idle_minutes * 60, lock)
    except OSError as error:
        log.say(f"cannot serve: {error}")
        raise UsageError(f"there can be no service in {places.runtime}: {error.strerror}") from error


def _alone(places: Places) -> int | None:
    """The lock, also of a service that is on its way out; None when there is one that answers, or will."""
    give_up = time.monotonic() + _HANDING_OVER_S
    while (lock := places.lock()) is None:
        # Once it answers, to wait for its end would be to come after somebody has stopped it
        if find(places) or time.monotonic() >= give_up:
            return None
        time.sleep(_PAUSE_S)
    return lock


def _serve(
    places: Places,
    environ: Mapping[str, str],
    work: Work,
    log: Log,
    idle_s: float,
    lock: int,
) -> None:
    code = CodeStamp.of_package()
    work.warm_up()
    heard, told = os.pipe2(os.O_CLOEXEC)
    facts: dict[str, Any] = {}
    origin = Origin(
        work=work,
        build=handover.build(),
        manners=handover.manners(),
        environment={os.fsencode(name): os.fsencode(value) for name, value in environ.items()},
        traits=Traits.of("self"),
        code=code,
        notes=told,
        ask_for=let_it_be_started,
        facts=lambda: {key: value() if callable(value) else value for key, value in facts.items()},
    )
    # Children share what is there now, and no collection of theirs walks through it
    gc.collect()
    gc.freeze()
    give_back_free_memory()
    engine = EngineKeeper(environ, log.say)
    listener = places.listen()
    mine = places.identity()
    server = Server(
        listener=listener,
        origin=origin,
        log=log,
        idle_s=idle_s,
        is_mine=lambda: places.identity() == mine,
        retire=partial(_retire, places, mine, lock),
        notes=heard,
        engine=engine,
    )
    facts |= _facts(server, time.monotonic())
    facts["build"] = origin.build.hex()
    log.say(f"optafly {__version__} listens on {places.address}")
    try:
        server.run()
    finally:
        engine.end()
    log.say("ended")


def _facts(server: Server, since: float) -> dict[str, Any]:
    """What `service status` is told; functions are called by the child that tells it."""
    return {
        "pid": os.getpid(),
        "version": __version__,
        "uptime_s": lambda: round(time.monotonic() - since, 1),
        "commands": lambda: server.counts.commands,
        "left_to_launcher": lambda: server.counts.refused,
        "died": lambda: server.counts.died,
        "engine": lambda: server.engine.pid,
        "children": lambda: [client.pid for client in server.clients.values()],
    }


def _retire(places: Places, mine: tuple[int, int] | None, lock: int) -> None:
    """Make room for another: nobody finds this one any more."""
    if places.identity() == mine:
        with suppress(OSError):
            places.address.unlink()
    os.close(lock)


def _detach(lock: int, log: Log) -> None:
    """Let go of everything that whoever started this has given it."""
    with suppress(PermissionError):
        os.setsid()
    os.chdir("/")
    os.umask(0o077)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are wanted
        if int(name) > 2 and int(name) != lock:
            with suppress(OSError):
                os.close(int(name))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    log.take_over()
