"""What the clients of the soak ask the proxy, and what each answer must be.

Every kind of request is a function that sends, looks at what comes back and raises `WrongAnswerError`. The endpoint
behind the proxy echoes, so that an answer tells which question it belongs to. What is kept stays bounded: most misses
are cut at max_tokens, which is never stored, and `refresh` replaces the same few entries; only `kept` and `twins` add.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from benchmarks.prompt_bank import BANK
from benchmarks.proxy import question, sentence
from benchmarks.soak_line import Got, Line, WrongAnswerError, request

STORED = 200
REFRESHED = 50
PATH = "/v1/messages"
CUT = 20
"""max_tokens by which every reply is cut."""
LONG = "at some length, " * 2_000


@dataclass
class Stored:
    """What was asked before it began: an instruction and its scope, and other words for it that hit."""

    fresh: Iterator[int] = field(default_factory=lambda: count(1))
    reworded: list[tuple[str, str, str]] = field(default_factory=list)
    """The scope, other words, and the words that are answered by them."""


@dataclass
class Client:
    """One of the clients."""

    line: Line
    other: Line
    """A second connection, for two questions at once."""
    random: random.Random
    stored: Stored

    async def ask(self, text: str, cache: str, says: str | None = None, *, stream: bool, **more: Any) -> Got:
        """Ask, and check what the store said (by its beginning) and which question it is the answer to."""
        mode = more.pop("mode", "")
        body = question(text, stream=stream, **more)
        got = await self.line.ask("POST", PATH, body, x_optafly_cache=mode, chunked=self.random.random() < 0.1)
        check(got, cache, says or text)
        return got

    @property
    def coin(self) -> bool:
        """Whether to stream."""
        return self.random.random() < 0.4


def expect(is_so: bool, said: str) -> None:
    """Raise unless it is so."""
    if not is_so:
        raise WrongAnswerError(said)


def check(got: Got, cache: str, text: str, *, cut: bool = False) -> None:
    """A message that echoes `text`, of which the store said what begins with `cache`."""
    message = got.message()
    wanted = f"You asked: {text}"
    expect(got.cache.startswith(cache), f"{got.cache!r} instead of {cache!r} for {text[:60]!r}")
    if cut:
        expect(wanted.startswith(message["text"]) and message["stop_reason"] == "max_tokens", f"{message['text']!r}")
    else:
        expect(message["text"] == wanted, f"{message['text'][:100]!r} instead of {wanted[:100]!r}")
    tokens = message["usage"]["input_tokens"] + message["usage"]["output_tokens"]
    expect(bool(tokens) != cache.startswith("hit"), f"{tokens} tokens for {cache!r}")


def fact(number: int) -> str:
    """The stored question of that number."""
    return f"what is fact number {number} of the house?"


async def exact(client: Client) -> None:
    """The very same words."""
    number = client.random.randrange(STORED)
    await client.ask(fact(number), "hit; tier=exact", stream=client.coin, metadata={"user_id": f"u{number}"})


async def semantic(client: Client) -> None:
    """Other words that hit when the soak began."""
    scope, text, original = client.random.choice(client.stored.reworded)
    await client.ask(text, "hit; tier=semantic", original, stream=client.coin, system=scope)


async def missed(client: Client) -> None:
    """A new question in a scope of its own; cut, so not kept."""
    text = sentence(next(client.stored.fresh))
    got = await client.line.ask("POST", PATH, question(text, system=text, stream=client.coin, max_tokens=CUT))
    check(got, "miss; reason=empty", text, cut=True)


async def compared(client: Client) -> None:
    """A new question in the scope of the stored ones: embedded and compared, and none of them."""
    text = sentence(next(client.stored.fresh))
    got = await client.line.ask("POST", PATH, question(text, stream=client.coin, max_tokens=CUT, system="facts"))
    check(got, "miss; reason=", text, cut=True)


async def kept(client: Client) -> None:
    """A new question, and the same again."""
    text = sentence(next(client.stored.fresh))
    for cache in ("miss; reason=empty", "hit; tier=exact"):
        await client.ask(text, cache, stream=client.coin, system=text)


async def twins(client: Client) -> None:
    """The same new question on two connections at once: one answer."""
    text = sentence(next(client.stored.fresh))
    body = question(text, system=text)
    both = await asyncio.gather(*(line.ask("POST", PATH, body) for line in (client.line, client.other)))
    for got in both:
        check(got, "hit; tier=exact" if got.cache.startswith("hit") else "miss", text)
    expect(both[0].message()["id"] == both[1].message()["id"], "two answers to the same question at once")


async def anchored(client: Client) -> None:
    """A long system prompt that comes again, to anchor; cut."""
    text = sentence(next(client.stored.fresh))
    system = "a rule of the house that never changes " * 200
    got = await client.line.ask("POST", PATH, question(text, system=system, stream=client.coin, max_tokens=CUT))
    check(got, "miss; reason=empty", text, cut=True)
    expect(got.headers.get("x-optafly-anchors", "0") != "0", "no anchor in a long prompt")


async def bypassed(client: Client) -> None:
    """A stored question that is not to be looked up."""
    number = client.random.randrange(STORED)
    await client.ask(fact(number), "bypass; reason=asked", stream=client.coin, mode="bypass")


async def refreshed(client: Client) -> None:
    """A stored question that is asked anew, and replaced."""
    text = f"refreshed fact {client.random.randrange(REFRESHED)}"
    await client.ask(text, "miss; reason=refresh", stream=client.coin, system="refreshed", mode="refresh")


async def passed(client: Client) -> None:
    """What the proxy does not understand, and what is its own."""
    line = client.line
    match client.random.randrange(6):
        case 0:
            models = (await line.ask("GET", "/v1/models")).json()
            expect(any(one["id"] == "claude-sonnet-5-5" for one in models["data"]), "the models are not there")
        case 1:
            got = await line.ask("POST", f"{PATH}/count_tokens", _without_limit("how many?"))
            expect(got.json().get("input_tokens", 0) > 0, f"no count: {got.body[:200]!r}")
        case 2:
            got = await line.ask("GET", "/v1/nowhere")
            expect((got.status, got.json()["error"]["type"]) == (404, "not_found_error"), f"{got.status}")
        case 3:
            expect((await line.ask("HEAD", "/v1/models")).status in (404, 501), "HEAD is not the endpoint's")
            line.hang_up()
        case 4:
            expect((await line.ask("GET", "/healthz")).json()["status"] == "ok", "it is not well")
        case _:
            got = await line.ask("GET", "/metrics")
            expect(b"\noptafly_in_flight " in got.body, "no metrics")


def _without_limit(text: str) -> bytes:
    return question(text).replace(b'"max_tokens": 300, ', b"").replace(b', "stream": false', b"")


async def malformed(client: Client) -> None:
    """What must be refused, by the proxy or by the endpoint, and as what."""
    line, good = client.line, question("good?")
    cases: list[tuple[Sequence[int], Callable[[], Awaitable[Got]]]] = [
        ((400,), lambda: line.ask("POST", PATH, b"{ no JSON")),
        ((400,), lambda: line.ask("POST", PATH, b"[]")),
        ((400,), lambda: line.ask("POST", PATH, b'{"model": "claude-sonnet-5-5", "max_tokens": 9}')),
        ((400,), lambda: line.ask("POST", PATH, good.replace(b"good?", b""))),
        ((400,), lambda: line.ask("POST", PATH, good, x_optafly_cache="sometimes")),
        ((400,), lambda: line.ask("POST", PATH, good, anthropic_version="", x_optafly_cache="bypass")),
        ((400,), lambda: line.exchange(b"this is no HTTP\r\n\r\n")),
        ((401,), lambda: line.ask("POST", PATH, good, x_api_key="")),
        ((403,), lambda: line.ask("POST", PATH, good, host="attacker.example")),
        ((403,), lambda: line.ask("POST", PATH, good, origin="https://attacker.example")),
        ((405,), lambda: line.ask("POST", "/healthz", b"{}")),
        ((413,), lambda: line.exchange(_too_large())),
        ((400, 431), lambda: line.ask("POST", PATH, good, x_long="x" * 40_000, x_longer="x" * 40_000)),
    ]
    statuses, ask = client.random.choice(cases)
    got = await ask()
    # What was refused before its body was read leaves a connection that is of no more use
    line.hang_up()
    expect(got.status in statuses, f"{got.status} instead of {statuses}: {got.body[:200]!r}")
    expect("message" in got.json()["error"], f"no error of the API's shape: {got.body[:200]!r}")


def _too_large() -> bytes:
    return request("POST", PATH, content_length=str(40 << 20))


async def left(client: Client) -> None:
    """A client that goes away: in its request, before the reply, or in the middle of it."""
    line, text = client.line, LONG + sentence(next(client.stored.fresh))
    line.hang_up()
    body = question(text, system=text[-40:], stream=True, max_tokens=30_000)
    raw = request("POST", PATH, body)
    when = client.random.choice(("in the request", "before the reply", "in the reply", "in what is passed on"))
    if when == "in the request":
        await line.begin(raw[: client.random.randrange(20, len(raw))])
    elif when == "before the reply":
        await line.begin(raw)
        await asyncio.sleep(client.random.random() * 0.01)
    else:
        if when == "in what is passed on":
            raw = request("POST", PATH, body, x_optafly_cache="bypass")
        reader = await line.begin(raw)
        with suppress(asyncio.IncompleteReadError):
            got = await asyncio.wait_for(reader.readuntil(b"content_block_delta"), 60)
            expect(b" 200 OK" in got, f"{got[:100]!r}")
    line.hang_up(reset=client.coin)


Kind = Callable[[Client], Awaitable[None]]
MIX: dict[Kind, int] = {
    exact: 50,
    semantic: 10,
    missed: 8,
    compared: 5,
    kept: 1,
    twins: 1,
    anchored: 2,
    bypassed: 5,
    refreshed: 3,
    passed: 7,
    malformed: 5,
    left: 3,
}
"""How often each is done, in percent."""


async def seed(port: int) -> Stored:
    """Store what the hits hit, and find out which other words do."""
    line, stored = Line(port), Stored()
    asked = [question(fact(number)) for number in range(STORED)]
    asked += [question(f"refreshed fact {number}", system="refreshed") for number in range(REFRESHED)]
    # Short enough not to be cut
    asked += [question(f"fact {number}?", system="facts", max_tokens=CUT) for number in range(20)]
    for body in asked:
        got = await line.ask("POST", PATH, body)
        check(got, "miss", json.loads(body)["messages"][0]["content"])
    for first, *others in BANK.values():
        for text in others:
            # Each in a scope of its own: what misses is stored, and would be nearest to the next
            scope = f"about a function: {text}"
            check(await line.ask("POST", PATH, question(first, system=scope)), "miss", first)
            got = await line.ask("POST", PATH, question(text, system=scope))
            if got.cache.startswith("hit; tier=semantic"):
                check(got, "hit", first)
                stored.reworded.append((scope, text, first))
    line.hang_up()
    if len(stored.reworded) < 5:
        raise SystemExit(
            f"only {len(stored.reworded)} other words hit: there is nothing to soak the semantic tier with"
        )
    return stored
