"""POST /v1/messages: what is a hit, what is not, what is kept, and what the client is told."""

import copy
import gzip
import json
import sqlite3
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from optafly_cli.cache import ruling
from optafly_cli.cache.embedder import Embedder
from tests.fakes.messages_api import MessagesApi
from tests.fakes.rules import all_blocks
from tests.fakes.script import Failure, Reply
from tests.proxy.conftest import QUESTION, RunningProxy, StartProxy, events
from tests.proxy.raw import RawServer

TOOL: dict[str, Any] = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}

USE = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}


def with_content(content: Any, **more: Any) -> dict[str, Any]:
    """The question with other content in its last turn."""
    return {**QUESTION, "messages": [{"role": "user", "content": content}], **more}


def test_the_second_time_the_store_answers(proxy: RunningProxy, api: MessagesApi) -> None:
    """A miss is sent on and kept; the same again is an exact hit, with the same message and nothing billed."""
    first, second = proxy.ask(QUESTION), proxy.ask(QUESTION)
    assert first.cache == "miss; reason=empty"
    assert first.headers["x-optafly-anchors"] == "0"
    assert second.cache == "hit; tier=exact"
    assert len(api.messages) == 1
    for name in ("id", "model", "content", "stop_reason", "role", "type"):
        assert second.json[name] == first.json[name]
    assert first.json["usage"]["output_tokens"] > 0
    numbers = [value for value in second.json["usage"].values() if isinstance(value, int)]
    assert numbers
    assert not any(numbers)


@pytest.mark.parametrize(("asked", "again"), [(True, True), (True, False), (False, True)])
def test_a_hit_comes_in_the_form_that_is_asked_for(
    proxy: RunningProxy, api: MessagesApi, asked: bool, again: bool
) -> None:
    """Kept from a stream or not, it is replayed as a stream or not."""
    proxy.ask({**QUESTION, "stream": asked})
    hit = proxy.ask({**QUESTION, "stream": again})
    assert hit.cache == "hit; tier=exact"
    if again:
        kinds = [event["type"] for event in events(hit.body)]
        assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
        assert "Paris." in "".join(event["delta"].get("text", "") for event in events(hit.body) if "delta" in event)
    else:
        assert hit.json["content"][-1]["text"] == "Paris."
    assert len(api.messages) == 1


def test_other_words_are_a_semantic_hit(start: StartProxy, api: MessagesApi) -> None:
    """The same meaning in the same scope; the header says how near and how sure."""
    proxy = start(cache={"max_error_rate": 0.01})
    proxy.ask(with_content("fix this bug"))
    hit = proxy.ask(with_content("please fix this bug"))
    kind, tier, similarity, confidence = hit.cache.split("; ")
    assert (kind, tier) == ("hit", "tier=semantic")
    assert 0.85 <= float(similarity.removeprefix("similarity=")) <= 1
    assert 0.5 <= float(confidence.removeprefix("confidence=")) <= 1


def test_an_answer_that_is_too_old_hides_no_newer_one(start: StartProxy, api: MessagesApi) -> None:
    """The very same words were answered long ago, other words just now: these are compared all the same."""
    proxy = start(cache={"max_error_rate": 0.01})
    proxy.ask(with_content("fix this bug"))
    with closing(sqlite3.connect(proxy.made_from.folder / "entries.sqlite")) as connection, connection:
        connection.execute("UPDATE entry SET created = created - 400 * 86400")
    proxy.ask(with_content("please fix this bug"))
    assert proxy.ask(with_content("fix this bug")).cache.startswith("hit; tier=semantic")
    assert len(api.messages) == 2


def test_a_semantic_hit_needs_the_same_scope(start: StartProxy, api: MessagesApi) -> None:
    """Other words about anything else in the request are another question."""
    proxy = start(cache={"max_error_rate": 0.01})
    proxy.ask(with_content("fix this bug", system="You are terse.", tools=[TOOL]))
    words: dict[str, Any] = with_content("please fix this bug", system="You are terse.", tools=[TOOL])
    assert proxy.ask(words).cache.startswith("hit; tier=semantic")
    others: list[dict[str, Any]] = [
        {"system": "You are terse!"},
        {"tools": []},
        {"tools": [{**TOOL, "description": "Looks twice."}]},
        {"max_tokens": 201},
        {"model": "claude-opus-5-5"},
        {"stop_sequences": ["END"]},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hi"}, *words["messages"]]},
        with_content([{"type": "text", "text": "About a.py."}, {"type": "text", "text": "please fix this bug"}]),
    ]
    for other in others:
        assert proxy.ask({**words, **other}, {"x-optafly-cache": ""}).cache.startswith("miss"), other
    assert proxy.ask(words, {"anthropic-beta": "new"}).cache.startswith("miss")
    assert proxy.ask(words, path="/v1/messages?beta=true").cache.startswith("miss")


def test_bypass_and_refresh_are_obeyed_and_not_sent_on(proxy: RunningProxy, api: MessagesApi) -> None:
    """bypass neither looks nor keeps, refresh asks again and replaces; the upstream sees neither."""
    proxy.ask(QUESTION)
    api.script(Reply("Lyon."), Reply("Nice."))
    bypass = proxy.ask(QUESTION, {"x-optafly-cache": "bypass"})
    assert (bypass.cache, bypass.json["content"][-1]["text"]) == ("bypass; reason=asked", "Lyon.")
    assert proxy.ask(QUESTION).json["content"][-1]["text"] == "Paris."
    refresh = proxy.ask(QUESTION, {"X-Optafly-Cache": "refresh"})
    assert (refresh.cache, refresh.json["content"][-1]["text"]) == ("miss; reason=refresh", "Nice.")
    assert proxy.ask(QUESTION).json["content"][-1]["text"] == "Nice."
    assert not any("x-optafly-cache" in sent.headers for sent in api.messages)
    assert proxy.ask(QUESTION, {"x-optafly-cache": "always"}).status == 400


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "reply",
    [
        Reply("Cut off", stop_reason="max_tokens"),
        Reply("No.", stop_reason="refusal"),
        Reply("Wait.", stop_reason="pause_turn"),
        Reply("", thinking=False),
        Reply("I look.", stop_reason="tool_use", extra_blocks=(USE,)),
        Reply("I look.", extra_blocks=(USE,)),
    ],
    ids=["max_tokens", "refusal", "pause_turn", "empty", "tool_use", "tool use at the end of a turn"],
)  # fmt: skip
def test_what_is_no_complete_answer_is_never_kept(
    proxy: RunningProxy, api: MessagesApi, reply: Reply, stream: bool
) -> None:
    """It reaches the client as it is, and the next one asks anew."""
    api.script(reply)
    assert proxy.ask({**QUESTION, "stream": stream, "tools": [TOOL]}).status == 200
    assert proxy.ask({**QUESTION, "stream": stream, "tools": [TOOL]}).cache == "miss; reason=empty"
    assert len(api.messages) == 2


@pytest.mark.parametrize("end", ["eof", "error"])
def test_a_stream_that_does_not_end_well_is_never_kept(proxy: RunningProxy, api: MessagesApi, end: Any) -> None:
    """Without message_stop, or with an error event, the bytes are passed on and forgotten."""
    api.script(Reply("Paris is it", end=end, after=1))
    got = proxy.ask({**QUESTION, "stream": True})
    assert b"message_start" in got.body
    assert b"message_stop" not in got.body
    assert (b"overloaded_error" in got.body) == (end == "error")
    assert proxy.ask({**QUESTION, "stream": True}).cache == "miss; reason=empty"


def test_an_answer_is_on_disk_before_its_end_is_sent(proxy: RunningProxy, api: MessagesApi) -> None:
    """When a client has the whole reply, streamed or not, the store has it as well."""
    for number, stream in enumerate((True, False), 1):
        proxy.ask({**QUESTION, "stream": stream, "max_tokens": 200 + number})
        assert proxy.entries() == number


def test_the_same_question_at_the_same_time_is_one_request(proxy: RunningProxy, api: MessagesApi) -> None:
    """The others wait and get the stored answer."""
    api.script(Reply("Paris.", delay_s=0.3))
    with_waits: list[str] = []
    threads = [
        threading.Thread(target=lambda: with_waits.append(proxy.ask({**QUESTION, "stream": True}).cache))
        for _ in range(8)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.messages) == 1
    assert sorted(with_waits) == ["hit; tier=exact"] * 7 + ["miss; reason=empty"]


def test_when_the_first_fails_each_asks_for_itself(proxy: RunningProxy, api: MessagesApi) -> None:
    """A failure is no answer for those who wait."""
    api.script(Reply("Never", stop_reason="refusal", delay_s=0.3))
    bodies: list[Any] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(proxy.ask(QUESTION | {"stream": True}).body)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert len(api.messages) == 3
    assert sum(b"refusal" in body for body in bodies) == 1


def test_two_keys_share_nothing_unless_a_namespace_says_so(start: StartProxy, tmp_path: Any) -> None:
    """The default namespace is a digest of the credential, whichever header it is in."""
    with MessagesApi(reply="Paris.", key=None) as anyone:
        proxy = start(upstream=anyone.url)
        proxy.ask(QUESTION, key="sk-one-1111")
        assert proxy.ask(QUESTION, key="sk-two-2222").cache == "miss; reason=empty"
        bearer = {"x-api-key": "", "authorization": "Bearer sk-one-1111"}
        assert proxy.ask(QUESTION, bearer).cache == "miss; reason=empty"
        team = start(upstream=anyone.url, cache={"namespace": "team"})
        team.ask(QUESTION, key="sk-one-1111")
        assert team.ask(QUESTION, key="sk-two-2222").cache == "hit; tier=exact"
        team.ask(QUESTION, {"x-api-key": ""})
        assert anyone.requests[-1].credential_digest is None


def test_no_key_is_in_the_store_or_the_log(proxy: RunningProxy, api: MessagesApi) -> None:
    """Neither the key nor what could be turned back into it."""
    proxy.ask(QUESTION)
    folder = proxy.made_from.folder
    assert not any(api.key.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not any(api.key in line for line in proxy.lines + proxy.details)


SECRET = "ghp_" + "a8Kd03JfLq72MzPw" + "X5Rt9VbN1cYh6GsE4uQo"


VALUE = "plain" + "looking" + "Value77"


def unmarked_blocks(body: dict[str, Any]) -> list[Any]:
    """Every block with its role in place of a marker."""
    return [{**block, "cache_control": role} for _, role, block in all_blocks(body)]


def with_tool_use(given: dict[str, str], result: str) -> dict[str, Any]:
    """A turn in which a tool was used, and what it found."""
    turns = [
        *QUESTION["messages"],
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": given}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": result}]},
    ]
    return {**QUESTION, "tools": [{**TOOL, "name": "look"}], "messages": turns}


@pytest.mark.parametrize(
    "body",
    [
        with_content(f"What is {SECRET}?"),
        {**QUESTION, "system": f"The token is {SECRET}."},
        {**QUESTION, "tools": [{**TOOL, "description": SECRET}]},
        {**QUESTION, "system": "x" * 5000 + " " + SECRET},
        with_tool_use({"query": f"?k={SECRET}"}, "nothing"),
        with_tool_use({"password": "kQ8!vT1xWz"}, "nothing"),
        with_tool_use({"path": ".env"}, "DB_PASSWORD=kQ8!vT1xWz\n"),
        with_tool_use({"path": "notes"}, f"it was {VALUE}, I think"),
    ],
    ids=["instruction", "system", "tool", "long text", "use", "named in a use", "result", "of the environment"],
)
def test_a_request_with_a_secret_is_answered_and_not_kept(
    proxy: RunningProxy, api: MessagesApi, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is in the request, out of which nothing is taken."""
    monkeypatch.setenv("STAGING_PASSWORD", VALUE)
    for _ in range(2):
        assert proxy.ask(body).cache == "bypass; reason=secret"
    # Long ones are anchored as ever
    assert [unmarked_blocks(request.body) for request in api.messages] == [unmarked_blocks(body)] * 2
    assert proxy.entries() == 0
    assert proxy.logged() == []


def test_an_answer_with_a_secret_is_not_kept(proxy: RunningProxy, api: MessagesApi) -> None:
    """It reaches the client all the same."""
    api.script(Reply(f"It is {SECRET}."))
    assert SECRET in proxy.ask(QUESTION).body.decode()
    assert proxy.ask(QUESTION).cache == "miss; reason=empty"


def test_errors_of_the_upstream_come_through(proxy: RunningProxy, api: MessagesApi) -> None:
    """Status, headers and body, byte for byte."""
    api.script(Failure(429, {"retry-after": "7", "anthropic-ratelimit-requests-limit": "50"}))
    got = proxy.ask(QUESTION)
    assert (got.status, got.headers["retry-after"], got.json["error"]["type"]) == (429, "7", "rate_limit_error")
    assert got.headers["anthropic-ratelimit-requests-limit"] == "50"
    api.script(Failure(500, body=b"<html>no</html>", content_type="text/html"))
    got = proxy.ask(QUESTION)
    assert (got.status, got.body, got.headers["content-type"]) == (500, b"<html>no</html>", "text/html")
    assert proxy.ask({**QUESTION, "messages": []}).status == 400
    assert proxy.ask(QUESTION, key="sk-wrong-key").status == 401


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "unreadable"),
        (b'{"model": "m", "model": "n", "messages": []}', "unreadable"),
        (b'{"model": "m", "messages": [], "temperature": NaN}', "unreadable"),
        (b"\xff\xfe{}", "unreadable"),
        (b'{"model": "m", "messages": [{"role": "assistant", "content": "x"}]}', "unreadable"),
    ],
    ids=["cut", "key twice", "NaN", "UTF-16", "no user"],
)
def test_what_is_not_understood_is_sent_on_as_it_is(
    proxy: RunningProxy, api: MessagesApi, raw: bytes, reason: str
) -> None:
    """The upstream is the judge, and nothing is kept."""
    got = proxy.ask(raw)
    assert got.cache == f"bypass; reason={reason}"
    assert got.status >= 400
    assert len(api.messages) == 1


def test_nesting_without_end_is_sent_on_too(start: StartProxy) -> None:
    """No depth of brackets makes the proxy fail."""
    with RawServer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}") as server:
        got = start(upstream=server.url).ask(b'{"model": "m", "messages": [{"content": ' + b"[" * 100_000)
        assert (got.status, got.body, got.cache) == (400, b"{}", "bypass; reason=unreadable")


def test_a_packed_answer_is_passed_on_packed_and_kept(start: StartProxy) -> None:
    """What the client gets is what the upstream sent; what is replayed is plain."""
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": QUESTION["model"],
        "content": [{"type": "text", "text": "Paris."}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }  # fmt: skip
    packed = gzip.compress(json.dumps(message).encode())
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    with RawServer(head % len(packed) + packed) as server:
        proxy = start(upstream=server.url)
        got = proxy.ask(QUESTION, {"accept-encoding": "br, gzip, zstd;q=0.5"})
        assert got.body == packed
        assert got.headers["content-encoding"] == "gzip"
        assert b"accept-encoding: gzip\r\n" in server.heads[0].lower()
        hit = proxy.ask(QUESTION)
        assert (hit.cache, hit.json["content"]) == ("hit; tier=exact", message["content"])


def test_turns_that_are_more_than_text_hit_with_the_very_same_words_only(start: StartProxy, api: MessagesApi) -> None:
    """Pictures, tool results and prefilled answers are compared exactly, and so are the words with them."""
    proxy = start(cache={"max_error_rate": 0.01})
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    said: list[dict[str, Any]] = [image, {"type": "text", "text": "fix this bug"}]
    proxy.ask(with_content(said))
    assert proxy.ask(with_content(said)).cache == "hit; tier=exact"
    other = copy.deepcopy(said)
    other[1] = {"type": "text", "text": "please fix this bug"}
    assert proxy.ask(with_content(other)).cache == "miss; reason=not_embedded"
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "seen"}
    turns = [*QUESTION["messages"], {"role": "assistant", "content": [USE]}, {"role": "user", "content": [result]}]
    loop = {**QUESTION, "tools": [TOOL], "messages": turns}
    assert proxy.ask(loop).cache == "miss; reason=empty"
    assert proxy.ask(loop).cache == "hit; tier=exact"
    loop["messages"][-1]["content"][0]["content"] = "seen twice"
    assert proxy.ask(loop).cache == "miss; reason=empty"


def test_what_the_rules_tell_is_sent_on_before_it_is_embedded(
    start: StartProxy, api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry of the scope can answer it, however near it is: it is embedded while the answer comes, and kept."""
    monkeypatch.setattr(ruling, "PATIENCE_S", 60.0)
    proxy = start(cache={"max_error_rate": 0.01})
    assert proxy.ask(with_content("write 3 tests for the parser")).cache == "miss; reason=empty"
    sent = threading.Event()
    in_time = []
    embed = Embedder.embed

    def when_it_was_sent(self: Embedder, texts: list[str]) -> Any:
        in_time.append(sent.wait(60))
        return embed(self, texts)

    def arrived(_: Any) -> str:
        sent.set()
        return "Done."

    monkeypatch.setattr(Embedder, "embed", when_it_was_sent)
    api.script(Reply(arrived))
    assert proxy.ask(with_content("write 5 tests for the parser")).cache == "miss; reason=veto:number"
    assert in_time == [True]
    assert proxy.entries() == 2


def test_a_reply_that_is_too_long_to_be_held_is_passed_on(start: StartProxy) -> None:
    """Whole, and not kept."""
    text = "long " * (1 << 20)
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": QUESTION["model"],
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": {},
    }  # fmt: skip
    body = json.dumps(message).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    with RawServer(head + body) as server:
        proxy = start(upstream=server.url)
        assert proxy.ask(QUESTION).body == body
        assert proxy.ask(QUESTION).cache == "miss; reason=empty"
