"""What is compared: the decisions of the cache room, of plain cosine, and of the whole store, pair by pair."""

import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.embedding import Embedded
from benchmarks.labelled import Pair
from optafly_cli.cache import spelling
from optafly_cli.cache.guard.vetoes import veto
from optafly_cli.cache.lookup import exact_only
from optafly_cli.cache.promise.force import Promise, Standing
from optafly_cli.cache.scope import canonical, pasted_digest
from optafly_cli.cache.store import Store
from optafly_cli.cache.text import exact_form, instruction_of, pasted_code
from optafly_cli.cache.types import Evidence, Hit, Question, Scope
from optafly_cli.cache.verifier.load import load_verifier
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer, Usage

PLAIN_COSINE = 0.85
_ROUNDING = 1e-6
_ANSWER = Answer("stored", "m", "end_turn", Usage(1, 1), {"content": [{"type": "text", "text": "stored"}]}, "r")


class Decision(NamedTuple):
    """Whether the stored answer would be served, how sure that is (0: refused), and why not."""

    served: bool
    score: float
    reason: str = ""


def decide(a: str, b: str, cosine: float) -> Decision:
    """Would the answer to the stored prompt `a` be served for `b`? The one place where the benchmark asks the product.

    The decision of `cache.lookup` for one candidate: exact form, what only the very same words may hit, the guard, the
    gate, the verifier against the certified threshold. Below the gate it is asked, too, so that scores can be swept.
    """
    if exact_form(a) == exact_form(b):
        return Decision(True, 1.0)
    for prompt in (a, b):
        if limited := exact_only(instruction_of(prompt), prompt):
            return Decision(False, 0.0, limited.reason)
    if pasted_digest(pasted_code(a)) != pasted_digest(pasted_code(b)):
        return Decision(False, 0.0, "scope:pasted")
    asked, stored = instruction_of(b), instruction_of(a)
    if refused := veto(asked, stored):
        return Decision(False, 0.0, f"veto:{refused.name}")
    promise, standing = in_force()
    score = promise.verifier.probability(asked, stored, cosine)
    if cosine < CacheSettings().similarity - _ROUNDING:
        return Decision(False, score, "similarity")
    if standing.threshold is None:
        return Decision(False, score, standing.state)
    return Decision(score >= standing.threshold, score, "" if score >= standing.threshold else "unsure")


@cache
def in_force() -> tuple[Promise, Standing]:
    """The shipped verifier and the certificate at the default rate: the one configuration that is measured."""
    promise = Promise(load_verifier(), CacheSettings().max_error_rate)
    return promise, promise.standing(None)


def decide_pair(pair: Pair, cosine: float) -> Decision:
    """`decide`, for a pair that may have earlier turns: other turns are another scope."""
    if canonical(pair.turns_a) != canonical(pair.turns_b):
        return Decision(False, 0.0, "scope:turns")
    return decide(pair.a, pair.b, cosine)


def embedded_form(prompt: str) -> str:
    """The text of a prompt whose vector the store keeps."""
    return spelling.embedded_form(instruction_of(prompt))


def question_of(prompt: str, *, turns: object = None, namespace: str = "") -> Question:
    """The prompt as the cache sees it, about nothing but itself."""
    return Question(
        prompt=prompt,
        instruction=instruction_of(prompt),
        exact=exact_form(prompt),
        scope=Scope(
            "/bench", "bench", namespace, "m", pasted=pasted_digest(pasted_code(prompt)), turns=canonical(turns)
        ),
        named=Evidence(),
        state=str,
        reselect=str,
    )


def through_the_store(pairs: Sequence[Pair], vectors: Embedded) -> tuple[list[bool], list[float]]:
    """Whether the real store, with one answer in the partition, serves each pair; and the milliseconds of `look_up`.

    SQLite, scope, evidence and guard are in that time; the embedding is a look-up.
    """
    served, spent = [], []
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as name:
        store = Store.open(
            Path(name, "store"), CacheSettings(), load_embedder=vectors.as_embedder, load_verifier=load_verifier
        )
        with store:
            for number, pair in enumerate(pairs):
                stored = question_of(pair.a, turns=pair.turns_a, namespace=str(number))
                asked = question_of(pair.b, turns=pair.turns_b, namespace=str(number))
                store.remember(stored, _ANSWER, evidence=Evidence(), cost=None)
                start = time.perf_counter()
                found = store.look_up(asked)
                spent.append((time.perf_counter() - start) * 1000)
                served.append(isinstance(found, Hit))
    return served, spent
