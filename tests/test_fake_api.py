"""The fake Messages API itself: a test against it is worth what its rules are worth."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from optafly_cli.models import catalogue
from tests.fakes.messages_api import MessagesApi
from tests.fakes.prompt_cache import PromptCache, count_tokens, input_tokens
from tests.fakes.script import Failure, Reply

Body = dict[str, Any]
VERSION = "2026-10-21"


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A running fake."""
    with MessagesApi() as server:
        yield server


def post(
    api: MessagesApi, body: object, path: str = "/v1/messages", **headers: str
) -> tuple[int, http.client.HTTPMessage, Any]:
    """Status, headers and JSON of one request; `headers` replace the usual ones, underscores for hyphens."""
    sent = {"x-api-key": api.key, "anthropic-version": VERSION}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, raw, {name: value for name, value in sent.items() if value})
        response = connection.getresponse()
        return response.status, response.headers, json.loads(response.read())
    finally:
        connection.close()


def text(words: str, ttl: str | None = None) -> Body:
    """A text block, marked when there is a ttl."""
    marker = {"cache_control": {"type": "ephemeral", "ttl": ttl}} if ttl else {}
    return {"type": "text", "text": words, **marker}


def asking(*blocks: Body, **more: Any) -> Body:
    """A body whose only message has these blocks."""
    return {
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": list(blocks) or [text("Hi")]}],
        **more,
    }


def test_the_sdk_gets_a_message_streamed_and_not(api: MessagesApi) -> None:
    """The real SDK accumulates from the stream the very message that it gets unstreamed."""
    api.script(Reply("Ünïcode 日本語", slice_bytes=1), Reply("Ünïcode 日本語"))
    with anthropic.Anthropic(api_key=api.key, base_url=api.url, max_retries=0) as client:
        with client.messages.stream(**asking()) as stream:
            kinds = [event.type for event in stream]
            streamed = stream.get_final_message().to_dict()
        whole = client.messages.create(**asking()).to_dict()
    assert streamed.pop("id") != whole.pop("id")
    assert streamed == whole
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"


def test_the_sdk_lists_the_models_of_the_data_file(api: MessagesApi) -> None:
    """GET /v1/models has the data file's ids; one can be asked for."""
    with anthropic.Anthropic(api_key=api.key, base_url=api.url, max_retries=0) as client:
        assert {model.id for model in client.models.list()} == set(catalogue().models)
        assert client.models.retrieve("claude-sonnet-5-5").max_input_tokens == 1_000_000
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("claude-nobody")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"x_api_key": ""}, 401, "authentication_error"),
        ({"x_api_key": "wrong"}, 401, "authentication_error"),
        ({"x_api_key": "", "authorization": "Bearer wrong"}, 401, "authentication_error"),
        ({"anthropic_version": ""}, 400, "invalid_request_error"),
    ],
)
def test_credentials_and_version_are_wanted(api: MessagesApi, headers: dict[str, str], status: int, kind: str) -> None:
    """A wrong or missing key is a 401, a missing version a 400, in the API's error shape with its request id."""
    got, response, error = post(api, asking(), **headers)
    assert (got, error["type"], error["error"]["type"]) == (status, "error", kind)
    assert error["request_id"] == response["request-id"]


def test_a_bearer_key_is_accepted_and_no_recorded_request_shows_it(api: MessagesApi) -> None:
    """Either header carries the key, and `requests` can be printed."""
    assert post(api, asking(), x_api_key="", authorization=f"Bearer {api.key}")[0] == 200
    assert api.messages[0].sent_key(api.key)
    assert not api.messages[0].sent_key("other")
    assert api.key not in repr(api.requests)


FOUR = [text(word, "5m") for word in ("a", "b", "c", "d")]
REFUSED: list[tuple[object, str]] = [
    (b"{", "not valid JSON"),
    ([], "valid dictionary"),
    ({"model": "claude-sonnet-5-5", "messages": []}, "max_tokens: Field required"),
    ({"max_tokens": 1, "messages": []}, "model: Field required"),
    (asking(messages=[]), "at least one message"),
    (asking(temperature=1.0), "temperature: Extra inputs are not permitted"),
    (asking(top_p=1.0), "top_p: Extra inputs are not permitted"),
    (asking(top_k=1), "top_k: Extra inputs are not permitted"),
    (asking(surprise=1), "Extra inputs are not permitted"),
    (asking({**text("a"), "surprise": 1}), "messages.0"),
    (asking({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "2h"}}), "messages.0"),
    (asking(messages=[{"role": "robot", "content": "Hi"}]), "messages.0"),
    (asking(stream="yes"), "stream"),
    (asking(text("")), "messages: text content blocks must be non-empty"),
    (asking(text("a"), text(" \n")), "messages: text content blocks must contain non-whitespace text"),
    (asking(text("a"), text("", "5m")), "messages.0.content.1.text: cache_control cannot be set for empty text blocks"),
    (asking(system=[text("", "5m")]), "system.0.text: cache_control cannot be set for empty text blocks"),
    (asking(*FOUR, text("e", "5m")), "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    (
        asking(*FOUR, text("e"), cache_control={"type": "ephemeral"}),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (asking(text("a", "5m"), cache_control={"type": "ephemeral", "ttl": "1h"}), "different ttl"),
    (
        asking(text("a"), text("b", "1h"), system=[text("s", "5m")]),
        "messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
        "cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
    ),
    (
        asking(messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I"}]),
        "prefill",
    ),
    (asking(thinking={"type": "enabled", "budget_tokens": 1024}), "thinking"),
    (asking(tool_choice={"type": "any"}), "tool_choice"),
    (asking(max_tokens=0, stream=True), "max_tokens 0"),
    (asking(text("x" * 3_600_000)), "prompt is too long: 1028572 tokens > 1000000 maximum"),
]


@pytest.mark.parametrize(("body", "says"), REFUSED)
def test_what_the_api_refuses_is_refused(api: MessagesApi, body: object, says: str) -> None:
    """Each rule is a 400 with the API's words, and uses up no scripted step."""
    api.script(Failure(529))
    status, _, error = post(api, body)
    assert (status, error["error"]["type"]) == (400, "invalid_request_error")
    assert says in error["error"]["message"]
    assert post(api, asking())[0] == 529


@pytest.mark.parametrize(
    "body",
    [
        asking(),
        asking(*FOUR, system=[text("s")]),
        asking(text("a"), text("b", "5m"), system=[text("s", "1h")]),
        asking(text("a", "5m"), cache_control={"type": "ephemeral"}),
        asking(messages=[{"role": "user", "content": "Hi"}], system="Be brief.", stop_sequences=["END"]),
        asking(tools=[{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}]),
        asking(thinking={"type": "adaptive"}, output_config={"effort": "low"}, metadata={"user_id": "u"}),
    ],
)
def test_what_the_api_takes_is_taken(api: MessagesApi, body: Body) -> None:
    """Bodies of every shape that optafly may send pass the rules, for counting too."""
    assert post(api, body)[0] == 200
    counted = {name: value for name, value in body.items() if name not in ("max_tokens", "stop_sequences", "metadata")}
    status, _, counts = post(api, counted, "/v1/messages/count_tokens")
    assert (status, counts) == (200, {"input_tokens": input_tokens(body)})


def test_an_unknown_model_is_not_found(api: MessagesApi) -> None:
    """A model that the data file does not have is a 404 that names it."""
    status, _, error = post(api, asking(model="claude-nobody"))
    assert (status, error["error"]) == (404, {"type": "not_found_error", "message": "model: claude-nobody"})
    assert post(api, {}, "/v1/nothing")[0] == 404


def test_older_versions_keep_sampling_parameters(api: MessagesApi) -> None:
    """temperature is refused from 2026-10-21 on only."""
    assert post(api, asking(temperature=0.5), anthropic_version="2023-06-01")[0] == 200


def test_a_text_over_max_tokens_is_cut_there(api: MessagesApi) -> None:
    """max_tokens bounds thinking and text together; 0 only warms the cache."""
    api.script(Reply("x" * 700))
    message = post(api, asking(max_tokens=50))[2]
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == 50
    warmed = post(api, asking(max_tokens=0))[2]
    assert (warmed["content"], warmed["stop_reason"], warmed["usage"]["output_tokens"]) == ([], "max_tokens", 0)


def test_what_breaks_inside_of_the_fake_is_raised() -> None:
    """A reply function that fails does not pass for an endpoint that hung up."""

    def broken(body: object) -> str:
        raise LookupError("in the test")

    with (
        pytest.raises(LookupError, match="in the test"),
        MessagesApi(reply=broken) as api,
        pytest.raises(http.client.RemoteDisconnected),
    ):
        post(api, asking())


def test_it_can_be_started_by_hand() -> None:
    """`python -m tests.fakes.messages_api` prints how to reach it and answers with the text that it was given."""
    command = [sys.executable, "-m", "tests.fakes.messages_api", "--port", "0", "--reply", "By hand.", "--first", "529"]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            url, key = (part.partition("=")[2] for part in process.stdout.readline().split())
            with anthropic.Anthropic(api_key=key, base_url=url, max_retries=0) as client:
                with pytest.raises(anthropic.APIStatusError):
                    client.messages.create(**asking())
                assert client.messages.create(**asking()).content[-1].to_dict()["text"] == "By hand."
        finally:
            process.terminate()


# The prompt cache: tokens are bytes over 3.5, so 7,000 letters are 2,000 tokens


def billed(cache: PromptCache, body: Body, now: float = 0.0) -> tuple[int, int, int, int]:
    """(read, written for 1h, written for 5m, plain input) of a request, which then begins to answer."""
    plan = cache.plan(body, now)
    cache.commit(plan)
    usage, split = plan.usage, plan.usage["cache_creation"]
    created = split["ephemeral_1h_input_tokens"] + split["ephemeral_5m_input_tokens"]
    assert created == usage["cache_creation_input_tokens"]
    total = usage["input_tokens"] + created + usage["cache_read_input_tokens"]
    assert total == input_tokens(body)
    read = usage["cache_read_input_tokens"]
    return read, split["ephemeral_1h_input_tokens"], split["ephemeral_5m_input_tokens"], usage["input_tokens"]


LONG = "x" * 7000


def test_a_prefix_is_written_once_and_read_until_its_time_is_over() -> None:
    """Five minutes from the start of the last request that wrote or read it; a read refreshes."""
    cache = PromptCache()
    body = asking(text(LONG, "5m"), text("q" * 7))
    assert billed(cache, body, 0) == (0, 0, 2000, 2)
    assert billed(cache, body, 299) == (2000, 0, 0, 2)
    assert billed(cache, body, 598) == (2000, 0, 0, 2)
    assert billed(cache, body, 898) == (0, 0, 2000, 2)


def test_an_hour_entry_lives_an_hour_even_when_read_for_less() -> None:
    """A 5m read of a 1h entry refreshes it for its own hour."""
    cache = PromptCache()
    billed(cache, asking(text(LONG, "1h")), 0)
    assert billed(cache, asking(text(LONG, "5m")), 3599)[0] == 2000
    assert billed(cache, asking(text(LONG, "5m")), 7198)[0] == 2000


def test_entries_exist_at_breakpoints_only() -> None:
    """A longer marked prompt does not make its shorter prefix readable, unless that was marked as well."""
    cache = PromptCache()
    billed(cache, asking(text(LONG), text("y" * 700, "5m")))
    assert billed(cache, asking(text(LONG, "5m"), text("other")))[0] == 0
    assert billed(cache, asking(text(LONG), text("y" * 700, "5m")))[0] == 2200


def test_markers_are_not_part_of_the_prefix_but_every_byte_is() -> None:
    """Moving a marker keeps the hit; one other letter, another model or role before it loses it."""
    cache = PromptCache()
    billed(cache, asking(text(LONG, "5m"), text("one")))
    moved = asking(text(LONG), text("more", "5m"))
    assert billed(cache, moved)[0] == 2000
    assert billed(cache, asking(text(LONG[:-1] + "z", "5m")))[0] == 0
    assert billed(cache, asking(text(LONG, "5m"), model="claude-opus-5-5"))[0] == 0
    assert billed(cache, asking(text("Hi"), system=[text(LONG, "5m")]))[0] == 0


def test_below_the_minimum_nothing_is_written_and_nothing_said() -> None:
    """512 tokens on this model, 4096 where none is published."""
    cache = PromptCache()
    for _ in range(2):
        assert billed(cache, asking(text("x" * 1788, "5m"))) == (0, 0, 0, 511)
    assert billed(cache, asking(text("x" * 1792, "5m"))) == (0, 0, 512, 0)
    unknown = next(model.id for model in catalogue().models.values() if model.min_cacheable is None)
    assert billed(cache, asking(text(LONG, "5m"), model=unknown))[:3] == (0, 0, 0)
    assert billed(cache, asking(text(LONG * 3, "5m"), model=unknown))[2] == 6000


@pytest.mark.parametrize(("between", "read"), [(18, 2000), (19, 0)])
def test_the_look_back_is_twenty_positions(between: int, read: int) -> None:
    """The breakpoint is the first of the twenty; an entry one further back is not found."""
    cache = PromptCache()
    billed(cache, asking(text(LONG, "5m")))
    blocks = [text(f"block {number}") for number in range(between)]
    assert billed(cache, asking(text(LONG), *blocks, text("end", "5m")))[0] == read


def test_a_run_of_tool_blocks_is_one_position() -> None:
    """Thirty tool_use blocks in a row, and their results, do not exhaust the look-back."""
    cache = PromptCache()
    opening = {"role": "user", "content": [text(LONG, "5m")]}
    billed(cache, asking(messages=[opening]))
    uses = [{"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}} for n in range(30)]
    results: list[Body] = [{"type": "tool_result", "tool_use_id": f"t{n}", "content": "ok"} for n in range(30)]
    results[-1]["cache_control"] = {"type": "ephemeral"}
    turns = [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]
    unmarked = {"role": "user", "content": [text(LONG)]}
    assert billed(cache, asking(messages=[unmarked, *turns]))[0] == 2000


def test_an_earlier_breakpoint_gets_its_own_look_back() -> None:
    """Where the last breakpoint finds nothing, the search goes on from the one before it."""
    cache = PromptCache()
    billed(cache, asking(text(LONG, "5m")))
    blocks = [text(f"block {number}") for number in range(30)]
    assert billed(cache, asking(text(LONG, "5m"), *blocks, text("end", "5m")))[0] == 2000


def test_mixed_ttls_are_billed_by_section() -> None:
    """Up to the hit at the read price, on to the last 1h breakpoint at the 1h price, the rest at the 5m price."""
    cache = PromptCache()
    billed(cache, asking(text("Hi"), system=[text(LONG, "1h")]))
    body = asking(text("y" * 3500, "1h"), text("z" * 1750, "5m"), text("q" * 7), system=[text(LONG, "1h")])
    assert billed(cache, body) == (2000, 1000, 500, 2)
    assert billed(cache, body) == (3500, 0, 0, 2)


def test_the_automatic_breakpoint_is_the_last_block() -> None:
    """A top-level cache_control marks the end of the prompt."""
    cache = PromptCache()
    body = asking(text(LONG), text("q" * 7), cache_control={"type": "ephemeral"})
    assert billed(cache, body) == (0, 0, 2002, 0)
    assert billed(cache, body) == (2002, 0, 0, 0)


def test_an_entry_is_readable_once_the_first_response_begins() -> None:
    """Requests that start together all miss."""
    cache = PromptCache()
    body = asking(text(LONG, "5m"))
    first, second = cache.plan(body, 0), cache.plan(body, 0)
    assert second.usage["cache_read_input_tokens"] == 0
    cache.commit(first)
    assert billed(cache, body)[0] == 2000


def test_the_cache_runs_on_the_clock_that_is_given() -> None:
    """Over HTTP the simulated entries expire by the injected clock."""
    now = [0.0]
    with MessagesApi(clock=lambda: now[0]) as api:
        body = asking(text(LONG, "5m"))
        reads = []
        for moment in (0.0, 200.0, 600.0):
            now[0] = moment
            reads.append(post(api, body)[2]["usage"]["cache_read_input_tokens"])
    assert reads == [0, 2000, 0]


def test_tokens_are_bytes_over_three_and_a_half() -> None:
    """The fake's own measure, rounded up per block."""
    assert [count_tokens(words) for words in ("", "a", "abcd", "日本語")] == [0, 1, 2, 3]
