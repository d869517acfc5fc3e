"""Make the verifier: train the cross-encoder, fit the stack, export both. About 80 minutes on 2 cores.

    apt-get install wordnet-base
    python -m venv /tmp/train && /tmp/train/bin/pip install torch==2.13.0
    /tmp/train/bin/pip install -c constraints.txt -e '.[training]'
    /tmp/train/bin/python -m training.train                    # writes optafly_cli/cache/verifier/
    /tmp/train/bin/python -m training.calibrate                # writes optafly_cli/cache/promise/calibration.json
    /tmp/train/bin/python -m training.train --weights W.pt --first 9    # the stack alone, for a cross-encoder

Needs ../shared/data/semcache (its licences: that folder's README) and training/pairs. docs/verifier.md has the figures.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import onnx
import torch
from sklearn.model_selection import GroupKFold

from optafly_cli.cache.embedder import MODEL_FOLDER, Embedder
from optafly_cli.cache.embedder import RECORD as EMBEDDER_RECORD
from optafly_cli.cache.guard.vetoes import compare
from optafly_cli.cache.verifier import cross_encoder as runtime
from optafly_cli.cache.verifier.features import NAMES
from optafly_cli.cache.verifier.load import RECORD
from optafly_cli.cache.vocabulary import pieces_of
from scripts.export_model import CALIBRATION, CHOSEN, maxima, source
from scripts.minilm_graph import build_classifier
from training.cross_encoder import CrossEncoder, logits, tokenizer_at, train
from training.data import PAIRS, PUBLIC, STAGES, Pair, for_cross_encoder, for_stack, groups
from training.stack import Rows, Stack, calibration_error, fit, seen, table
from training.weights import unpack

THREADS = 2
AGREEMENT = 0.35
"""The exported graph may move a logit by so much (root of the mean square over 500 pairs)."""


def trained(weights: list[Path], first: int, out: Path) -> CrossEncoder:
    """The cross-encoder, trained from stage `first` on, starting with the mean of `weights` or with the embedder's.

    Each stage leaves its weights beside `out`.
    """
    torch.manual_seed(STAGES[0].seed)
    torch.set_num_threads(THREADS)
    model = CrossEncoder(source(hub=False))
    if weights and weights[0].suffix == ".onnx":
        unpack(weights[0], model)
    elif weights:
        states = [torch.load(path) for path in weights]
        model.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    tokenizer = tokenizer_at(MODEL_FOLDER)
    tokenizer.no_truncation()
    for number, stage in enumerate(STAGES[first:], first + 1):
        epochs = [for_cross_encoder(stage, epoch) for epoch in range(stage.epochs)]
        print(f"{stage}: {len(epochs[0]):,} pairs an epoch", flush=True)
        train(model, tokenizer, epochs, seed=stage.seed, rate=stage.rate)
        torch.save(model.state_dict(), out.with_stem(f"{out.stem}-{number}"))
    return model


def export(model: CrossEncoder, folder: Path) -> None:
    """Write model.onnx: int8 as the embedder's (scripts/export_model.py)."""
    weights = {name.removeprefix("encoder."): value.numpy() for name, value in model.state_dict().items()}
    pieces = pieces_of(MODEL_FOLDER / EMBEDDER_RECORD)
    pairs = groups(held_out=False, rng=Random(1))
    codes = [
        runtime.codes_of(*map(pieces, runtime.pair(pair.a, pair.b))) for pair in pairs[:: len(pairs) // CALIBRATION]
    ]
    proto = build_classifier(weights, CHOSEN, maxima(weights, codes, classifier=True))
    onnx.checker.check_model(proto)
    (folder / runtime.FILE).write_bytes(proto.SerializeToString(deterministic=True))


def write_record(record: Path, stack: Stack, same: float, figures: dict[str, object]) -> None:
    """verifier.json: the stack, and what the files are."""
    model = hashlib.sha256((record.parent / runtime.FILE).read_bytes()).hexdigest()
    unit: dict[str, object] = {
        "same": same,
        "features": list(NAMES),
        "weights": [round(float(weight), 6) for weight in stack.weights],
        "intercept": round(stack.intercept, 6),
    }
    identity = hashlib.sha256((model + json.dumps(unit, sort_keys=True)).encode()).hexdigest()[:12]
    facts = {"identity": f"stack@{identity}", "sha256": {runtime.FILE: model}, **unit, "figures": figures}
    record.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def agreement(model: CrossEncoder, exported: runtime.CrossEncoder, pairs: list[Pair]) -> float:
    """Root of the mean square difference of logits, trained against exported, in the mean of both orders."""
    tokenizer = tokenizer_at(MODEL_FOLDER)
    tokenizer.no_truncation()
    before = (logits(model, tokenizer, pairs) + logits(model, tokenizer, pairs, turned=True)) / 2
    after = np.array([exported.logit(*runtime.pair(pair.a, pair.b)) for pair in pairs])
    return float(np.sqrt(((before - after) ** 2).mean()))


def out_of_fold(rows: Rows, labels: Rows, weights: Rows, names: list[str]) -> Rows:
    """Probabilities of the stack for pairs that it was not fitted on, five folds by group."""
    found = np.zeros(len(labels))
    for one, other in GroupKFold(5).split(rows, labels, names):
        found[other] = fit(rows[one], labels[one], weights[one]).probability(rows[other])
    return found


def read_as_same(figures: dict[str, object]) -> float:
    """How often a pair is right that the guard reads as the same: rule of succession over our groups (Laplace 1814)."""
    pairs = [*groups(held_out=False, rng=Random(1)), *groups(held_out=True, rng=Random(1))]
    labels = [pair.label for pair in pairs if compare(pair.a, pair.b).same]
    figures["read_as_the_same"] = [len(labels), int(sum(labels))]
    return round((sum(labels) + 1) / (len(labels) + 2), 6)


def digests() -> dict[str, str]:
    """SHA-256 of every file that the training read."""
    files = [*sorted(PAIRS.glob("*.jsonl")), *sorted(PUBLIC.glob("*.jsonl*"))]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def main() -> int:
    """Train, fit, export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument(
        "--weights", type=Path, nargs="+", help="a model.onnx to go on from, or the mean of several .pt"
    )
    parser.add_argument("--first", type=int, default=0, help=f"the first stage to run, from 0; {len(STAGES)} runs none")
    parser.add_argument("--out", type=Path, default=Path("cross-encoder.pt"), help="where the trained one goes")
    arguments = parser.parse_args()
    model = trained(arguments.weights or [], arguments.first, arguments.out)
    export(model, RECORD.parent)
    # The digest of the model has to be in place before it can be loaded
    write_record(RECORD, Stack(np.zeros(len(NAMES)), 0.0), 0.5, {})
    exported = runtime.CrossEncoder.load(RECORD)

    pairs = for_stack()
    found = seen(pairs, Embedder.load())
    reaching = np.flatnonzero(found.reaches)
    values: npt.NDArray[np.float32] = np.zeros(len(pairs), dtype=np.float32)
    values[reaching] = [exported.logit(*runtime.pair(pairs[at].a, pairs[at].b)) for at in reaching]
    rows = table(found, values)[reaching]
    kept = [pairs[at] for at in reaching]
    labels = np.array([pair.label for pair in kept])
    weights = np.array([pair.weight for pair in kept])
    held = out_of_fold(rows, labels, weights, [pair.a for pair in kept])
    print("out of fold, at or above:")
    for threshold in (0.99, 0.985, 0.98, 0.975, 0.97, 0.96, 0.95, 0.93, 0.9):
        served = held >= threshold
        print(f"  {threshold:.3f}  {int(served.sum()):5} pairs, wrong {int((served & (labels == 0)).sum())}")
    figures: dict[str, object] = {
        "pairs_for_the_stack": len(kept),
        "of_them_same": int(labels.sum()),
        "ece_out_of_fold": round(calibration_error(held, labels), 4),
        "int8_rmse_of_logits": round(agreement(model, exported, kept[:500]), 4),
        "data": digests(),
    }
    write_record(RECORD, fit(rows, labels, weights), read_as_same(figures), figures)
    print(json.dumps({**figures, "data": "…"}, indent=2))
    if float(str(figures["int8_rmse_of_logits"])) > AGREEMENT:
        print("the exported graph does not agree with the trained one", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
