"""Single flight across machines: of several that ask the same at once, one makes the request.

Whatever is wrong with the shared store, the question is asked: nobody waits for a lock that cannot be had.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from optafly_cli.cache.backends.postgres import PostgresBackend
    from optafly_cli.cache.backends.protocol import Stored
    from optafly_cli.cache.backends.remote_flight import Lead
    from optafly_cli.cache.reach import Reach

_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


@dataclass(slots=True)
class SharedFlight:
    """A flight under way. `waited`: another machine was waited for. Without a `lead` nobody else knows of it."""

    reach: "Reach"
    limit_s: float
    waited: bool = False
    lead: "Lead | None" = None

    def put(self, entry: "Stored") -> None:
        """Put the answer into the shared store, and end the flight with it.

        Raises:
            StoreError: it could not be put in time.
        """

        def put(backend: "PostgresBackend") -> None:
            # From here on the lead ends by itself, however late
            lead, self.lead = self.lead, None
            (lead or backend).put([entry])

        self.reach.ask(put, self.limit_s)


@contextmanager
def alone(
    reach: "Reach", key: bytes, *, limit_s: float, patience_s: float, waiting: Callable[[], None]
) -> Iterator[SharedFlight]:
    """Hold the flight of `key` among all machines while the block runs.

    `waiting` is called once when it begins. After `patience_s` seconds, or when the shared store cannot be asked within
    `limit_s`, the block runs all the same.
    """
    from optafly_cli.cache.backends.remote_flight import try_to_lead

    flight = SharedFlight(reach, limit_s)
    give_up = time.monotonic() + patience_s
    pause = _PAUSE_S
    try:
        while reach.away is None:
            flight.lead = reach.ask(lambda backend: try_to_lead(backend, key), limit_s, late=_end)
            if flight.lead is not None or time.monotonic() > give_up:
                break
            if not flight.waited:
                flight.waited = True
                waiting()
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 1.2)
    except StoreError:
        pass
    try:
        yield flight
    finally:
        _end(flight.lead)


def _end(lead: "Lead | None") -> None:
    if lead is not None:
        lead.end()
