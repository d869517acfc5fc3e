"""The provider against a real model: llama.cpp's server, which speaks the Messages API."""

from collections.abc import Iterator
from typing import Any

import pytest

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.errors import CredentialsError, ProviderError
from optafly_cli.provider.client import count_tokens
from tests.peers import MODEL, Peer, llama_peer

pytestmark = pytest.mark.slow

SOURCE = "\n".join(f"fn step_{number}(input: u32) -> u32 {{ input + {number} }}" for number in range(25))


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """One server for this file: it takes a second to load its model."""
    with llama_peer(tmp_path_factory.mktemp("llama") / "server.log") as running:
        yield running


@pytest.fixture(autouse=True)
def _environment(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", peer.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", peer.key)


def asking(question: str, max_tokens: int = 100) -> dict[str, Any]:
    """A body as routing makes it: a marked code block first, the question last."""
    code = {"type": "text", "text": SOURCE, "cache_control": {"type": "ephemeral"}}
    return {
        "model": MODEL,
        "max_tokens": max_tokens,
        "system": [{"type": "text", "text": "You answer in one short sentence."}],
        "messages": [{"role": "user", "content": [code, {"type": "text", "text": question}]}],
    }


def test_a_real_model_streams_and_its_prefix_is_reused(sender: Any) -> None:
    """Text comes in many pieces; the same prefix before another question is read from the peer's cache."""
    try:
        sender(body=asking("What does step_1 do?", 40), timeout_s=120.0)
    except ProviderError as cut:
        # How long a small model talks is its own affair; any other failure is not
        assert cut.code == "max_tokens"
    assert len(sender.pieces) > 1
    whole = "".join(sender.pieces)
    assert whole.strip()
    answer = sender(body={**asking("Say hello."), "stop_sequences": [" "]}, timeout_s=120.0)
    total = answer.usage.input_tokens + answer.usage.cache_read_input_tokens
    assert answer.usage.cache_read_input_tokens > total * 0.9
    assert answer.message["role"] == "assistant"


def test_a_wrong_key_is_refused_in_another_dialect(sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer's 401 has an OpenAI-like body; it is a CredentialsError all the same."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-wrong")
    error = sender.failure(body=asking("Hi"))
    assert type(error) is CredentialsError
    assert "(401)" in error.message


def test_a_small_max_tokens_is_an_error_with_the_text(sender: Any) -> None:
    """A real cut at max_tokens is told apart from an answer."""
    error = sender.failure(body=asking("Explain every function at length.", 5), timeout_s=120.0)
    assert (type(error), error.code) == (ProviderError, "max_tokens")
    assert error.partial == "".join(sender.pieces)
    assert error.partial


def test_the_peer_counts_tokens(peer: Peer) -> None:
    """count_tokens works against it, in its own tokens."""
    assert count_tokens(asking("Hi"), settings=ProviderSettings()) > 300
