"""The anthropic SDK, pointed at the proxy with nothing but its base URL."""

import asyncio
from typing import Any

import anthropic
import pytest

from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Failure, Reply
from tests.proxy.conftest import MODEL, QUESTION, RunningProxy

TOOL: Any = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "é\u2028"}}


def test_create_and_stream_give_the_same_message(proxy: RunningProxy, api: MessagesApi) -> None:
    """First from the upstream, then from the store, whole or streamed: the same text, the same id."""
    client = proxy.sdk(api)
    first = client.messages.create(**QUESTION)
    with client.messages.stream(**QUESTION) as stream:
        texts = list(stream.text_stream)
        second = stream.get_final_message()
        assert stream.response.headers["x-optafly-cache"] == "hit; tier=exact"
    assert "".join(texts) == "Paris."
    assert (first.id, first.stop_reason, first.model) == (second.id, second.stop_reason, second.model)
    assert (second.usage.input_tokens, second.usage.output_tokens) == (0, 0)
    assert first.usage.output_tokens > 0
    events = [event.type for event in client.messages.create(**QUESTION, stream=True)]
    assert (events[0], events[-1]) == ("message_start", "message_stop")
    assert len(api.messages) == 1


def test_the_async_client_too(proxy: RunningProxy, api: MessagesApi) -> None:
    """Many at once, over its connection pool."""

    async def ask() -> list[Any]:
        async with anthropic.AsyncAnthropic(base_url=proxy.url, api_key=api.key, max_retries=0) as client:
            return await asyncio.gather(
                *(client.messages.create(**{**QUESTION, "max_tokens": 100 + n % 3}) for n in range(12))
            )

    messages = asyncio.run(ask())
    assert {message.content[-1].text for message in messages} == {"Paris."}
    assert len(api.messages) == 3


def test_a_tool_is_used_through_it(proxy: RunningProxy, api: MessagesApi) -> None:
    """The request for a tool comes through, streamed, and is not kept; the answer after the result is."""
    client = proxy.sdk(api)
    api.script(Reply("I look.", stop_reason="tool_use", extra_blocks=(USE,)))
    turns: list[Any] = [{"role": "user", "content": "What is there?"}]
    with client.messages.stream(model=MODEL, max_tokens=200, tools=[TOOL], messages=turns) as stream:
        asked = stream.get_final_message()
    assert asked.stop_reason == "tool_use"
    assert asked.content[-1].to_dict()["input"] == USE["input"]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a cat"}
    turns += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    for _ in range(2):
        answer = client.messages.create(model=MODEL, max_tokens=200, tools=[TOOL], messages=turns)
        assert answer.stop_reason == "end_turn"
    assert len(api.messages) == 2
    assert proxy.entries() == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
def test_its_errors_are_those_of_the_api(
    proxy: RunningProxy, api: MessagesApi, status: int, error: type[anthropic.APIStatusError]
) -> None:
    """With the status, the type and the id of the request."""
    api.script(Failure(status))
    with pytest.raises(error) as caught:
        proxy.sdk(api).messages.create(**QUESTION)
    assert caught.value.status_code == status
    assert (caught.value.request_id or "").startswith("req_")


def test_its_retries_reach_the_upstream(proxy: RunningProxy, api: MessagesApi) -> None:
    """The proxy tries nothing twice: that is the client's business, and it still works."""
    api.script(Failure(529, {"retry-after-ms": "1"}), Failure(429, {"retry-after-ms": "1"}))
    answer = proxy.sdk(api, max_retries=2).messages.create(**QUESTION)
    assert answer.stop_reason == "end_turn"
    assert len(api.messages) == 3


def test_what_the_proxy_refuses_is_an_error_of_the_api_too(proxy: RunningProxy, api: MessagesApi) -> None:
    """413 for a request over the API's limit, without the upstream."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        proxy.sdk(api).messages.create(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x" * (33 << 20)}]
        )
    assert caught.value.status_code == 413
    assert "request_too_large" in str(caught.value.body)
    assert not api.messages


def test_the_beta_api_is_another_question(proxy: RunningProxy, api: MessagesApi) -> None:
    """It has another query and another header, so it shares no answers, but it has answers of its own."""
    client = proxy.sdk(api)
    client.messages.create(**QUESTION)
    for _ in range(2):
        client.beta.messages.create(**QUESTION, betas=["context-management-2025-06-27"])
    assert len(api.messages) == 2
