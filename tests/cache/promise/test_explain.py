"""The explanation of a look-up: it says what the look-up does, of every entry, in words for people."""

from collections.abc import Callable
from typing import Any

import pytest

from optafly_cli.cache.embedder import Embedder, EmbedderUnavailable
from optafly_cli.cache.explain import Explanation
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit, Miss, Question, VerifierUnavailable
from optafly_cli.cli.explain_document import document
from optafly_cli.cli.explain_output import explained, listed
from optafly_cli.config.settings import CacheSettings
from tests.cache.promise.conftest import Verified, calibration, labels
from tests.cache.support import Clock, OpenStore, Project, keep, maintained

PROMISE = "Promise: at most 1% wrong. Of 400 checked 0 were: 95% sure of at most 0.75%"


def why(store: Store, question: Question, **options: bool) -> Explanation:
    """The explanation, which must say the same as the look-up does."""
    found = store.explain(question, **options)
    assert found.lookup == store.look_up(question, serve=False)
    return found


def screen(found: Explanation, width: int = 80) -> list[str]:
    return ["".join(text for text, _ in line) for line in explained(found, width)]


def listing(found: Explanation) -> list[str]:
    return ["".join(text for text, _ in line) for line in listed(found)]


def test_a_hit_in_other_words(project: Project, verified: Verified, clock: Clock) -> None:
    """How near, how sure, what is needed of each, the promise, and that nothing is against it."""
    store = verified()
    keep(store, project.ask("fix this bug", "src/main.rs"))
    clock.now += 7200
    assert screen(why(store, project.ask("please fix this bug", "src/main.rs"))) == [
        "Decision: entry 1 fits: it asks the same in other words",
        PROMISE,
        "1. fix this bug (entry 1, 2 h old)",
        "   How near: 1.00 of 1 (0.5 is needed). Words: read as the same",
        "   Rule against it: none. What it was drawn from: unchanged",
        "   Sure that the same answer fits: 100% (80% is needed)",
    ]


def test_every_rule_has_a_line(project: Project, verified: Verified) -> None:
    """All vetoes by name and detail; the verifier is not asked about what a rule forbids."""
    store = verified()
    keep(store, project.ask("fix this bug in 10 lines"))
    found = why(store, project.ask("do not fix this bug in 20 lines"))
    assert screen(found)[3:] == [
        "1. fix this bug in 10 lines (entry 1, 0 s old)",
        f"   How near: {int(found.considered[0].similarity * 100) / 100:.2f} of 1 (0.5 is needed). "
        "What it was drawn from: unchanged",
        "   Rule against it: number: '10' is in one of the prompts only",
        "   Rule against it: negation: only one of the prompts denies something",
    ]
    entry = document(found)["entries"][0]
    assert [veto["name"] for veto in entry["vetoes"]] == ["number", "negation"]
    assert (entry["probability"], entry["read_as_same"], entry["against"]["reason"]) == (None, False, "veto:number")


def test_not_sure_enough(project: Project, verified: Verified) -> None:
    """The probability and what is needed; other words are named, and are nothing against it by themselves."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    found = why(store, project.ask("repair this bug"))
    assert "Decision: no stored answer fits: it is not sure enough that the nearest one does" in screen(found)
    assert "   Sure that the same answer fits: 50% (80% is needed)" in screen(found)
    assert document(found)["entries"][0]["probability"] == 0.5


def test_it_goes_on_after_the_first_that_fits(project: Project, verified: Verified) -> None:
    """The look-up ends at the first hit; the explanation judges the others too."""
    store = verified()
    for words in ("fix this bug", "fix this bug please", "fix this bug in 10 lines"):
        keep(store, project.ask(words))
    found = why(store, project.ask("please fix this bug"))
    assert len(found.considered) == 3
    assert [one.against is None for one in found.considered] == [True, True, False]
    assert isinstance(found.lookup, Hit)
    assert found.lookup.entry.id == found.considered[0].id


def test_too_far_and_changed_since(project: Project, verified: Verified) -> None:
    """Each says so; what changed is named with the file."""
    store = verified()
    keep(store, project.ask("fix this bug", "src/main.rs"))
    keep(store, project.ask("list every licence of the dependencies", "src/main.rs"))
    project.write("src/main.rs", "fn main() {}\n")
    found = why(store, project.ask("please fix this bug", "src/main.rs"))
    lines = screen(found)
    assert lines[0] == "Decision: no stored answer fits: src/main.rs changed since this was answered"
    assert "   What it was drawn from: src/main.rs changed since this was answered" in lines
    assert " changed " in listing(found)[0]
    assert " too far " in listing(found)[1]


def test_the_very_same_prompt_after_an_edit(project: Project, verified: Verified) -> None:
    """Its entry comes first, with what is against it."""
    store = verified()
    keep(store, project.ask("fix this bug", "src/main.rs"))
    project.write("src/main.rs", "fn main() {}\n")
    found = why(store, project.ask("fix this bug", "src/main.rs"))
    assert screen(found) == [
        "Decision: no stored answer fits. The very same prompt was answered (entry 1):",
        "  src/main.rs changed since this was answered",
        "1. fix this bug (entry 1, 0 s old)",
        "   How near: the very same prompt",
        "   Against it: src/main.rs changed since this was answered",
    ]


def test_an_exact_hit_loads_no_model(project: Project, verified: Verified, open_store: OpenStore) -> None:
    """Two lines, and neither embedder nor verifier is touched."""
    keep(verified(), project.ask("fix this bug"))

    def never() -> Any:
        raise AssertionError("a model was loaded")

    store = open_store(load_embedder=never, load_verifier=never)
    assert screen(why(store, project.ask("fix this bug"))) == [
        "Decision: entry 1, 0 s old, answers the very same prompt",
        "Nothing that it was drawn from has changed; nothing else had to be compared",
    ]


def test_neighbours_of_an_exact_hit(project: Project, verified: Verified) -> None:
    """A plain search lists them all the same; the entry itself stands first."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    keep(store, project.ask("fix this bug in 10 lines"))
    rows = listing(why(store, project.ask("fix this bug"), neighbours=True))
    assert rows[0].split() == ["1", "0", "s", "1.00", "the", "same", "fix", "this", "bug"]
    assert "rule: number      fix this bug in 10 lines" in rows[1]


def test_everywhere(project: Project, verified: Verified) -> None:
    """Entries of other scopes are listed with what differs, and never decide."""
    store = verified()
    keep(store, project.ask("fix this bug", "src/main.rs"))
    keep(store, project.ask("fix this bug", model="claude-haiku-4-5", system="be short"))
    question = project.ask("please fix this bug")
    assert why(store, question).elsewhere == ()
    found = why(store, question, everywhere=True)
    assert isinstance(found.lookup, Miss)
    assert [one.elsewhere for one in found.elsewhere] == [
        ("another model", "another system prompt"),
        ("other named code",),
    ]
    assert "   It was asked with: another model, another system prompt" in screen(found)
    assert listing(found)[1].strip() == "another model, another system prompt"
    keep(store, project.ask("fix this bug"))
    served = why(store, question, everywhere=True)
    assert isinstance(served.lookup, Hit)
    assert served.lookup.entry.id == 3


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("what is the latest version", "the prompt is about the moment ('latest'): only the very same words can hit"),
        ("fix this bug " + "and that " * 80, "the prompt has over 600 characters: only the very same words can hit"),
    ],
    ids=["moment", "long"],
)
def test_prompts_for_the_exact_tier_alone(project: Project, verified: Verified, prompt: str, said: str) -> None:
    """One sentence says why nothing was compared."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    assert " ".join(" ".join(screen(why(store, project.ask(prompt)))).split()) == (
        f"Decision: no stored answer fits: {said}"
    )


def test_nothing_to_look_at(project: Project, verified: Verified) -> None:
    """No store, an empty one, one that has the words in another scope; and nothing is created."""
    store = verified()
    asked = project.ask("fix this bug")
    assert screen(why(store, asked)) == ["Decision: no stored answer fits: nothing is stored yet"]
    assert not store.folder.exists()
    keep(store, project.ask("fix this bug", "src/main.rs"))
    assert screen(why(store, asked)) == [
        "Decision: no stored answer fits: the same words were answered before, with other",
        "  named code",
    ]
    with maintained(store.folder) as care:
        care.clear()
    assert screen(why(store, asked)) == ["Decision: no stored answer fits: no answer is stored for this scope"]


def test_models_that_cannot_be_used(project: Project, verified: Verified, open_store: OpenStore) -> None:
    """Which one, and why."""
    keep(verified(), project.ask("fix this bug"))

    def no_verifier() -> None:
        raise VerifierUnavailable("its file is missing")

    def no_embedder() -> Embedder:
        raise EmbedderUnavailable("the model is missing")

    asked = project.ask("please fix this bug")
    assert screen(why(open_store(load_verifier=no_verifier), asked)) == [
        "Decision: no stored answer fits: other words are not answered without the",
        "  verifier: its file is missing",
    ]
    found = why(open_store(load_embedder=no_embedder), asked)
    assert "without the   embedding model: the model is missing" in " ".join(screen(found))
    everywhere = open_store(load_embedder=no_embedder).explain(project.ask("fix that"), everywhere=True)
    assert everywhere.lookup.reason == "no_embedder"


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (
            lambda verified: verified(calibration(labels(200))),
            [
                "Promise: none, as the asked rate 1% needs at least 299 checked answers without a",
                "  mistake; there are 200",
            ],
        ),
        (
            lambda verified: verified(verifier="words@2"),
            [
                "Promise: none, as the asked rate 1% needs at least 299 checked answers without a",
                "  mistake; there are none",
            ],
        ),
    ],
    ids=["few labels", "labels of another verifier"],
)
def test_without_a_certificate(
    project: Project, verified: Verified, prepare: Callable[[Verified], Store], said: list[str]
) -> None:
    """The promise says why there is none; how sure the verifier is stays to be seen."""
    store = prepare(verified)
    keep(store, project.ask("fix this bug"))
    lines = screen(why(store, project.ask("please fix this bug")))
    assert lines[0] == "Decision: no stored answer fits: other words are not answered now"
    assert lines[1:3] == said
    assert lines[-1] == "   Sure that the same answer fits: 100% (how sure is enough is not known)"


def test_without_a_verifier_and_after_drift_and_a_rejection(
    project: Project, verified: Verified, open_store: OpenStore
) -> None:
    """Each is a clear sentence."""
    store = verified(calibration(labels(5000)))
    for words in ("fix this bug", "explain this code"):
        keep(store, project.ask(words))
        store.look_up(project.ask(f"please {words}"))
        store.reject()
    keep(store, project.ask("rename this variable"))
    lines = screen(why(store, project.ask("please rename this variable")))
    assert lines[:4] == [
        "Decision: no stored answer fits: other words are not answered any more",
        "Promise: suspended, as 2 of 2 answers to other words were wrong here: that is",
        "  more than the promised 1%; `optafly cache reject --forget` begins anew",
        "1. rename this variable (entry 3, 0 s old)",
    ]
    plain = why(open_store(CacheSettings()), project.ask("please fix this bug"))
    assert screen(plain)[2] == "Promise: none, as there is no verifier: nearness and the rules decide alone"
    assert "   Rule against it: rejected: you rejected its answer for these words" in screen(plain)


def test_five_candidates_fit_on_a_screen(project: Project, verified: Verified) -> None:
    """80 x 24, whatever is stored; at most five, and nothing that could move the cursor."""
    store = verified(calibration(labels(400)))
    for number in range(7):
        long = f"fix this bug in {number} lines\x1b[2J, " + "please " * 20
        keep(store, project.ask(long, "src/main.rs"))
    keep(store, project.ask("fix this  defect", "src/main.rs"))
    found = why(store, project.ask("do not fix this bug", "src/main.rs"))
    for width in (80, 60):
        lines = screen(found, width)
        assert len(lines) <= 24
        assert max(map(len, lines)) <= width
        assert "\x1b" not in "".join(lines)
    project.write("src/main.rs", "fn main() {}\n")
    assert len(screen(why(store, project.ask("do not fix this bug", "src/main.rs")))) <= 24


def test_wide_characters_and_long_reasons_stay_on_the_screen(project: Project, verified: Verified) -> None:
    """A wide character takes two columns; a path of any length leaves room for the entries."""
    store = verified()
    name = "/".join(["somewhere"] * 20) + "/main.rs"
    project.write(name, "fn main() {}\n")
    keep(store, project.ask("修正这个错误 " * 20, name))
    project.write(name, "fn main() { }\n")
    lines = screen(why(store, project.ask("修正这个错误 " * 20, name)))
    assert len(lines) <= 24
    assert "修" in lines[-3]
    assert len(lines[-3]) + sum(character > "\u2e80" for character in lines[-3]) <= 80


def test_what_is_below_a_gate_never_looks_as_if_it_reached_it(project: Project, verified: Verified) -> None:
    """Shown figures are rounded down; the document has four digits."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    question = project.ask("repair this bug")
    near = why(store, question).considered[0].similarity
    shown = screen(why(store, question))[3]
    assert float(shown.split("How near: ")[1].split(" ")[0]) <= near + 1e-4


def test_the_document(project: Project, verified: Verified) -> None:
    """Its keys are an interface."""
    store = verified()
    keep(store, project.ask("fix this bug"))
    said = document(why(store, project.ask("please fix this bug")))
    assert set(said) == {"fits", "tier", "entry", "reason", "detail", "needed", "promise", "entries"}
    assert said["needed"] == {"similarity": 0.5, "probability": 0.8}
    assert said["promise"] == {
        "state": "certified",
        "reason": "0 of 400 checked answers were wrong: with 95% confidence at most 0.75% are",
        "verifier": "words@1",
        "max_error_rate": 0.01,
        "bound": pytest.approx(0.00746, abs=1e-4),
        "checked": 400,
        "wrong": 0,
    }
    assert set(said["entries"][0]) == {
        "id", "instruction", "age_s", "same_prompt", "similarity", "vetoes", "difference", "read_as_same", "rejected",
        "evidence", "probability", "elsewhere", "fits", "against",
    }  # fmt: skip
