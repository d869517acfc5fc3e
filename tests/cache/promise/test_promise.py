"""The promise in the store: what is served under it, what its labels come from, and how it ends and begins again."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from optafly_cli.cache import schema
from optafly_cli.cache.database import FILE
from optafly_cli.cache.promise import force
from optafly_cli.cache.promise.calibration import shipped
from optafly_cli.cache.promise.reject import Rejected
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit, Lookup, Miss, VerifierUnavailable
from optafly_cli.errors import UsageError
from tests.cache.promise.conftest import Verified, WordVerifier, calibration, labels
from tests.cache.support import Clock, OpenStore, Project, answer, keep, maintained

ASKED, FAR = "describe this function", "what does this function do"
"""The verifier gives "explain this function" 0.5 with the first of them; "fix this bug" 0.5 with "repair this bug"."""


def hit(found: Lookup) -> Hit:
    assert isinstance(found, Hit), found
    return found


def miss(found: Lookup) -> Miss:
    assert isinstance(found, Miss), found
    return found


def rows(store: Store) -> list[tuple[str, float, int, int, str]]:
    """The labels of the store: source, probability, served, right, instruction."""
    with sqlite3.connect(store.folder / FILE) as connection:
        query = "SELECT source, probability, served, right, instruction FROM label ORDER BY id"
        return connection.execute(query).fetchall()


def test_a_hit_says_how_sure_it_is(project: Project, verified: Verified) -> None:
    """Above the certified threshold other words are answered, with the verifier's probability as confidence."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    found = hit(store.look_up(project.ask("please fix this bug")))
    assert (found.tier, found.confidence, found.verifier) == ("semantic", 1.0, "words@1")
    assert "probability 1.0000" in found.reason


def test_an_unsure_candidate_is_kept_back(project: Project, verified: Verified) -> None:
    """Below the threshold it is a miss that says both numbers and which entry was near."""
    store = verified()
    number = keep(store, project.ask("fix this bug"))
    found = miss(store.look_up(project.ask("repair this bug")))
    assert (found.reason, found.nearest) == ("unsure", number)
    assert found.detail == "the stored answer fits with a probability of 50%, below the 80% that the promise takes"
    assert found.near is not None
    assert (found.near.entry, found.near.probability, found.near.verifier) == (number, 0.5, "words@1")


def test_a_vetoed_candidate_is_never_near(project: Project, verified: Verified) -> None:
    """What the guard refuses is not asked about, however high the probability would be."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    found = miss(store.look_up(project.ask("do not fix this bug")))
    assert found.reason == "veto:negation"
    assert found.near is None


def test_without_a_certificate_only_exact_hits(project: Project, verified: Verified) -> None:
    """Too few labels: other words miss with the reason, the very same words still hit, and stats say why."""
    store = verified(calibration(labels(200)))
    keep(store, project.ask("fix this bug"))
    found = miss(store.look_up(project.ask("please fix this bug")))
    assert found.reason == "no_certificate"
    assert found.detail == "the asked rate 1% needs at least 299 checked answers without a mistake; there are 200"
    assert found.near is not None
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"
    semantic = store.stats().semantic
    assert semantic is not None
    assert (semantic.served, semantic.state, semantic.reason) == (False, "no_certificate", found.detail)


def test_a_stricter_rate_needs_more(project: Project, verified: Verified) -> None:
    """What suffices for 1% does not for 0.1%."""
    keep(verified(), project.ask("fix this bug"))
    assert hit(verified().look_up(project.ask("please fix this bug"))).tier == "semantic"
    found = miss(verified(max_error_rate=0.001).look_up(project.ask("please fix this bug")))
    assert (found.reason, "0.1% needs at least 2,995" in found.detail) == ("no_certificate", True)


def test_labels_of_another_verifier_promise_nothing(project: Project, verified: Verified) -> None:
    """A new verifier begins without a certificate until labels of its own ship."""
    store = verified(verifier="words@2")
    keep(store, project.ask("fix this bug"))
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "no_certificate"


def test_a_verifier_that_cannot_be_used(project: Project, open_store: OpenStore) -> None:
    """Its failure is a warning, and other words miss; they are never answered without it."""

    def missing() -> None:
        raise VerifierUnavailable("the verifier's file is missing")

    store = open_store(load_verifier=missing)
    keep(store, project.ask("fix this bug"))
    found = miss(store.look_up(project.ask("please fix this bug")))
    assert (found.reason, found.warnings) == ("no_verifier", ("the verifier's file is missing",))
    semantic = store.stats().semantic
    assert semantic is not None
    assert (semantic.served, semantic.state) == (False, "unavailable")


def test_shipped_labels_that_cannot_be_read(
    project: Project, open_store: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation without its labels: no certificate, with the file in the reason; the store works on."""
    monkeypatch.setattr(force, "shipped", lambda: shipped(tmp_path / "calibration.json"))
    store = open_store(load_verifier=WordVerifier)
    keep(store, project.ask("fix this bug"))
    found = miss(store.look_up(project.ask("please fix this bug")))
    assert (found.reason, "calibration.json is missing" in found.detail) == ("no_certificate", True)
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"


def test_rejecting_a_semantic_hit(project: Project, verified: Verified) -> None:
    """The hit becomes a label, its answer is not served for those words again, but for its own it is."""
    store = verified()
    number = keep(store, project.ask("fix this bug"))
    store.look_up(project.ask("please fix this bug"))
    done = store.reject()
    assert replace(done, ended=None) == Rejected(number, "semantic", "please fix this bug", "fix this bug", True, False)
    assert done.ended is not None
    assert (done.ended.served, done.ended.state) == (False, "no_certificate")
    assert rows(store) == [("reject", 1.0, 1, 0, "please fix this bug")]
    for words in ("please fix this bug", "kindly fix this bug"):
        assert miss(store.look_up(project.ask(words))).reason == "rejected"
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"


def test_a_rejection_holds_for_a_new_answer_to_the_same_words(project: Project, verified: Verified) -> None:
    """The two instructions were told apart, not the entry: replacing its answer does not bring the hit back."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    store.look_up(project.ask("please fix this bug"))
    keep(store, project.ask("fix this bug"), "another answer")
    assert store.reject().stored == ""
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "rejected"


def test_rejecting_an_exact_hit_deletes_its_answer(project: Project, verified: Verified) -> None:
    """The same words got a wrong answer: it goes, and the next ask is a miss; the verifier learns nothing from it."""
    store = verified()
    number = keep(store, project.ask("fix this bug"))
    store.look_up(project.ask("fix this bug"))
    assert store.reject() == Rejected(number, "exact", "fix this bug", "fix this bug", False, True)
    assert miss(store.look_up(project.ask("fix this bug"))).reason == "empty"
    assert rows(store) == []


def test_the_last_hit_of_an_entry_can_be_named(project: Project, verified: Verified) -> None:
    """With an id it is that entry's last hit that was not rejected yet, one after the other."""
    store = verified()
    first = keep(store, project.ask("fix this bug"))
    keep(store, project.ask("explain this code"))
    for words in ("please fix this bug", "fix this bug please", "explain this code"):
        hit(store.look_up(project.ask(words)))
    assert store.reject(first).asked == "fix this bug please"
    assert store.reject(first).asked == "please fix this bug"
    with pytest.raises(UsageError, match="every hit of entry 1 was rejected already"):
        store.reject(first)


def test_what_cannot_be_rejected(project: Project, verified: Verified) -> None:
    """No store, no hit, no entry, an entry that was never served, a hit that was rejected: one sentence each."""
    store = verified()
    with pytest.raises(UsageError, match="no stored answer was served yet"):
        store.reject()
    assert not store.folder.exists()
    number = keep(store, project.ask("fix this bug"))
    with pytest.raises(UsageError, match="no stored answer was served yet"):
        store.reject()
    with pytest.raises(UsageError, match="there is no entry 99"):
        store.reject(99)
    with pytest.raises(UsageError, match=f"entry {number} was never served again"):
        store.reject(number)
    store.look_up(project.ask("please fix this bug"))
    store.reject()
    with pytest.raises(UsageError, match="the last hit was rejected already"):
        store.reject()


def test_without_a_verifier_a_rejection_still_holds(project: Project, open_store: OpenStore) -> None:
    """There is nothing to label, but the words stay apart."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    hit(store.look_up(project.ask("please fix this bug")))
    assert store.reject().labelled is False
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "rejected"
    assert rows(store) == []


@pytest.mark.parametrize(
    ("fresh", "said", "label"),
    [
        ("Use `?` instead of  unwrap.", "same", [("refresh", 1.0, 0, 1, "please fix this bug")]),
        ("Drop the table of customers, then restore it.", "other", [("refresh", 1.0, 0, 0, "please fix this bug")]),
        ("Use `expect` instead of unwrap.", "unsure", []),
    ],
)
def test_a_refreshed_answer_labels_what_would_have_been_served(
    project: Project, verified: Verified, fresh: str, said: str, label: list[object]
) -> None:
    """Looking silently counts no hit; the comparison gives a label, or none when it is unsure."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    question = project.ask("please fix this bug")
    found = hit(store.look_up(question, serve=False))
    assert dict(store.stats().hits) == {}
    assert store.compare(question, found, answer(fresh)) == said
    assert rows(store) == label


def test_a_near_miss_is_checked_in_the_shadow(project: Project, verified: Verified) -> None:
    """The fresh answer of a near miss is compared, and its label counts: at rate 1 always, at 0 never."""
    keep(verified(), project.ask("fix this bug"))
    question = project.ask("repair this bug")
    for rate, expected in ((0.0, None), (1.0, "same")):
        store = verified(shadow_rate=rate)
        found = miss(store.look_up(question))
        assert store.compare(question, found, answer()) == expected
    assert rows(store) == [("shadow", 0.5, 0, 1, "repair this bug")]
    semantic = store.stats().semantic
    assert semantic is not None
    assert dict(semantic.labels) == {"shadow": 1}


def test_nothing_else_gives_a_label(project: Project, verified: Verified) -> None:
    """Exact hits, far misses, vetoed ones, and entries that are gone: there is nothing to compare."""
    store = verified(shadow_rate=1.0)
    keep(store, project.ask("fix this bug"))
    for words in ("fix this bug", "write a poem about the sea", "do not fix this bug"):
        question = project.ask(words)
        assert store.compare(question, store.look_up(question, serve=False), answer()) is None
    near = project.ask("repair this bug")
    found = store.look_up(near)
    with maintained(store.folder) as care:
        care.clear()
    assert store.compare(near, found, answer()) is None
    assert rows(store) == []


def test_own_labels_change_the_certificate(project: Project, verified: Verified) -> None:
    """Mistakes at a probability that shipped labels allow take the certificate away at the next look-up."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    question = project.ask("please fix this bug")
    found = hit(store.look_up(question, serve=False))
    store.compare(question, found, answer("Drop the table of customers, then restore it."))
    semantic = store.stats().semantic
    assert semantic is not None
    assert semantic.certificate is not None
    assert (semantic.state, semantic.certificate.own, semantic.certificate.wrong) == ("no_certificate", 1, 1)
    assert miss(store.look_up(question)).reason == "no_certificate"


def test_drift_ends_semantic_hits_until_labels_are_forgotten(
    project: Project, verified: Verified, clock: Clock
) -> None:
    """Two of three hits wrong, with a certificate from thousands: exact hits only, until --forget; pairs stay apart."""
    store = verified(calibration(labels(5000)))
    for number, words in enumerate(("fix this bug", "explain this code", "rename this variable")):
        keep(store, project.ask(words))
        clock.now += number
        hit(store.look_up(project.ask(f"please {words}")))
        if number != 1:
            store.reject()
    found = miss(store.look_up(project.ask("please explain this code")))
    assert found.reason == "drift"
    assert found.detail == "2 of 3 answers to other words were wrong here: that is more than the promised 1%"
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"
    assert store.forget_labels() == 2
    assert hit(store.look_up(project.ask("please explain this code"))).tier == "semantic"
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "rejected"


def test_another_verifier_begins_without_drift(project: Project, verified: Verified) -> None:
    """What one verifier got wrong says nothing about the next."""
    store = verified(calibration(labels(5000)))
    for words in ("fix this bug", "explain this code"):
        keep(store, project.ask(words))
        store.look_up(project.ask(f"please {words}"))
        store.reject()
    keep(store, project.ask("rename this variable"))
    assert miss(store.look_up(project.ask("please rename this variable"))).reason == "drift"
    newer = verified(calibration(labels(5000), verifier="words@2"), verifier="words@2")
    assert hit(newer.look_up(project.ask("please rename this variable"))).tier == "semantic"


def test_clearing_keeps_what_was_taught_without_the_words(project: Project, verified: Verified) -> None:
    """After `clear` labels still count and pairs are still apart, but no instruction is in the store any more."""
    store = verified(calibration(labels(5000)))
    keep(store, project.ask("fix this bug"))
    store.look_up(project.ask("please fix this bug"))
    store.reject()
    with maintained(store.folder) as care:
        care.clear()
    assert rows(store) == [("reject", 1.0, 1, 0, "")]
    assert b"fix this bug" not in b"".join(path.read_bytes() for path in store.folder.glob(f"{FILE}*"))
    keep(store, project.ask("fix this bug"))
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "rejected"


def test_a_store_of_the_first_schema_is_brought_along(project: Project, verified: Verified, tmp_path: Path) -> None:
    """Hits that were recorded before there were labels are kept, and can be rejected as far as they are known."""
    store = verified()
    folder = store.folder
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    schema.migrate(connection, schema.MIGRATIONS[:1])
    connection.execute("INSERT INTO hit (entry, at, tier, similarity) VALUES (7, 1.0, 'semantic', 0.9)")
    connection.close()
    assert dict(store.stats().hits) == {"semantic": 1}
    assert store.reject() == Rejected(7, "semantic", "", "", False, False)


def test_forgetting_without_a_store(verified: Verified) -> None:
    """Nothing to forget, nothing created."""
    store = verified()
    assert store.forget_labels() == 0
    assert not store.folder.exists()
