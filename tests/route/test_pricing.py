import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optafly_cli.models import Model, PriceTier, catalogue
from optafly_cli.route.billing import Billed, answer_cost, billed_of, prompt_cache_saving
from optafly_cli.route.pricing import DEFAULT_RATES, Rates, rates, request_cost
from optafly_cli.route.result import Ttl
from tests.route import making
from tests.route.making import SMALL


def test_request_without_anchors_costs_its_input() -> None:
    """Without anchors every request costs the same and nothing breaks even."""
    cost = request_cost(SMALL, 1000, [], currency="USD")
    assert (cost.uncached, cost.this_request, cost.next_request) == (0.001, 0.001, 0.001)
    assert cost.break_even_requests is None


def test_prefix_is_written_once_and_read_after() -> None:
    """The marked prefix costs 1.25 now and 0.1 next time; the rest costs its input price both times."""
    cost = request_cost(SMALL, 1000, [(600, "5m"), (800, "5m")], currency="USD")
    assert cost.this_request == pytest.approx((800 * 1.25 + 200) / 1e6)
    assert cost.next_request == pytest.approx((800 * 0.1 + 200) / 1e6)
    assert cost.break_even_requests == 2


def test_mixed_ttls_bill_each_stretch_at_its_own_price() -> None:
    """Up to the last 1h anchor the 1h write price holds, from there to the last anchor the 5m one."""
    cost = request_cost(SMALL, 1000, [(300, "1h"), (500, "1h"), (900, "5m")], currency="USD")
    assert cost.this_request == pytest.approx((500 * 2 + 400 * 1.25 + 100) / 1e6)


def test_an_hour_breaks_even_at_the_third_request() -> None:
    """Written at 2 and read at 0.1, a prefix pays from the third request on."""
    assert request_cost(SMALL, 1000, [(800, "1h")], currency="USD").break_even_requests == 3


@pytest.mark.parametrize("tokens", [801, 1603, 12_345])
def test_break_even_is_exact_where_it_is_met_exactly(tokens: int) -> None:
    """Prices that meet at exactly two requests break even at two, whatever the floats' last digit says."""
    tier = PriceTier(input=0.1, write_5m=0.125, write_1h=0.19, read=0.01, output=0.5)
    exact = replace(SMALL, prices=(tier,))
    assert request_cost(exact, tokens + 200, [(tokens, "1h")], currency="USD").break_even_requests == 2


def test_writes_without_a_premium_break_even_at_once() -> None:
    """Where writing costs no more than input, anchors are never dearer."""
    free = replace(SMALL, prices=(replace(making.DOLLAR, write_5m=1.0),))
    assert request_cost(free, 1000, [(800, "5m")], currency="USD").break_even_requests == 1


def test_reads_as_dear_as_input_never_break_even() -> None:
    """Where reading saves nothing there is no break-even."""
    dear = replace(SMALL, prices=(replace(making.DOLLAR, read=1.0),))
    assert request_cost(dear, 1000, [(800, "5m")], currency="USD").break_even_requests is None


def test_unknown_price_gives_no_figures() -> None:
    """A model without a published price has None for every figure, and an answer's cost too."""
    cost = request_cost(replace(SMALL, prices=()), 1000, [(800, "5m")], currency="USD")
    assert (cost.uncached, cost.this_request, cost.next_request, cost.break_even_requests) == (None,) * 4
    assert answer_cost(replace(SMALL, prices=()), Billed(plain=1, output=1)) is None


def test_long_prompt_price_bills_the_whole_request() -> None:
    """One token over the step, and every token costs the higher price."""
    haiku = catalogue().get("claude-haiku-5-5")
    assert request_cost(haiku, 100_000, [], currency="USD").uncached == pytest.approx(0.01)
    assert request_cost(haiku, 100_001, [], currency="USD").uncached == pytest.approx(0.0500005)


def test_what_is_in_the_cache_is_read_and_not_written() -> None:
    """Up to there at the read price, behind it as it is marked; at most what is marked is read."""
    marks: list[tuple[int, Ttl]] = [(400, "1h"), (800, "5m")]
    cost = request_cost(SMALL, 1000, marks, currency="USD", in_cache=600)
    assert cost.this_request == pytest.approx((600 * 0.1 + 200 * 1.25 + 200) / 1e6)
    assert request_cost(SMALL, 1000, marks, currency="USD", in_cache=900).this_request == pytest.approx(
        cost.next_request
    )


def test_answer_costs_what_its_usage_says() -> None:
    """Input, writes at their TTL, reads and output, each at its price."""
    usage = {
        "input_tokens": 10,
        "output_tokens": 1000,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 500,
        "cache_creation": {"ephemeral_1h_input_tokens": 100, "ephemeral_5m_input_tokens": 200},
    }
    cost = answer_cost(SMALL, billed_of(usage))
    assert cost == pytest.approx((10 + 1000 * 5 + 200 * 1.25 + 100 * 2 + 500 * 0.1) / 1e6)


def test_answer_tier_counts_cached_tokens_too() -> None:
    """The length that picks the price is that of the whole prompt, cached or not."""
    haiku = catalogue().get("claude-haiku-5-5")
    assert answer_cost(haiku, Billed(plain=1, read=100_000)) == pytest.approx((0.5 + 100_000 * 0.05) / 1e6)


def test_the_prompt_cache_saves_what_the_bill_would_have_been_more() -> None:
    """A write is a loss at first, a read a gain; without a price nothing is said; odd usage counts as none."""
    assert prompt_cache_saving(SMALL, Billed(plain=10, written_5m=100, output=5)) == pytest.approx(-25 / 1e6)
    assert prompt_cache_saving(SMALL, Billed(plain=10, written_1h=100)) == pytest.approx(-100 / 1e6)
    assert prompt_cache_saving(SMALL, Billed(plain=10, read=100)) == pytest.approx(90 / 1e6)
    assert prompt_cache_saving(replace(SMALL, prices=()), Billed(read=1)) is None
    assert billed_of({"input_tokens": None, "cache_creation": [], "cache_read_input_tokens": "7"}) == Billed()
    assert billed_of({"cache_creation_input_tokens": 7}) == Billed(written_5m=7)


def test_unknown_prices_assume_the_usual_multiples() -> None:
    """Without prices the decision uses 1.25, 2 and 0.1."""
    assert rates(replace(SMALL, prices=()), 1000) == DEFAULT_RATES == Rates(1.25, 2.0, 0.1)


@pytest.mark.parametrize(
    ("read", "five_minutes", "one_hour"), [(0.1, 0.278, 1.111), (0.05, 0.263, 1.053), (0.025, 0.256, 1.026)]
)
def test_thresholds_are_the_closed_form(read: float, five_minutes: float, one_hour: float) -> None:
    """The reads that a write needs are (w - 1) / (1 - r)."""
    price = Rates(1.25, 2.0, read)
    assert price.threshold("5m") == pytest.approx(five_minutes, abs=0.0005)
    assert price.threshold("1h") == pytest.approx(one_hour, abs=0.0005)


@given(st.floats(0, 50), st.sampled_from(["5m", "1h"]), making.models)
def test_saving_changes_sign_at_the_threshold(reads: float, ttl: Ttl, model: Model) -> None:
    """A write saves money exactly when it expects more reads than the threshold."""
    price = rates(model, 1000)
    assume(not math.isclose(reads, price.threshold(ttl), rel_tol=1e-9))
    assert (price.saving(reads, ttl) > 0) == (reads > price.threshold(ttl))


@given(
    st.lists(st.integers(1, 50_000), min_size=1, max_size=4),
    st.integers(0, 4),
    st.integers(1, 50_000),
    st.sampled_from([model for model in catalogue().models.values() if model.prices]),
)
def test_break_even_is_the_first_request_that_pays(steps: list[int], hours: int, rest: int, model: Model) -> None:
    """At the break-even request anchors are no dearer in all than none, and at the one before they still are."""
    ends = [sum(steps[: i + 1]) for i in range(len(steps))]
    marks: list[tuple[int, Ttl]] = [(end, "1h" if i < hours else "5m") for i, end in enumerate(ends)]
    cost = request_cost(model, ends[-1] + rest, marks, currency="USD")
    assert cost.uncached is not None
    assert cost.this_request is not None
    assert cost.next_request is not None
    assert cost.break_even_requests is not None
    n = cost.break_even_requests
    slack = cost.uncached * 1e-9
    assert cost.this_request + (n - 1) * cost.next_request <= n * cost.uncached + slack
    assert cost.this_request + (n - 2) * cost.next_request > (n - 1) * cost.uncached - slack


def test_prices_agree_with_an_independent_table() -> None:
    """Every price of the data file is the one that genai-prices has, where that package is installed."""
    genai_prices = pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    compared = 0
    for model in catalogue().models.values():
        for tier in model.prices:
            size = tier.up_to or 150_000
            usage = genai_prices.Usage(
                input_tokens=size, cache_write_tokens=3000, cache_read_tokens=5000, output_tokens=1000
            )
            try:
                price = genai_prices.calc_price(usage, model.id, provider_id="anthropic")
            except LookupError:
                continue
            ours = answer_cost(model, Billed(plain=size - 8000, written_5m=3000, read=5000, output=1000))
            assert ours == pytest.approx(float(price.total_price)), model.id
            compared += 1
    assert compared
