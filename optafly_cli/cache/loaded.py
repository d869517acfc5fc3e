"""The embedding model and the verifier of one store, each loaded when it is first needed."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.cache.embedder import embedder_identity
from optafly_cli.cache.lookup import Embedding, not_comparable
from optafly_cli.cache.types import Question, Verifier
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.embedder import Embedder
    from optafly_cli.cache.engine.protocol import Engine
    from optafly_cli.cache.index.index import Index
    from optafly_cli.cache.promise.calibration import Calibration
    from optafly_cli.cache.promise.force import Promise
    from optafly_cli.cache.vectors import Candidate, Wanted

T = TypeVar("T")
_KEPT = 64
"""Vectors that are kept: of a miss that is remembered next, and of those that a proxy has under way."""
LoadEmbedder = Callable[[], "Embedder"]
LoadVerifier = Callable[[], Verifier | None]


class Loaded:
    """Embeds instructions for the store in `folder`, and says what is promised of its semantic hits.

    `engine` does the work as long as it answers; then, and without one, it is done here. `load_verifier` replaces the
    shipped verifier (None from it: the similarity decides alone, and nothing is promised), `calibration` the shipped
    labels.
    """

    def __init__(
        self,
        folder: Path,
        settings: CacheSettings,
        load_embedder: LoadEmbedder | None,
        load_verifier: LoadVerifier | None,
        calibration: "Calibration | None",
        engine: "Engine | None" = None,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._load_embedder = load_embedder
        self._load_verifier = load_verifier
        self._calibration = calibration
        self._engine = engine
        self._embedder: Embedder | None = None
        self._promise: Promise | None = None
        self._index: Index | None = None
        self._last = ""
        self._embedded: OrderedDict[str, Embedding] = OrderedDict()

    @property
    def embedder(self) -> "Embedder":
        """The embedding model.

        Raises:
            EmbedderUnavailable: there is none to use.
        """
        from optafly_cli.cache.embedder import Embedder

        if self._embedder is None:
            load_it = self._load_embedder or (lambda: Embedder.load(self._settings.embedding_model))
            self._embedder = load_it()
        return self._embedder

    @property
    def identity(self) -> str:
        """What vectors of this store's embedding model are comparable under. Raises EmbedderUnavailable."""
        return self.embedder.identity if self._engine is None else embedder_identity(self._settings.embedding_model)

    def expect(self, instruction: str) -> bool:
        """Have the engine begin with an instruction that will probably be embedded; False without an engine."""
        if self._engine is None:
            return False
        if instruction not in self._embedded:
            from optafly_cli.cache.spelling import embedded_form

            self._engine.expect_embed(self._settings.embedding_model, embedded_form(instruction))
        return True

    def expect_nearest(self, wanted: "Wanted", instruction: str, limit: int) -> bool:
        """Have the engine begin with what `nearest` will ask; False without an engine: nothing was begun."""
        if self._engine is None:
            return False
        from optafly_cli.cache.spelling import embedded_form

        text = embedded_form(instruction)
        self._engine.expect_nearest(self._folder, self._settings.embedding_model, wanted, text, limit)
        return True

    def expect_pair(self, asked: str, stored: str) -> None:
        """Have the engine begin with a pair that the verifier will probably be asked about."""
        if self._engine is not None:
            from optafly_cli.cache.verifier.cross_encoder import pair

            self._engine.expect_logit(*pair(asked, stored))

    def embedding(self, instruction: str) -> Embedding:
        """The vector of an instruction (`spelling.embedded_form`); the last ones are kept: a miss is remembered next.

        Raises:
            EmbedderUnavailable: there is no embedding model to use.
        """
        found = self._embedded.pop(instruction, None) or self._made(instruction)
        if instruction != self._last:
            found.index.notices.clear()
        self._last = instruction
        self._embedded[instruction] = found
        if len(self._embedded) > _KEPT:
            self._embedded.popitem(last=False)
        return found

    def _made(self, instruction: str) -> Embedding:
        from optafly_cli.cache.index.index import Index
        from optafly_cli.cache.spelling import embedded_form

        text = embedded_form(instruction)
        blob = self._elsewhere(lambda engine: engine.embed(self._settings.embedding_model, text))
        identity = embedder_identity(self._settings.embedding_model) if blob else self.embedder.identity
        self._index = self._index or Index(self._folder, identity)
        return Embedding(blob or self.embedder.embed([text])[0].tobytes(), self._index)

    def nearest(
        self, connection: sqlite3.Connection, wanted: "Wanted", instruction: str, limit: int
    ) -> "tuple[list[Candidate], list[str]]":
        """The `limit` wanted entries nearest to an instruction (`Index.nearest`), and notices for the user.

        Raises:
            EmbedderUnavailable: there is no embedding model to use.
        """
        from optafly_cli.cache.spelling import embedded_form

        model, text = self._settings.embedding_model, embedded_form(instruction)
        found = self._elsewhere(lambda engine: engine.nearest(self._folder, model, wanted, text, limit))
        if found is not None:
            return found
        embedding = self.embedding(instruction)
        return embedding.index.nearest(connection, wanted, embedding.vector, limit), embedding.index.notices

    def _elsewhere(self, ask: "Callable[[Engine], T]") -> T | None:
        """What the engine says; None without one, and from the first time on that it fails."""
        from optafly_cli.cache.engine.protocol import EngineUnavailable

        if self._engine is None:
            return None
        try:
            return ask(self._engine)
        except EngineUnavailable:
            self._engine = None
            return None

    def embedding_to_keep(self, question: Question) -> Embedding | None:
        """The vector that an entry keeps; None where only the very same words may hit, or without a model."""
        from optafly_cli.cache.embedder import EmbedderUnavailable

        if not_comparable(question):
            return None
        try:
            return self.embedding(question.instruction)
        except EmbedderUnavailable:
            return None

    def promise(self) -> "Promise | None":
        """The verifier with what may be promised of it; None without a verifier.

        Raises:
            VerifierUnavailable: there should be one, and it cannot be used.
        """
        from optafly_cli.cache.promise.force import Promise
        from optafly_cli.cache.verifier.load import load_verifier

        if self._promise is None:
            load_it = self._load_verifier or (lambda: load_verifier(self._settings.embedding_model, self._logit))
            verifier = load_it()
            if verifier is not None:
                self._promise = Promise(verifier, self._settings.max_error_rate, self._calibration)
        return self._promise

    def _logit(self, first: str, second: str) -> float | None:
        """The engine's, None when it is to be computed here."""
        return self._elsewhere(lambda engine: engine.logit(first, second))

    def close(self) -> None:
        """Let go of the engine; what was loaded here stays."""
        if self._engine is not None:
            self._engine.close()
