"""The estimate that counts: the prior at first, what was seen later, prefix by prefix."""

import pytest

from optafly_cli.route.counted import MOST, ByCount
from optafly_cli.route.reuse import NEVER, Prior, Reads
from optafly_cli.route.shape import BlockShape, prefixes
from tests.route.making import request, text

PRIOR = Prior("2026-11-29", {"system": Reads(1.0, 4.0), "conversation": Reads(0.5, 0.5)}, 0.9)


def after(pauses: list[float], *blocks: BlockShape, reuse: ByCount | None = None) -> list[Reads]:
    """What is expected of these blocks when they were sent after each of these pauses, the last time now."""
    reuse = reuse or ByCount(PRIOR)
    at, expected = 0.0, [NEVER]
    for pause in pauses:
        at += pause
        shape = request(*blocks, at=at)
        ends = prefixes(shape)
        expected = list(reuse.expected(shape, ends))
        reuse.sent(shape, ends)
    return expected


SYSTEM = text(500, kind="system")[0]


def test_a_new_user_is_met_with_the_prior() -> None:
    """With its chance for five minutes, for the hour too: that is dear where it is wrong."""
    assert after([0], SYSTEM) == [Reads(1.0, 1.0)]


def test_an_instruction_is_never_expected() -> None:
    """Whatever was seen."""
    assert after([1] * 9, BlockShape("q", 9, "instruction")) == [NEVER]


@pytest.mark.parametrize(
    ("pause", "short", "long"),
    [(60, True, True), (299, True, True), (300, False, True), (3599, False, True), (3600, False, False)],
)
def test_habits_take_over(pause: float, short: bool, long: bool) -> None:
    """What comes again after a minute, after half an hour, or the next day, comes to be expected so."""
    [reads] = after([0, *[pause] * 40], SYSTEM)
    assert (reads.five_minutes > 1.0) is short
    assert (reads.one_hour > 1.0) is long


def test_no_chance_is_taken_for_certain() -> None:
    """After a thousand returns the reads to expect are those of the highest chance."""
    [reads] = after([1] * 1000, SYSTEM)
    assert reads.five_minutes == reads.one_hour == pytest.approx(MOST / (1 - MOST))


def test_a_kind_teaches_what_is_new_of_it() -> None:
    """Of a user whose conversations never go on, the next one is not expected to."""
    reuse = ByCount(PRIOR)
    at = 0.0
    for number in range(60):
        at += 1000
        shape = request(*text(500, name=f"talk {number}"), at=at)
        reuse.sent(shape, prefixes(shape))
    assert after([at + 1000], *text(500, name="another"), reuse=reuse)[0].five_minutes < 0.05


def test_a_prefix_that_differs_from_its_kind_is_known_for_it() -> None:
    """One of many that never come again does."""
    reuse = ByCount(PRIOR)
    at = 0.0
    for number in range(100):
        at += 30
        for blocks in (text(500, name="often"), text(500, name=f"once {number}")):
            shape = request(*blocks, at=at)
            ends = prefixes(shape)
            expected = reuse.expected(shape, ends)
            reuse.sent(shape, ends)
    often = request(*text(500, name="often"), at=at + 30)
    assert reuse.expected(often, prefixes(often))[0].five_minutes > 2 > expected[0].five_minutes


def test_what_opens_a_conversation_is_counted_as_such() -> None:
    """Its next turn calls it otherwise, and it was the opening that came again."""
    prior = Prior("2026-11-29", {"opening": Reads(0.3, 0.3), "conversation": Reads(0.3, 0.3)}, 0.9)
    reuse = ByCount(prior)
    at = 0.0
    for number in range(30):
        at += 1000
        for shape in (
            request(BlockShape(f"talk {number}", 500, "opening"), at=at),
            request(BlockShape(f"talk {number}", 500, "conversation"), at=at + 20),
        ):
            reuse.sent(shape, prefixes(shape))
    new = request(BlockShape("new", 500, "opening"), BlockShape("more", 500, "conversation"), at=at + 1000)
    opening, conversation = reuse.expected(new, prefixes(new))
    assert opening.five_minutes > 2
    assert conversation.five_minutes == pytest.approx(0.3)
