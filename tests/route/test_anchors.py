from dataclasses import replace

import pytest

from optafly_cli.models import Model, catalogue
from optafly_cli.route.anchors import plan
from optafly_cli.route.blocks import Block, BlockKind
from optafly_cli.route.result import Anchor
from optafly_cli.route.reuse import ByKind, Prior, Reads, shipped_prior
from tests.route.making import DOLLAR, OFTEN, SMALL

SIX_FILES: list[BlockKind] = [*["file_reference"] * 6, "instruction"]  # type: ignore[list-item]


def _blocks(*kinds: BlockKind) -> list[Block]:
    return [Block(kind, f"messages[0].content[{i}]", f"{kind} {i}", "text") for i, kind in enumerate(kinds)]


def _plan(
    kinds: list[BlockKind],
    tokens: list[int],
    *,
    model: Model = SMALL,
    ttl: str = "auto",
    limit: int = 4,
    prior: Prior = OFTEN,
) -> tuple[Anchor, ...]:
    return plan(_blocks(*kinds), tokens, model=model, ttl=ttl, max_anchors=limit, reuse=ByKind(prior))  # type: ignore[arg-type]


def test_stable_blocks_are_marked_and_the_instruction_is_not() -> None:
    """Each boundary before the instruction that pays is marked; the instruction is listed with its reason."""
    anchors = _plan(["system", "file_reference", "instruction"], [500, 500, 20])
    assert [a.cacheable for a in anchors] == [True, True, False]
    assert (anchors[-1].kind, anchors[-1].why_not) == ("conversation", "the instruction changes every time")
    assert [a.cumulative_tokens for a in anchors] == [500, 1000, 1020]


def test_prefix_below_the_minimum_is_not_marked() -> None:
    """Below the model's minimum a boundary says the minimum, the model and how far it got."""
    sonnet = catalogue().get("claude-sonnet-5")
    anchors = _plan(["system", "project_context", "instruction"], [312, 712, 5], model=sonnet)
    assert anchors[0].why_not == "below the 1,024 minimum of claude-sonnet-5 (312 tokens up to here)"
    assert anchors[1].cacheable


def test_unpublished_minimum_is_assumed_and_said() -> None:
    """Where no minimum is published the largest one is assumed, and the reason says so."""
    haiku = catalogue().get("claude-haiku-5-5")
    low, enough, _ = _plan(["system", "file_reference", "instruction"], [4095, 1, 5], model=haiku)
    assert low.why_not == (
        "below the 4,096 minimum assumed for claude-haiku-5-5, whose own is not published (4,095 tokens up to here)"
    )
    assert enough.cacheable


def test_writing_what_is_not_read_again_is_refused() -> None:
    """A boundary that is expected to be read too rarely says that writing costs more than it saves."""
    file, code, _ = _plan(
        ["file_reference", "code_block", "instruction"], [500, 500, 5], prior=shipped_prior(), ttl="5m"
    )
    assert file.cacheable
    assert code.why_not == "expected 0.1 reads in 5 min: writing costs more than it saves"


def test_what_pays_depends_on_the_models_prices() -> None:
    """The same expectation is worth marking for a model that reads cheaply and not for one that reads dearly."""
    prior = Prior("2026-11-22", {"system": Reads(0.27, 0.27)}, 1.0)
    dear = catalogue().get("claude-opus-5")
    cheap = catalogue().get("claude-opus-5-5")
    assert not _plan(["system", "instruction"], [5000, 5], model=dear, prior=prior)[0].cacheable
    assert _plan(["system", "instruction"], [5000, 5], model=cheap, prior=prior)[0].cacheable


def test_breaking_even_is_not_enough() -> None:
    """A boundary whose expected reads just equal the threshold is not marked: it would save nothing."""
    half = replace(SMALL, prices=(replace(DOLLAR, read=0.5),))
    prior = Prior("2026-11-22", {"system": Reads(0.5, 0.5)}, 1.0)
    assert not _plan(["system", "instruction"], [500, 5], model=half, prior=prior)[0].cacheable


def test_at_most_four_and_the_others_say_who_won() -> None:
    """A fifth boundary that would pay names the four that save more."""
    anchors = _plan(SIX_FILES, [1000, 10, 1000, 10, 1000, 1000, 5], ttl="5m")
    assert [a.cacheable for a in anchors] == [True, False, True, False, True, True, False]
    assert anchors[1].why_not == (
        "only 4 anchors: more is saved after file_reference 0, file_reference 2, file_reference 4, file_reference 5"
    )


@pytest.mark.parametrize(("asked", "placed"), [(0, 0), (1, 1), (3, 3), (4, 4), (9, 4)])
def test_max_anchors_is_obeyed_up_to_four(asked: int, placed: int) -> None:
    """The setting lowers the number of anchors; nothing raises it over the API's four."""
    anchors = _plan(SIX_FILES, [1000] * 7, limit=asked)
    assert sum(a.cacheable for a in anchors) == placed
    assert all(a.cacheable or a.why_not for a in anchors)


def test_auto_takes_an_hour_only_where_it_saves_more() -> None:
    """With `auto` each block gets 1h when that saves more than 5m, and 5m when it does not."""
    kinds: list[BlockKind] = ["system", "project_context", "file_reference", "instruction"]
    prior = Prior("2026-11-22", {**OFTEN.reads, "file_reference": Reads(2.0, 2.1)}, 0.9)
    assert [a.ttl for a in _plan(kinds, [500] * 4, prior=prior)[:3]] == ["1h", "1h", "5m"]
    shipped = _plan(kinds, [5000] * 4, prior=shipped_prior())
    assert [a.ttl for a in shipped[:3]] == ["5m", "5m", "5m"]


def test_earlier_anchors_are_promoted_to_the_later_hour() -> None:
    """A 1h anchor makes those before it 1h, because the API refuses 1h after 5m."""
    prior = Prior("2026-11-22", {"system": Reads(9.0, 9.5), "project_context": Reads(0.1, 9.5)}, 1.0)
    anchors = _plan(["system", "project_context", "instruction"], [500] * 3, prior=prior)
    assert [(a.ttl, a.cacheable) for a in anchors[:2]] == [("1h", True), ("1h", True)]


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_a_given_ttl_holds_for_all(ttl: str) -> None:
    """`--ttl 5m` and `--ttl 1h` are taken at their word, and the reads are those of that TTL."""
    anchors = _plan(["system", "file_reference", "instruction"], [500] * 3, ttl=ttl)
    assert {a.ttl for a in anchors} == {ttl}
    assert anchors[0].expected_reads == (30.0 if ttl == "1h" else 3.0)


def test_what_the_next_block_replaces_says_so() -> None:
    """Of turns that are read as often the last has the anchor, and the others name it."""
    prior = Prior("2026-11-29", {"conversation": Reads(1.0, 1.0)}, 0.9)
    first, second = _plan(["conversation", "conversation"], [500, 500], prior=prior)
    assert (first.cacheable, second.cacheable) == (False, True)
    assert first.why_not == "read as often as conversation 1, whose anchor has it too"


def test_priority_one_saves_the_most() -> None:
    """Priorities rank what an anchor adds: the tokens since the one before it, times what each saves."""
    anchors = _plan(["system", "file_reference", "code_block", "instruction"], [200, 5000, 300, 5], ttl="5m")
    assert [a.priority for a in anchors] == [2, 1, 3, 4]


def test_expected_reads_never_rise_along_the_prefix() -> None:
    """A prefix cannot be read more often than its own beginning."""
    odd = Prior("2026-11-22", {"project_context": Reads(0.2, 0.4), "file_reference": Reads(5.0, 9.0)}, 0.5)
    figures = odd.expected(["project_context", "file_reference", "file_reference", "instruction"])
    assert [f.five_minutes for f in figures] == [0.2, 0.2, 0.2, 0.0]


def test_shipped_prior_is_in_the_order_of_stability() -> None:
    """The data file's figures fall from system to code block, and an hour never has fewer reads than five minutes."""
    reads = shipped_prior().reads
    order = [reads[kind] for kind in ("system", "project_context", "file_reference", "code_block")]
    assert order == sorted(order, key=lambda r: (-r.five_minutes, -r.one_hour))
    assert all(r.one_hour >= r.five_minutes for r in order)


def test_model_with_a_minimum_of_zero_has_none() -> None:
    """A published minimum of 0 is a fact, not an unknown."""
    assert _plan(["system", "instruction"], [1, 1], model=replace(SMALL, min_cacheable=0))[0].cacheable
