"""The engine as the fork server keeps it: started when a command first wants it, and gone with the service.

Its standard input is a pipe that the service holds: however the service ends, the engine ends too.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from optafly_cli.service.spawn import command_line

_AGAIN_S = 30.0
"""What keeps an engine from living would keep the next one too."""


class EngineKeeper:
    """At most one engine. `environ` is the service's own, and what the engine gets."""

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.pid: int | None = None
        self._environ = dict(environ)
        self._say = say
        self._pipe: int | None = None
        self._begun = -_AGAIN_S

    def want(self) -> None:
        """Start the engine unless it is there, or was lost only just now."""
        now = time.monotonic()
        if self.pid is not None or now - self._begun < _AGAIN_S:
            return
        self._begun = now
        theirs, ours = os.pipe2(os.O_CLOEXEC)
        argv = command_line("optafly_cli.service.engine.server")
        streams = [
            (os.POSIX_SPAWN_DUP2, theirs, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        ]
        try:
            self.pid = os.posix_spawn(argv[0], argv, self._environ, file_actions=streams)
        except OSError as error:
            os.close(ours)
            self._say(f"the engine did not start: {error.strerror}")
        else:
            self._pipe = ours
        finally:
            os.close(theirs)

    def reaped(self, pid: int, code: int) -> bool:
        """Whether the process that has ended was the engine."""
        if pid != self.pid:
            return False
        self._say(f"the engine has ended ({code})")
        self.end()
        self.pid = None
        return True

    def end(self) -> None:
        """Let it end."""
        if self._pipe is not None:
            with suppress(OSError):
                os.close(self._pipe)
            self._pipe = None
