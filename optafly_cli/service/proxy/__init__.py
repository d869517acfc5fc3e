"""The HTTP proxy behind `optafly serve`: the Messages API in front of the store and of an upstream.

In: HTTP requests. Out: stored answers, or what the upstream answers, byte for byte. It composes cache, route and
provider as `pipeline` does for `ask`: `call`, `anchoring`, `replay` and `watching` are pure, `desk` owns the threads
that touch the store, `upstream` the connections, `handler` puts them together, `app` is the door, `server` the process.
It may not log or keep a key, and nothing that blocks runs on its event loop.
"""
