"""A fake endpoint that the environment points to, and `Sender`, which keeps what `send` says on the way."""

from collections.abc import Iterator
from typing import Any

import pytest

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.errors import OptaflyError
from optafly_cli.provider.client import send
from optafly_cli.provider.result import Answer
from tests.fakes.messages_api import MessagesApi

BODY: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Why does it panic?"}]}],
}


class Sender:
    """Calls `send` with real HTTP; only the sleep between tries is left out, and kept in `slept`."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.statuses: list[str] = []
        self.slept: list[float] = []

    def __call__(self, *, stream: bool = True, body: dict[str, Any] = BODY, **settings: Any) -> Answer:
        return send(
            body,
            settings=ProviderSettings(**{"timeout_s": 5.0, **settings}),
            on_text=self.pieces.append,
            on_status=self.statuses.append,
            stream=stream,
            sleep=self.slept.append,
            jitter=lambda: 0.0,
        )

    def failure(self, **arguments: Any) -> OptaflyError:
        """The error that the call must end with."""
        with pytest.raises(OptaflyError) as caught:
            self(**arguments)
        return caught.value


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesApi]:
    """The fake endpoint, set in ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY."""
    with MessagesApi() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        yield server


@pytest.fixture
def sender() -> Sender:
    """One `send` call's surroundings."""
    return Sender()
