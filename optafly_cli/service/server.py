"""The fork server: one thread, one loop. It forks a child for each connection and looks after those that it has."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from optafly_cli.service.child import ANSWERED, BEGUN, OUTDATED, WANTED, Origin, serve, stand_by, taken_by_spare
from optafly_cli.service.engine.keeper import EngineKeeper
from optafly_cli.service.handover import DIED, DONE, HELLO, REFUSED, answer
from optafly_cli.service.log import Log
from optafly_cli.service.places import peer_of

MOST_CHILDREN = 64
"""More commands at once than this run in their own processes."""
_LOOK_EVERY_S = 30.0
_GRACE_S = 10.0
"""How long commands may go on after the service was told to stop; then they are told too."""
_LAST_S = 2.0
_MOST_LOST = 3
_SPARE_S = 120.0
"""How long after the last command a child is kept ready: it takes some megabytes."""


@dataclass(slots=True)
class Client:
    """A connection and the child that serves it."""

    connection: socket.socket
    pid: int
    answered: bool = False
    gone: bool = False


@dataclass(slots=True)
class Spare:
    """A child that has rehearsed and waits for its client."""

    parent: socket.socket
    pid: int


@dataclass(slots=True)
class Counts:
    """What has happened so far."""

    commands: int = 0
    refused: int = 0
    died: int = 0


@dataclass
class Server:
    """Owns the listening socket until it retires, and the children until they have ended.

    `is_mine` says whether clients can still find this service; `retire` makes that they cannot. It ends `idle_s`
    seconds after its last command, or when it is told to.
    """

    listener: socket.socket
    origin: Origin
    log: Log
    idle_s: float
    is_mine: Callable[[], bool]
    retire: Callable[[], None]
    notes: int
    engine: EngineKeeper
    counts: Counts = field(default_factory=Counts)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.clients: dict[int, Client] = {}
        self._by_pid: dict[int, Client] = {}
        self._poll = select.poll()
        self._accepting = True
        self._stop_at: float | None = None
        self._signals: list[int] = []
        self._spare: Spare | None = None
        self._spares_lost = 0
        self._last = self.clock()

    def run(self) -> None:
        """Serve until it is over."""
        self.listener.setblocking(False)
        wakeup = self._hear_signals()
        self._poll.register(self.listener, select.POLLIN)
        self._poll.register(self.notes, select.POLLIN)
        self._poll.register(wakeup, select.POLLIN)
        self._keep_spare()
        while self._accepting or self.clients:
            ready = {descriptor for descriptor, _ in self._poll.poll(self._wait_ms())}
            # Found out first: what follows closes descriptors, and opens others of the same number
            left = [self.clients[descriptor] for descriptor in ready & self.clients.keys()]
            if self._spare is not None and self._spare.parent.fileno() in ready:
                self._look_at_spare()
            if self.notes in ready:
                self._told()
            # After the notes: those that were answered have said so before they left
            for client in left:
                self._client_left(client)
            if wakeup in ready:
                self._signalled(wakeup)
            if self._accepting and self.listener.fileno() in ready:
                self._accept()
            self._look_after_time()
            self._keep_spare()

    def _hear_signals(self) -> int:
        here, there = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(there, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, self._remember)
        return here

    def _remember(self, number: int, _frame: object) -> None:
        self._signals.append(number)

    def _signalled(self, wakeup: int) -> None:
        with suppress(BlockingIOError):
            os.read(wakeup, 4096)
        numbers, self._signals = set(self._signals), []
        if signal.SIGUSR1 in numbers:
            self.leave("told to retire")
        if numbers & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            self.leave("told to stop")
            self._stop_at = self._stop_at or self.clock() + _GRACE_S
        self._reap()

    def _accept(self) -> None:
        """Take a client that no spare has taken."""
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        client = peer_of(connection)
        if not client or len(self.clients) >= MOST_CHILDREN:
            self.counts.refused += 1
            with suppress(OSError):
                connection.send(answer(REFUSED))
            connection.close()
            return
        try:
            connection.setblocking(True)
            connection.send(HELLO)
            child = os.fork()
        except OSError as error:
            self.log.say(f"a client was sent away: {error.strerror}")
            connection.close()
            return
        if child == 0:
            serve(self.origin, connection, client)
        self._look_after(connection, child)

    def _look_after(self, connection: socket.socket, child: int) -> None:
        mine = Client(connection, child)
        self.clients[connection.fileno()] = mine
        self._by_pid[child] = mine
        self._poll.register(connection, select.POLLRDHUP)

    def _keep_spare(self) -> None:
        """Have a child ready for the next command, made while none runs, and none after a quiet while."""
        if self.clients or not self._accepting or self._spare is not None:
            return
        if self.clock() - self._last >= _SPARE_S or self._spares_lost >= _MOST_LOST:
            return
        here, there = socket.socketpair()
        with there:
            try:
                child = os.fork()
            except OSError:
                here.close()
                return
            if child == 0:
                stand_by(self.origin, self.listener, there)
        self._spare = Spare(here, child)
        self._poll.register(here, select.POLLIN)
        self._poll.unregister(self.listener)

    def _look_at_spare(self) -> None:
        """The spare has taken a client, and is none any more; or it has ended."""
        spare = self._spare
        if spare is not None:
            self._dismiss_spare()
            if not self._by_pid.get(spare.pid):
                self._spares_lost += 1
                self.log.say("a child that stood by was lost")

    def _dismiss_spare(self) -> None:
        """Take what the spare has to tell; it ends by itself when it had no client yet."""
        spare, self._spare = self._spare, None
        if spare is None:
            return
        self._poll.unregister(spare.parent)
        connection = taken_by_spare(spare.parent)
        if connection is not None:
            self._spares_lost = 0
            self._look_after(connection, spare.pid)
        spare.parent.close()
        if self._accepting:
            self._poll.register(self.listener, select.POLLIN)

    def _client_left(self, client: Client) -> None:
        """A launcher that has gone without waiting was killed: so is its command."""
        self._poll.unregister(client.connection)
        client.gone = True
        if client.answered:
            return
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(client.pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if self._spare is not None and self._spare.pid == pid:
                self._look_at_spare()
            code = os.waitstatus_to_exitcode(status)
            client = self._by_pid.pop(pid, None)
            if client:
                self._ended(client, code)
            else:
                self.engine.reaped(pid, code)

    def _ended(self, client: Client, code: int) -> None:
        del self.clients[client.connection.fileno()]
        if not client.gone:
            self._poll.unregister(client.connection)
            with suppress(OSError):
                client.connection.send(answer(DONE, code) if code >= 0 else answer(DIED, -code))
            if code < 0:
                self.counts.died += 1
                self.log.say(f"a command died of signal {-code}")
        client.connection.close()
        self._last = self.clock()

    def _told(self) -> None:
        for note in os.read(self.notes, 65536).splitlines():
            kind, why = note[:1], note[1:].decode("utf-8", "replace")
            if kind == BEGUN:
                self.counts.commands += 1
                self._last = self.clock()
                continue
            if kind == ANSWERED:
                if client := self._by_pid.get(int(why)):
                    client.answered = True
                continue
            if kind == WANTED:
                self.engine.want()
                continue
            self.counts.refused += 1
            self.log.say(f"a command was left to its launcher: {why}")
            if kind == OUTDATED:
                self.leave("out of date")

    def leave(self, why: str) -> None:
        """Take no more commands; those that run go on."""
        if self._accepting:
            if self._spare is None:
                self._poll.unregister(self.listener)
            self._accepting = False
            self._dismiss_spare()
            self.log.say(f"retires: {why}; {self.counts.commands} commands were run")
            self.retire()
            self.listener.close()

    def _wait_ms(self) -> int:
        now = self.clock()
        if self._stop_at is not None:
            return max(0, round((self._stop_at - now) * 1000)) + 1
        idle = self.idle_s - (now - self._last) if self._accepting and not self.clients else _LOOK_EVERY_S
        if self._spare:
            idle = min(idle, _SPARE_S - (now - self._last))
        return max(0, round(min(idle, _LOOK_EVERY_S) * 1000)) + 1

    def _look_after_time(self) -> None:
        now = self.clock()
        if self._stop_at is not None and now >= self._stop_at:
            self._end_children()
        if self._spare is not None and now - self._last >= _SPARE_S:
            self._dismiss_spare()
        if not self._accepting:
            return
        if not self.clients and now - self._last >= self.idle_s:
            self.leave("idle")
        elif not self.is_mine():
            self.leave("its socket is gone")

    def _end_children(self) -> None:
        """Tell those that still run to end; those that do not are killed."""
        self.log.say(f"{len(self.clients)} commands are told to end")
        for number, patience_s in ((signal.SIGTERM, _LAST_S), (signal.SIGKILL, _LAST_S)):
            for client in self.clients.values():
                with suppress(ProcessLookupError):
                    os.killpg(client.pid, number)
            give_up = self.clock() + patience_s
            while self.clients and self.clock() < give_up:
                time.sleep(0.02)
                self._reap()
        self._stop_at = None
