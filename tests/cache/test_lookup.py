"""When a stored answer is served again, and the reason when it is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.cache.embedder import Embedder, EmbedderUnavailable
from optafly_cli.cache.types import AutoEvidence, Hit, Lookup, Miss, Question, Scope
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Clock, OpenStore, Project, answer, keep

DAY = 86_400


def hit(found: Lookup) -> Hit:
    assert isinstance(found, Hit), found
    return found


def miss(found: Lookup) -> Miss:
    assert isinstance(found, Miss), found
    return found


def test_nothing_stored_is_an_empty_miss(project: Project, open_store: OpenStore) -> None:
    """A look-up before anything was stored misses with `empty`, and creates nothing on disk."""
    store = open_store()
    assert miss(store.look_up(project.ask("fix this bug"))).reason == "empty"
    assert not store.folder.exists()


def test_the_same_question_is_an_exact_hit(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """The same prompt, differently spaced, in the same scope: the stored answer, word for word, with its age."""
    store = open_store()
    number = keep(store, project.ask("fix this  bug", "src/main.rs"))
    clock.now += 60
    found = hit(store.look_up(project.ask(" fix this bug\n", "src/main.rs")))
    assert (found.tier, found.entry.id, found.age_s, found.similarity) == ("exact", number, 60.0, 1.0)
    assert found.entry.answer == answer()
    assert found.entry.scope["model"] == "claude-sonnet-5"


def test_case_is_another_question_for_the_exact_tier(project: Project, open_store: OpenStore) -> None:
    """`Foo` is not `foo`: with literals in the prompt no tier lets one pass for the other."""
    store = open_store()
    keep(store, project.ask("rename `Foo` to Bar_x", "src/main.rs"))
    assert miss(store.look_up(project.ask("rename `foo` to Bar_x", "src/main.rs"))).reason == "veto:quoted"


def test_a_rewording_is_a_semantic_hit(project: Project, open_store: OpenStore) -> None:
    """Other words with the same meaning about the same file: a semantic hit that says how near it was."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs:10"))
    found = hit(store.look_up(project.ask("please fix this bug", "src/main.rs:10")))
    assert found.tier == "semantic"
    assert 0.85 <= found.similarity <= 1.0
    assert f"{found.similarity:.2f}" in found.reason


def test_edit_then_revert(project: Project, open_store: OpenStore) -> None:
    """An edit makes the answer unusable in any words; the edited file has its own; reverting brings it back."""
    store = open_store()
    before = project.read("src/main.rs")
    keep(store, project.ask("fix this bug", "src/main.rs"), "first")
    project.write("src/main.rs", before.replace("unwrap", "expect"))
    changed = miss(store.look_up(project.ask("fix this bug", "src/main.rs")))
    assert (changed.reason, changed.nearest) == ("evidence", 1)
    assert "src/main.rs changed" in changed.detail
    assert miss(store.look_up(project.ask("please fix this bug", "src/main.rs"))).reason == "evidence"
    keep(store, project.ask("fix this bug", "src/main.rs"), "second")
    assert hit(store.look_up(project.ask("fix this bug", "src/main.rs"))).entry.answer.text == "second"
    assert hit(store.look_up(project.ask("please fix this bug", "src/main.rs"))).entry.answer.text == "second"
    project.write("src/main.rs", before)
    assert hit(store.look_up(project.ask("fix this bug", "src/main.rs"))).entry.answer.text == "first"
    assert hit(store.look_up(project.ask("please fix this bug", "src/main.rs"))).entry.answer.text == "first"


def test_asking_again_replaces(project: Project, open_store: OpenStore) -> None:
    """The same question with the same evidence, remembered again, leaves one entry with the new answer."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs"), "old")
    keep(store, project.ask("fix this bug", "src/main.rs"), "new")
    assert [entry.answer.text for entry in store.entries()] == ["new"]


def test_a_moved_line_says_so(project: Project, open_store: OpenStore) -> None:
    """With F:LINE, lines added above the function: an exact hit, with a notice, whichever number is typed."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs:5"))
    project.write("src/main.rs", "// a\n\n" + project.read("src/main.rs"))
    for line in (5, 7):
        found = hit(store.look_up(project.ask("fix this bug", f"src/main.rs:{line}")))
        assert found.tier == "exact"
        assert found.notices == ("src/main.rs: the code moved by +2 lines since this answer was made",)


def test_another_line_of_the_function(project: Project, open_store: OpenStore) -> None:
    """Another line of the same function misses with `another_line`, and then has an answer of its own."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs:9"), "nine")
    assert miss(store.look_up(project.ask("fix this bug", "src/main.rs:10"))).reason == "another_line"
    assert miss(store.look_up(project.ask("please fix this bug", "src/main.rs:10"))).reason == "another_line"
    keep(store, project.ask("fix this bug", "src/main.rs:10"), "ten")
    assert hit(store.look_up(project.ask("fix this bug", "src/main.rs:9"))).entry.answer.text == "nine"
    assert hit(store.look_up(project.ask("fix this bug", "src/main.rs:10"))).entry.answer.text == "ten"


def test_answers_expire(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """An answer older than `ttl_days` is served to nobody; asking again makes it young."""
    store = open_store(CacheSettings(ttl_days=7))
    keep(store, project.ask("fix this bug"))
    clock.now += 7 * DAY - 1
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"
    clock.now += 1
    assert miss(store.look_up(project.ask("fix this bug"))).reason == "expired"
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "expired"
    keep(store, project.ask("fix this bug"))
    assert hit(store.look_up(project.ask("fix this bug"))).age_s == 0


def test_far_words_miss_by_similarity(project: Project, open_store: OpenStore) -> None:
    """Something else entirely misses with `similarity`, the nearest entry and how near it was."""
    store = open_store()
    number = keep(store, project.ask("fix this bug", "src/main.rs"))
    found = miss(store.look_up(project.ask("write a changelog for the next release", "src/main.rs")))
    assert (found.reason, found.nearest) == ("similarity", number)
    assert found.similarity is not None
    assert found.similarity < 0.85
    assert f"{found.similarity:.2f}" in found.detail


def test_a_veto_beats_similarity(project: Project, open_store: OpenStore) -> None:
    """However similar, a veto makes it a miss that names the veto."""
    store = open_store()
    keep(store, project.ask("convert this from bash to python"))
    found = miss(store.look_up(project.ask("convert this from python to bash")))
    assert found.reason == "veto:direction"
    assert found.similarity is not None
    assert found.similarity > 0.95


def test_the_threshold_is_obeyed(project: Project, open_store: OpenStore) -> None:
    """With `similarity` at 1, only the same words in another case or with a courtesy can hit."""
    store = open_store(CacheSettings(similarity=1.0))
    keep(store, project.ask("explain what this function does"))
    assert miss(store.look_up(project.ask("what does this function do"))).reason == "similarity"
    assert hit(store.look_up(project.ask("Explain what this function does"))).tier == "semantic"


def test_no_tolerance_for_errors_means_exact_only(project: Project, open_store: OpenStore) -> None:
    """With `max_error_rate` 0 the semantic tier serves nothing."""
    store = open_store(CacheSettings(max_error_rate=0.0))
    keep(store, project.ask("fix this bug"))
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "max_error_rate"


@pytest.mark.parametrize(
    "prompt",
    [
        "what changed today?",
        "show the latest errors",
        "what is running now",
        "summarise my uncommitted changes",
        "what is the status of the build",
        "what branch am I on",
        "what's the current exchange rate of the euro",
    ],
)
def test_prompts_about_the_moment_are_exact_only(project: Project, open_store: OpenStore, prompt: str) -> None:
    """A prompt about the moment is answered by the very same words only, and answers no others."""
    store = open_store()
    keep(store, project.ask(prompt))
    keep(store, project.ask("fix this bug"))
    assert hit(store.look_up(project.ask(prompt))).tier == "exact"
    assert miss(store.look_up(project.ask(f"please: {prompt}"))).reason == "moment"


@pytest.mark.parametrize("prompt", ["how do I discard unstaged changes", "how do I push the current branch"])
def test_how_to_is_not_about_the_moment(project: Project, open_store: OpenStore, prompt: str) -> None:
    """How something is done does not change with the state of the repository."""
    store = open_store()
    keep(store, project.ask(prompt))
    assert hit(store.look_up(project.ask(f"Please, {prompt}"))).tier == "semantic"


def test_an_answer_that_used_a_tool_is_exact_only(project: Project, open_store: OpenStore) -> None:
    """What the model looked up with a tool holds for the very same words."""
    store, plain = open_store(), answer()
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    looked_up = replace(plain, message={**plain.message, "content": [found, *plain.message["content"]]})
    question = project.ask("fix this bug")
    store.remember(question, looked_up, evidence=question.named, cost=None)
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"
    assert miss(store.look_up(project.ask("please fix this bug"))).reason == "not_embedded"


def test_long_prompts_are_exact_only(project: Project, open_store: OpenStore) -> None:
    """An instruction whose end the model may not see is answered by the very same words only."""
    store = open_store()
    long = "explain this function and every step that it takes in detail " * 12
    keep(store, project.ask(long + "then fix it"))
    keep(store, project.ask("fix this bug"))
    assert hit(store.look_up(project.ask(long + "then fix it"))).tier == "exact"
    assert miss(store.look_up(project.ask(long + "then delete it"))).reason == "long"


def test_without_the_model_the_exact_tier_still_answers(project: Project, open_store: OpenStore) -> None:
    """No embedding model: answers are kept, the same words hit, other words miss with one warning."""

    def missing() -> Embedder:
        raise EmbedderUnavailable("the embedding model's file is missing")

    keep(open_store(), project.ask("fix this bug"))
    store = open_store(load_embedder=missing)
    keep(store, project.ask("explain this code"))
    assert hit(store.look_up(project.ask("explain this code"))).tier == "exact"
    found = miss(store.look_up(project.ask("please fix this bug")))
    assert (found.reason, found.warnings) == ("no_embedder", ("the embedding model's file is missing",))


def test_entries_of_another_model_are_not_compared(project: Project, open_store: OpenStore, minilm: Embedder) -> None:
    """Vectors of another embedding model are never compared with the question's."""
    other = Embedder("another@1", 384, lambda texts: minilm.embed(texts))
    keep(open_store(load_embedder=lambda: other), project.ask("fix this bug"))
    assert miss(open_store().look_up(project.ask("please fix this bug"))).reason == "not_embedded"


def test_the_model_is_loaded_only_when_words_can_be_compared(project: Project, open_store: OpenStore) -> None:
    """Hits of the exact tier and empty partitions never load the embedding model."""
    keep(open_store(), project.ask("fix this bug", "src/main.rs"))

    def refuse() -> Embedder:
        raise AssertionError("the model was loaded")

    store = open_store(load_embedder=refuse)
    assert hit(store.look_up(project.ask("fix this bug", "src/main.rs"))).tier == "exact"
    assert miss(store.look_up(project.ask("please fix this bug", "src/lib.rs"))).reason == "empty"


def test_an_empty_scope_says_what_differs(project: Project, open_store: OpenStore) -> None:
    """When the same words were answered in another scope, the miss says what sets them apart."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs:5"))
    other_model = miss(store.look_up(project.ask("fix this bug", "src/main.rs:5", model="claude-opus-5")))
    assert (other_model.reason, other_model.detail) == (
        "empty",
        "the same words were answered before, with another model",
    )
    other_code = miss(store.look_up(project.ask("fix this bug", "src/lib.rs")))
    assert other_code.detail == "the same words were answered before, with other named code"
    stranger = miss(store.look_up(project.ask("fix this bug", "src/main.rs:5", namespace="team")))
    assert stranger.detail == "no answer is stored for this scope"


def test_selected_context_is_checked(project: Project, open_store: OpenStore) -> None:
    """An answer drawn from selected context is served while the state, or what is selected, is as it was."""
    store = open_store()
    question = project.ask("fix this bug")
    store.remember(question, answer(), evidence=replace(question.named, auto=AutoEvidence("clean", "s1")), cost=None)
    assert hit(store.look_up(project.ask("fix this bug"))).tier == "exact"
    project.state, project.selection = "dirty", "s1"
    assert hit(store.look_up(project.ask("please fix this bug"))).tier == "semantic"
    project.selection = "s2"
    assert miss(store.look_up(project.ask("fix this bug"))).reason == "evidence"


def test_many_stale_answers_do_not_hide_the_good_one(project: Project, open_store: OpenStore) -> None:
    """Ten answers to the same words about other versions of the file: the one whose evidence holds is found."""
    store = open_store()
    good = project.read("src/main.rs")
    keep(store, project.ask("fix this bug", "src/main.rs"), "good")
    for version in range(10):
        project.write("src/main.rs", f"{good}// {version}\n")
        keep(store, project.ask("fix this bug", "src/main.rs"), "stale")
    project.write("src/main.rs", good)
    assert hit(store.look_up(project.ask("please fix this bug", "src/main.rs"))).entry.answer.text == "good"


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "named": st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=2).map(tuple),
    "versions": st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=2).map(tuple),
}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_element_of_scope_never_hits(project: Project, open_store: OpenStore, data: st.DataObject) -> None:
    """Change exactly one element of the scope and neither the same nor other words hit; change none and both do."""
    store = open_store()
    question = _with(project.ask("fix this bug"), piped="p", diff="d", system="s", parameters="{}", named=(("a", ""),))
    if not store.entries():
        keep(store, question)
    reworded = replace(
        question, prompt="please fix this bug", instruction="please fix this bug", exact="please fix this bug"
    )
    assert hit(store.look_up(question)).tier == "exact"
    assert hit(store.look_up(reworded)).tier == "semantic"
    name = data.draw(st.sampled_from(list(Scope.__dataclass_fields__)))
    old = getattr(question.scope, name)
    new = data.draw(FIELDS.get(name, st.text(max_size=4)).filter(lambda value: value != old))
    assert miss(store.look_up(_with(question, **{name: new}))).reason == "empty"
    assert miss(store.look_up(_with(reworded, **{name: new}))).reason == "empty"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations(["max_tokens", "temperature", "stop"]), st.lists(st.sampled_from([" ", "\n", "\t "]), min_size=4)
)
def test_form_never_matters(project: Project, open_store: OpenStore, order: list[str], space: list[str]) -> None:
    """Whatever the order of parameters and the white space outside code, the same question is an exact hit.

    Indentation is not white space that may change: code may be pasted without a fence.
    """
    values: dict[str, object] = {"max_tokens": 5, "temperature": 1.0, "stop": ["a"]}
    store = open_store()
    if not store.entries():
        keep(store, project.ask("fix this bug\n```\nx  = 1\n```\nnow", parameters=values))
    prompt = f"{space[0]}fix{space[1]}this{space[2]}bug\n```\nx  = 1\n```\nnow{space[3]}"
    found = store.look_up(project.ask(prompt, parameters={name: values[name] for name in order}))
    assert hit(found).tier == "exact"


def _with(question: Question, **changes: object) -> Question:
    change: Callable[..., Scope] = replace
    return replace(question, scope=change(question.scope, **changes))
