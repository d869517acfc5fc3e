"""The shipped verifier: real weights, real data where it is here, and what is said of a file that is another one."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.cache.embedder import BUNDLED, Embedder
from optafly_cli.cache.guard.vetoes import compare
from optafly_cli.cache.promise.calibration import shipped
from optafly_cli.cache.promise.certificate import certify, upper_bound
from optafly_cli.cache.spelling import embedded_form
from optafly_cli.cache.types import VerifierUnavailable
from optafly_cli.cache.verifier.features import NAMES, features
from optafly_cli.cache.verifier.load import RECORD, StackedVerifier, load_verifier
from optafly_cli.config.settings import CacheSettings

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "tests" / "data" / "developer_pairs.jsonl"
PUBLIC = ROOT.parent / "shared" / "data" / "semcache"
WORDS = [
    "fix",
    "the",
    "bug",
    "in",
    "parser",
    "add",
    "a",
    "test",
    "rename",
    "it",
    "why",
    "does",
    "fail",
    "Leeds",
    "3",
    "not",
]
PROMPTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)


@pytest.fixture(scope="module")
def verifier() -> StackedVerifier:
    """The shipped one, loaded once."""
    return load_verifier()


def served(verifier: StackedVerifier, minilm: Embedder, rows: list[dict[str, str]]) -> list[bool]:
    """Which pairs the whole decision serves: gate, vetoes, verifier and certificate at the default rate."""
    sides = [minilm.embed([embedded_form(row[side]) for row in rows]) for side in "ab"]
    threshold = certify(shipped().labels, shipped().grid, CacheSettings().max_error_rate).threshold or 2.0
    found = []
    for row, cosine in zip(rows, (sides[0] * sides[1]).sum(axis=1).tolist(), strict=True):
        passes = cosine >= CacheSettings().similarity and compare(row["a"], row["b"]).veto is None
        found.append(passes and verifier.probability(row["b"], row["a"], cosine) >= threshold)
    return found


@settings(max_examples=30)
@given(PROMPTS, PROMPTS, st.floats(0.85, 1.0))
def test_it_is_symmetric_and_a_probability(one: str, other: str, cosine: float) -> None:
    """Which prompt was stored and which is asked never matters; the answer lies between 0 and 1."""
    verifier = load_verifier_once()
    there, back = verifier.probability(one, other, cosine), verifier.probability(other, one, cosine)
    assert there == back
    assert 0.0 <= there <= 1.0


def test_nearer_is_never_less_likely(verifier: StackedVerifier) -> None:
    """With the same words a higher cosine never lowers the probability: the weights are held to that."""
    low, high = (verifier.probability("speed up the parser", "make the parser faster", c) for c in (0.86, 0.97))
    assert low <= high


def test_features_are_in_the_order_of_their_names() -> None:
    """As many numbers as names, and the same pair is the same in every one that counts a difference."""
    values = dict(zip(NAMES, features(1.5, 0.9, compare("fix the bug", "please fix the bug")), strict=True))
    assert (values["logit"], values["same"], values["lonely"], values["turned"]) == (1.5, 1.0, 0.0, 0.0)
    other = dict(zip(NAMES, features(1.5, 0.9, compare("recieve the parcel", "receive the package")), strict=True))
    assert other["slips"] + other["lonely"] + other["lonely_more"] > 0


def test_the_certificate_is_for_this_verifier(verifier: StackedVerifier) -> None:
    """The shipped labels were made with the shipped weights, and bound the default rate where they promise it."""
    assert shipped().verifier == verifier.identity
    granted = certify(shipped().labels, shipped().grid, CacheSettings().max_error_rate)
    if granted.threshold is not None:
        assert granted.served >= 299
        assert upper_bound(granted.wrong, granted.served) <= CacheSettings().max_error_rate


def test_what_is_read_as_the_same_needs_no_model() -> None:
    """Two that the rules read as the same have one probability, above every threshold: the model is not asked."""

    def never(first: str, second: str) -> float:
        raise AssertionError("the cross-encoder was asked")

    strictest = shipped().grid[0]
    for one, other in (("fix this bug", "please fix this bug"), ("explain what this does", "tell me what this does")):
        assert compare(one, other).same
        assert StackedVerifier(elsewhere=never).probability(one, other, 0.9) > strictest


@pytest.mark.slow
def test_the_developer_suite(verifier: StackedVerifier, minilm: Embedder) -> None:
    """No trap of the tune half is answered, of both halves one in two hundred, and 45 in a hundred rewordings."""
    rows = [json.loads(line) for line in SUITE.read_text("utf-8").splitlines()]
    hits = [row for row, hit in zip(rows, served(verifier, minilm, rows), strict=True) if hit]
    wrong = [row for row in hits if not row["same_answer"]]
    same = sum(row["same_answer"] for row in rows)
    assert [row["half"] for row in wrong if row["half"] == "tune"] == []
    assert len(wrong) <= 0.005 * (len(rows) - same)
    assert len(hits) - len(wrong) >= 0.45 * same


@pytest.mark.parametrize(
    ("name", "at_least"), [("fow_pairs", 0.45), pytest.param("nl2bash_pairs", 0.13, marks=pytest.mark.slow)]
)
def test_public_traps(verifier: StackedVerifier, minilm: Embedder, name: str, at_least: float) -> None:
    """On labelled public pairs no more than one trap in two hundred is answered, and no fewer than were before."""
    path = PUBLIC / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not here: it may not be in the repository")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    hits = served(verifier, minilm, rows)
    same = [bool(row["same_answer"]) for row in rows]
    wrong = sum(hit and not right for hit, right in zip(hits, same, strict=True))
    right = sum(hit and right for hit, right in zip(hits, same, strict=True))
    assert wrong <= 0.005 * (len(rows) - sum(same))
    assert right >= at_least * sum(same)


def test_another_embedding_model_has_no_shipped_labels() -> None:
    """Cosines of another model are other numbers: nothing is promised of them."""
    assert load_verifier("all-mpnet-base-v2").identity == f"{load_verifier(BUNDLED).identity}+all-mpnet-base-v2"


@pytest.mark.parametrize("name", ["model.onnx", "verifier.json"])
def test_a_missing_file_is_said(tmp_path: Path, name: str) -> None:
    """Without a file the verifier is unavailable, in one sentence that names it."""
    copy = shutil.copytree(RECORD.parent, tmp_path / "verifier", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (copy / name).unlink()
    with pytest.raises(VerifierUnavailable, match=f"{name} is missing"):
        StackedVerifier(copy / "verifier.json").probability("a b", "a c", 0.9)


@pytest.mark.parametrize("change", [{"features": ["logit"]}, {"weights": [1.0]}])
def test_weights_for_other_features_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """A record that is for other features than the code counts is never used."""
    facts = {**json.loads(RECORD.read_text("utf-8")), **change}
    (tmp_path / "verifier.json").write_text(json.dumps(facts), "utf-8")
    with pytest.raises(VerifierUnavailable, match="is for other features"):
        _ = StackedVerifier(tmp_path / "verifier.json").identity


_LOADED: list[StackedVerifier] = []


def load_verifier_once() -> StackedVerifier:
    """For properties, which cannot take a fixture of the module."""
    if not _LOADED:
        _LOADED.append(load_verifier())
    return _LOADED[0]
