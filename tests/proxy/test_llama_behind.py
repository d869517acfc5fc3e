"""The proxy in front of a real model: llama.cpp's server, which speaks the Messages API in its own way."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.peers import MODEL, Peer, llama_peer
from tests.proxy.conftest import StartProxy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """One server for this file."""
    with llama_peer(tmp_path_factory.mktemp("llama") / "server.log") as running:
        yield running


@pytest.mark.parametrize("stream", [True, False])
def test_a_real_models_answer_is_replayed(peer: Peer, start: StartProxy, stream: bool) -> None:
    """What the SDK makes of the stored answer is what it made of the model's own; a cut one is asked for again."""
    proxy = start(upstream=peer.url, provider={"timeout_s": 120.0})
    client = anthropic.Anthropic(base_url=proxy.url, api_key=peer.key, max_retries=0, timeout=120.0)
    question: Any = {
        "model": MODEL, "max_tokens": 400, "system": "You answer with one word.",
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
    }  # fmt: skip

    def ask() -> tuple[Any, str]:
        if stream:
            with client.messages.stream(**question) as events:
                return events.get_final_message(), events.response.headers["x-optafly-cache"]
        raw = client.messages.with_raw_response.create(**question)
        return raw.parse(), raw.headers["x-optafly-cache"]

    (first, missed), (second, said) = ask(), ask()
    assert missed.startswith("miss")
    if first.stop_reason != "end_turn":
        # How long a small model talks is its own affair
        assert said.startswith("miss")
        return
    assert said == "hit; tier=exact"
    assert [block.text for block in second.content] == [block.text for block in first.content]
    assert (second.id, second.usage.output_tokens) == (first.id, 0)
