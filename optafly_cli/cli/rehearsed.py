"""A semantic hit for nobody: in a database in memory, with the answers of an engine that was asked nothing.

As `preload.rehearse`, of which this is a part: what a hit reads and writes is in place for the real one.
"""

import socket
import sqlite3
import time
from pathlib import Path

from optafly_cli.cache import schema
from optafly_cli.cache.embedder import Embedder, EmbedderUnavailable
from optafly_cli.cache.engine import wire
from optafly_cli.cache.engine.client import EngineClient
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.loaded import Loaded
from optafly_cli.cache.lookup import Embedding, asked, look_up
from optafly_cli.cache.types import Evidence, Hit, Lookup, Question, Scope
from optafly_cli.cache.writing import count_hit, entry_values, put_entry
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer, Usage

_STORED, ASKED = "please fix the bug in this file", "repair this fiel's bug"
_ENVIRONMENT = {"REHEARSED_TOKEN": "ab12-cd34 / ef56", "REHEARSED_URL": "https://user:password@host"}
"""As may be in a command's: how such values are looked for is compiled once."""


def semantic_hit(nowhere: Path) -> Lookup:
    """Store an answer, ask for it in other words, and count the hit. Nothing is left of it."""
    from optafly_cli.workspace.secrets import redact

    settings = CacheSettings()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    here, there = socket.socketpair()
    with here, there:
        loaded = Loaded(nowhere, settings, _no_model, None, None, EngineClient(nowhere, connection=here))
        index = Index(nowhere, loaded.identity)
        schema.migrate(connection)
        ask = asked(_question(_STORED), settings, time.time())
        answer = Answer("It is fixed.", "m", "end_turn", Usage(1, 1), {"content": []}, None)
        number = put_entry(connection, entry_values(ask, answer, Evidence(), Embedding(b"", index), None, None))
        # One for each that may be asked, whichever it is
        said = wire.packed({"found": [(number, 0.97)], "notices": [], "logit": 6.0}, bytes(4))
        there.sendall(said * 3)
        ask = asked(_question(ASKED), settings, time.time())
        found = look_up(connection, ask, settings, loaded)
        if isinstance(found, Hit):
            count_hit(connection, found, ASKED, ask.now)
        redact(ASKED, _ENVIRONMENT)
    connection.close()
    return found


def _no_model() -> Embedder:
    raise EmbedderUnavailable("a rehearsal has none")


def _question(text: str) -> Question:
    scope = Scope(workspace="", headline="", namespace="", model="m")
    return Question(
        prompt=text, instruction=text, exact=text, scope=scope, named=Evidence(), state=str, reselect=lambda _: ""
    )
