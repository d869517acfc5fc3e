"""The engine of the service, as the proxy uses it: asked for at the start, done without when it goes away."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from optafly_cli.cache.embedder import BUNDLED
from optafly_cli.cache.engine.client import EngineClient
from optafly_cli.cache.engine.protocol import EngineUnavailable
from optafly_cli.cache.vectors import Candidate, Wanted
from optafly_cli.config.paths import runtime_folder
from optafly_cli.config.settings import CacheSettings
from optafly_cli.service.client import find, wait_until
from optafly_cli.service.handover import build
from optafly_cli.service.places import Places
from optafly_cli.sockets import are_turned_off

PATIENCE_S = 2.0
"""How long one answer of the engine is waited for, once: then everything is done here."""
_STARTING_S = 5.0
LOST = "the engine of the service is gone: the models are loaded into this process"
T = TypeVar("T")


class BesideEngine:
    """An `Engine` that says when it is lost: `lost` is called with one sentence, once. For one thread."""

    def __init__(self, client: EngineClient, lost: Callable[[str], None]) -> None:
        self._client = client
        self._lost = lost

    def embed(self, model: str, text: str) -> bytes:
        """As `EngineClient.embed`."""
        return self._noticed(lambda: self._client.embed(model, text))

    def nearest(
        self, folder: Path, model: str, wanted: Wanted, text: str, limit: int
    ) -> tuple[list[Candidate], list[str]]:
        """As `EngineClient.nearest`."""
        return self._noticed(lambda: self._client.nearest(folder, model, wanted, text, limit))

    def logit(self, one: str, other: str) -> float:
        """As `EngineClient.logit`."""
        return self._noticed(lambda: self._client.logit(one, other))

    def expect_embed(self, model: str, text: str) -> None:
        """As `EngineClient.expect_embed`."""
        self._client.expect_embed(model, text)

    def expect_nearest(self, folder: Path, model: str, wanted: Wanted, text: str, limit: int) -> None:
        """As `EngineClient.expect_nearest`."""
        self._client.expect_nearest(folder, model, wanted, text, limit)

    def expect_logit(self, one: str, other: str) -> None:
        """As `EngineClient.expect_logit`."""
        self._client.expect_logit(one, other)

    def close(self) -> None:
        """Let go of the connection; it can be used again."""
        self._client.close()

    def _noticed(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except EngineUnavailable:
            self._lost(LOST)
            raise


def engine_beside(
    settings: CacheSettings, environ: Mapping[str, str], lost: Callable[[str], None]
) -> BesideEngine | None:
    """The engine of the service that runs for this user; None when none runs, or it could do nothing for this store.

    A service whose engine does not run yet is asked for it, and waited for. It never starts a service.
    """
    if settings.embedding_model != BUNDLED or settings.max_error_rate <= 0 or are_turned_off(environ):
        return None
    client = EngineClient(runtime_folder(environ), patience_s=PATIENCE_S)
    if not _answers(client) and not _brought_up(client, environ):
        return None
    return BesideEngine(client, lost)


def _answers(client: EngineClient) -> bool:
    try:
        client.status()
    except EngineUnavailable:
        return False
    return True


def _brought_up(client: EngineClient, environ: Mapping[str, str]) -> bool:
    """Whether a service of this very optafly brings its engine up now."""
    running = find(Places.of(environ), want_engine=True)
    if running is None or running.facts.get("build") != build().hex():
        return False
    return wait_until(lambda: _answers(client), _STARTING_S)
