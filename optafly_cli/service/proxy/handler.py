"""POST /v1/messages: look up, send on, read along, keep; and everything else, passed through."""

import time
from collections.abc import Callable
from contextlib import aclosing

from optafly_cli.cache.types import Hit, Miss
from optafly_cli.config.settings import Settings
from optafly_cli.service.proxy.anchoring import Anchored
from optafly_cli.service.proxy.call import CREDENTIALS
from optafly_cli.service.proxy.client import Client, Room
from optafly_cli.service.proxy.desk import Desk
from optafly_cli.service.proxy.flights import Flights
from optafly_cli.service.proxy.found import Found
from optafly_cli.service.proxy.headers import Headers, end_to_end, first, has, request_headers, response_headers
from optafly_cli.service.proxy.keeping import Keeper, Sent, Verdict, header_of
from optafly_cli.service.proxy.metrics import Metrics
from optafly_cli.service.proxy.problems import Refused
from optafly_cli.service.proxy.unseen import Unseen
from optafly_cli.service.proxy.upstream import Reply, Upstream
from optafly_cli.service.proxy.watching import Watch

MAX_REQUEST = 32 << 20
"""The API's own limit for POST /v1/messages."""
MAX_HELD = 256 << 20
MAX_WHOLE = 4 << 20
"""A reply that is not streamed and longer than this is passed on as it comes, and not kept."""
CACHE = b"x-optafly-cache"
Take = Callable[[int], bool]
_NO_STORE = Verdict("bypass", "store")


class Handler:
    """Answers requests that the guard has let in. `say` takes one line for the log."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        upstream: Upstream,
        mark: str,
        extra: dict[bytes, bytes],
        say: Callable[[str], None],
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._desk = desk
        self._upstream = upstream
        self._mark = mark.encode()
        self._extra = extra
        self._flights = Flights()
        self._room = Room(MAX_HELD)
        self._replies = Room(MAX_HELD)
        self._keeper = Keeper(desk, self.metrics, say)

    async def close(self) -> None:
        """Wait for what goes on after replies."""
        await self._keeper.close()

    async def pass_on(self, client: Client) -> None:
        """Send a request on and its reply back, both as they come."""
        headers = self._to_upstream(client.headers, readable=False)
        if not client.has_body:
            # Nothing is left to be read but that the client hangs up
            await client.while_there(self._pass(client, headers, b""))
            return
        if has(client.headers, b"transfer-encoding"):
            headers = [pair for pair in headers if pair[0] != b"content-length"]
            headers.append((b"transfer-encoding", b"chunked"))
        await self._pass(client, headers, None)

    async def _pass(self, client: Client, headers: Headers, body: bytes | None) -> None:
        content = client.chunks() if body is None else body
        async with self._upstream.send(client.method, client.target, headers, content) as reply:
            self._note_status(reply.status)
            await client.start(reply.status, response_headers(reply.headers, {}))
            if body is None:
                await client.while_there(self._relay(client, reply))
            else:
                await self._relay(client, reply)

    async def _relay(self, client: Client, reply: Reply) -> None:
        async with aclosing(reply.body) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                await client.write(chunk)
        await client.end()

    async def messages(self, client: Client) -> None:
        """Answer POST /v1/messages: from the store if it can, from the upstream if it must."""
        mode = _mode(client.headers)
        try:
            raw = await client.body(MAX_REQUEST, self._room)
            begun = time.monotonic()
            wanted = self._settings.cache.enabled and mode == "use"
            headers = [*end_to_end(client.headers), *self._added(client.headers).items()]
            found = await self._desk.open(raw, headers, client.query.decode("latin-1"), serve=wanted)
            try:
                if not await self._answered(client, found, begun):
                    await client.while_there(self._ask(client, raw, found, mode, begun))
            finally:
                if found.turn:
                    await found.turn.over()
        finally:
            self._room.give(client.held)
            self._keeper.warn()

    async def _answered(self, client: Client, found: Found, begun: float) -> bool:
        """Reply from the store, if it has an answer."""
        hit = found.lookup
        if found.call is None or not isinstance(hit, Hit):
            return False
        said = "hit; tier=exact"
        if hit.tier == "semantic":
            said = f"hit; tier=semantic; similarity={hit.similarity:.2f}; confidence={hit.confidence:.3f}"
        kind = b"text/event-stream; charset=utf-8" if found.call.stream else b"application/json"
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(found.replay)), (CACHE, said.encode())]
        if found.call.stream:
            headers.append((b"cache-control", b"no-cache"))
        await client.reply(200, headers, found.replay)
        usage = hit.entry.answer.usage
        self.metrics.count("optafly_hits_total", "tier", hit.tier)
        self.metrics.saved(usage.prompt_tokens + usage.output_tokens, hit.entry.cost or 0.0)
        self.metrics.observe("hit", time.monotonic() - begun)
        return True

    async def _ask(self, client: Client, raw: bytes, found: Found, mode: str, begun: float) -> None:
        """Send the question on, unless another client's answer to it can be waited for."""
        verdict, call = self._verdict(found, mode), found.call
        if call is None or verdict.status != "miss" or mode == "refresh":
            seen = await self._desk.peek(call) if call and verdict.keep and mode == "refresh" else None
            await self._forward(client, raw, found, Sent(verdict, call, seen, None, begun))
            return
        patience_s = self._settings.provider.timeout_s
        # Whose turn it is waits for nobody here: one of those could be waiting for the turn
        landed = None if found.turn else await self._flights.landing(call.key, patience_s)
        if landed or self._flights.landed_since(call.key, begun):
            again = await self._desk.look_again(call)
            if await self._answered(client, again, begun):
                return
        if landed is False:
            # One after the other could be long: an answer that cannot be kept is mostly followed by another
            await self._forward(client, raw, found, Sent(verdict, call, found.lookup, None, begun))
            return
        async with self._flights.flown(call.key) as flight, self._desk.alone(call, found.turn, patience_s) as turn:
            flight.then = turn.end
            if turn.found and await self._answered(client, turn.found, begun):
                flight.lands(kept=True)
                return
            await self._forward(client, raw, found, Sent(verdict, call, found.lookup, flight, begun))

    def _verdict(self, found: Found, mode: str) -> Verdict:
        if found.problem:
            self._keeper.report(found.problem)
            return _NO_STORE
        if found.reason:
            return Verdict("bypass", found.reason)
        if mode == "bypass" or not self._settings.cache.enabled:
            return Verdict("bypass", "asked" if mode == "bypass" else "disabled")
        if self._keeper.ill:
            return Verdict("bypass", "store", keep=True)
        if not isinstance(found.lookup, Miss):
            return Verdict("miss", "refresh", keep=True)
        for warning in found.lookup.warnings:
            self._keeper.once(warning)
        return Verdict("miss", found.lookup.reason, keep=True)

    async def _forward(self, client: Client, raw: bytes, found: Found, sent: Sent) -> None:
        planned = found.sending or Anchored(raw)
        if sent.call is not None and not found.sending:
            planned = await self._desk.anchored(sent.call, raw)
        body = planned.raw
        headers = self._to_upstream(client.headers, readable=sent.verdict.keep)
        headers = [pair for pair in headers if pair[0] != b"content-length"]
        headers.append((b"content-length", b"%d" % len(body)))
        unseen = Unseen(found.unseen, self._desk.holds_secret, lambda secret: self._count(sent.with_secret(secret)))
        try:
            async with self._upstream.send("POST", client.target, headers, body) as reply:
                sent = await self._passed_on(client, reply, sent.with_secret(unseen.secret), unseen, planned)
        finally:
            unseen.close()
        self.metrics.observe(sent.verdict.status, time.monotonic() - sent.begun)

    async def _passed_on(self, client: Client, reply: Reply, sent: Sent, unseen: Unseen, planned: Anchored) -> Sent:
        """Pass the reply on, and keep what may be kept; the request with what was found in it meanwhile."""
        self._note_status(reply.status)
        watch = None
        ours = {CACHE.decode(): sent.verdict.header, "x-optafly-anchors": str(planned.anchors)}
        if not sent.verdict.keep or reply.status != 200 or sent.call is None:
            await client.start(reply.status, response_headers(reply.headers, ours))
            await self._relay(client, reply)
        else:
            streamed = header_of(reply, b"content-type").startswith("text/event-stream")
            with self._replies.share() as take:
                watch = await (self._stream if streamed else self._whole)(client, reply, sent, unseen, ours, take)
        sent = sent.with_secret(await unseen.holds_secret())
        # Of what a secret is in there is not even a digest
        if sent.verdict.reason != "secret" and reply.status == 200:
            self._keeper.note(planned.sent, watch)
        return sent

    def _count(self, sent: Sent) -> None:
        verdict = sent.verdict
        name = "optafly_misses_total" if verdict.status == "miss" else "optafly_bypasses_total"
        self.metrics.count(name, "reason", verdict.reason)

    async def _kept(self, watch: Watch, reply: Reply, sent: Sent, unseen: Unseen) -> bool:
        """Store the answer if it may be, once the request is known to hold no secret; False: the store could not."""
        return await unseen.holds_secret() or await self._keeper.keep(watch, reply, sent)

    async def _stream(
        self, client: Client, reply: Reply, sent: Sent, unseen: Unseen, ours: dict[str, str], take: Take
    ) -> Watch:
        """Pass a stream on chunk by chunk; the one that completes the message goes when the answer is on disk."""
        watch = Watch(stream=True, coding=header_of(reply, b"content-encoding"))
        await client.start(reply.status, response_headers(reply.headers, ours))
        kept = prepared = False
        async with aclosing(reply.body) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                # No other chunk waits until it was read here
                held = watch.may_end_in(chunk)
                if not held:
                    await client.write(chunk)
                watch.feed(chunk, room=take(len(chunk)))
                if watch.complete and not kept:
                    kept = True
                    await self._kept(watch, reply, sent, unseen)
                elif watch.given_up and sent.flight:
                    sent.flight.lands(kept=False)
                if held:
                    await client.write(chunk)
                if not (kept or prepared):
                    prepared = True
                    unseen.begin()
                    self._keeper.prepare(sent)
        if not kept:
            await self._kept(watch, reply, sent, unseen)
        await client.end()
        return watch

    async def _whole(
        self, client: Client, reply: Reply, sent: Sent, unseen: Unseen, ours: dict[str, str], take: Take
    ) -> Watch:
        """Hold a reply that is not streamed until its answer is on disk; one that is too long for that is passed on."""
        watch = Watch(stream=False, coding=header_of(reply, b"content-encoding"))
        parts: list[bytes] = []
        held = 0
        unseen.begin()
        self._keeper.prepare(sent)
        async with aclosing(reply.body) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if client.status:
                    await client.write(chunk)
                    continue
                room = take(len(chunk))
                watch.feed(chunk, room=room)
                parts.append(chunk)
                held += len(chunk)
                if held > MAX_WHOLE or not room:
                    watch.given_up = watch.given_up or "too long"
                    await client.start(reply.status, response_headers(reply.headers, ours))
                    await client.write(b"".join(parts))
                    parts = []
        stored = await self._kept(watch, reply, sent, unseen)
        ours |= {CACHE.decode(): (sent.with_secret(unseen.secret).verdict if stored else _NO_STORE).header}
        if not client.status:
            await client.start(reply.status, response_headers(reply.headers, ours))
        await client.end(b"".join(parts))
        return watch

    def _note_status(self, status: int) -> None:
        if status >= 400:
            self.metrics.count("optafly_upstream_errors_total", "status", str(status))

    def _to_upstream(self, headers: Headers, *, readable: bool) -> list[tuple[bytes, bytes]]:
        return request_headers(
            headers, host=self._upstream.host, mark=self._mark, extra=self._added(headers), readable=readable
        )  # fmt: skip

    def _added(self, headers: Headers) -> dict[bytes, bytes]:
        """What our own environment adds: headers that the client did not set, a key only if it has none."""
        names = {name for name, _ in headers}
        if names & set(CREDENTIALS):
            names |= set(CREDENTIALS)
        return {name: value for name, value in self._extra.items() if name not in names}


def _mode(headers: Headers) -> str:
    """What the client asked for: use, bypass or refresh."""
    asked = first(headers, CACHE).lower()
    if asked not in ("", "bypass", "refresh"):
        raise Refused(400, "x-optafly-cache takes bypass or refresh")
    return asked or "use"
