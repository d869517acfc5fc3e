"""What the engine does for who asks: each question a head and some bytes, and so is each answer."""

from collections import OrderedDict
from pathlib import Path

from optafly_cli.cache.connections import Connections
from optafly_cli.cache.database import file_identity
from optafly_cli.cache.embedder import BUNDLED, Embedder
from optafly_cli.cache.engine.wire import Head
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.vectors import Wanted
from optafly_cli.cache.verifier.cross_encoder import CrossEncoder
from optafly_cli.cache.verifier.load import RECORD

MOST_STORES = 4
"""Stores that are held open: one is usual; a test may have many."""
MOST_VECTORS = 64
"""The vectors that were made last: the same text is asked for again when its neighbours are, and when it is kept."""


class RefusedError(Exception):
    """This cannot be done here. The message says why."""


class _OpenStore(Connections):
    """One store's reader and index; opened anew when the database file is another one."""

    def __init__(self, folder: Path, embedder: str) -> None:
        super().__init__(folder)
        self.index = Index(folder, embedder)
        self.file = file_identity(folder)

    def nearest(self, wanted: Wanted, vector: bytes, limit: int) -> Head:
        import numpy as np

        connection = self._reader()
        if connection is None:
            raise RefusedError("there is no store")
        self.index.notices.clear()
        found = self.index.nearest(connection, wanted, np.frombuffer(vector, dtype=np.float32), limit)
        return {"found": [(one.id, one.similarity) for one in found], "notices": self.index.notices[:]}


class Work:
    """The models, loaded once, and the stores that were asked for last. For one thread."""

    def __init__(self) -> None:
        """Load the models. Raises EmbedderUnavailable, ModelUnusableError, ImportError."""
        self._embedder = Embedder.load()
        self._cross_encoder = CrossEncoder.load(RECORD)
        self._vectors: OrderedDict[str, bytes] = OrderedDict()
        self._stores: OrderedDict[Path, _OpenStore] = OrderedDict()

    def warm(self) -> None:
        """Use each once: the first use is slower than the others."""
        self._embedder.embed(["warm"])
        self._cross_encoder.logit("warm", "warm up")

    def answer(self, head: Head) -> tuple[Head, bytes]:
        """The answer to one question.

        Raises:
            RefusedError: it cannot be answered here.
            KeyError, TypeError, ValueError: it is no question.
        """
        if head.get("model", BUNDLED) != BUNDLED:
            raise RefusedError("only the shipped embedding model is held here")
        match head["ask"]:
            case "embed":
                return {}, self._vector(str(head["text"]))
            case "logit":
                return {"logit": self._cross_encoder.logit(str(head["first"]), str(head["second"]))}, b""
            case "nearest":
                wanted = Wanted(
                    bytes.fromhex(head["partition"]),
                    str(head["embedder"]),
                    float(head["since"]),
                    bytes.fromhex(head["but"]),
                )
                vector = self._vector(str(head["text"]))
                return self._store(Path(head["folder"])).nearest(wanted, vector, int(head["limit"])), b""
        raise RefusedError("nobody knows what that asks")

    def close(self) -> None:
        """Let go of the stores."""
        while self._stores:
            self._stores.popitem()[1].close()

    def _vector(self, text: str) -> bytes:
        made = self._vectors.pop(text, None) or self._embedder.embed([text])[0].tobytes()
        self._vectors[text] = made
        if len(self._vectors) > MOST_VECTORS:
            self._vectors.popitem(last=False)
        return made

    def _store(self, folder: Path) -> _OpenStore:
        found = self._stores.pop(folder, None)
        if found is not None and found.file != file_identity(folder):
            found.close()
            found = None
        self._stores[folder] = found = found or _OpenStore(folder, self._embedder.identity)
        if len(self._stores) > MOST_STORES:
            self._stores.popitem(last=False)[1].close()
        return found
