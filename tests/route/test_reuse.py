"""What is expected to be sent again: by record, by weights, within the purse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.route import features
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.history import Account, Memory, Sent, bill, live, reported, session
from optafly_cli.route.learned import Learned, Weights, shipped_weights
from optafly_cli.route.learning import examples, fit
from optafly_cli.route.observed import ByRecord
from optafly_cli.route.pricing import DEFAULT_RATES
from optafly_cli.route.purse import LENT, Thrifty, affordable
from optafly_cli.route.reuse import Reads, Reuse, shipped_prior
from optafly_cli.route.shape import BlockShape, Marks, Prefix, RequestShape, prefixes
from optafly_cli.route.simulator.lesson import FITTED, billed, learn
from optafly_cli.route.simulator.policies import none
from optafly_cli.route.simulator.prompt_cache import PromptCache
from optafly_cli.route.simulator.remembering import Remembering
from optafly_cli.route.simulator.replay import replay
from optafly_cli.route.strategy import ENOUGH, Lesson, estimate, heuristic, learned
from tests.route.making import SMALL

KINDS: tuple[BlockKind, ...] = ("system", "file_reference", "conversation", "tool_results", "instruction")


def ask(names: str, at: float, kind: BlockKind = "conversation", tokens: int = 200) -> RequestShape:
    """A request with a block for each letter; a capital one is a system block, `?` an instruction."""
    kinds: dict[str, BlockKind] = {"?": "instruction"}
    blocks = (BlockShape(n, tokens, kinds.get(n, "system" if n.isupper() else kind)) for n in names)
    return RequestShape(SMALL.id, tuple(blocks), at)


def after(*requests: RequestShape) -> Memory:
    """A history of these requests, none of which was written."""
    history = Memory()
    for request in requests:
        history.add(Sent(request, prefixes(request), {}, 0, Account()))
    return history


def expected(reuse: Reuse, request: RequestShape) -> list[float]:
    """The five-minute figures."""
    return [reads.five_minutes for reads in reuse.expected(request, prefixes(request))]


words = st.text(alphabet="Sabc", min_size=1, max_size=6)
traces = st.lists(st.tuples(words, st.floats(0, 500)), min_size=1, max_size=25).map(
    lambda pairs: [
        ask(names, sum(gap for _, gap in pairs[: i + 1])) for i, (names, _) in enumerate(pairs)
    ]
)  # fmt: skip


def test_a_history_counts_uses_returns_and_branches() -> None:
    """Of every prefix; one that was not sent, or whose beginning was not, has no past."""
    history = after(ask("Sab", 0), ask("Sac", 100), ask("Sab", 900))
    past = history.past(prefixes(ask("Sabz", 950)))
    assert [(p.uses, p.returned, p.branches, p.last) for p in past] == [(3, 1, 1, 900), (3, 1, 2, 900), (2, 0, 0, 900)]
    assert history.past(prefixes(ask("zab", 950))) == []


def test_a_session_goes_on_where_more_than_the_system_prompt_is_shared() -> None:
    """Its turns are numbered, and the mean of their gaps is kept."""
    history = after(ask("Sa", 0), ask("Sabc", 60), ask("Sabcd", 180))
    next_one, other = ask("Sabcde", 200), ask("Sx", 200)
    before = session(history.past(prefixes(next_one)), next_one)
    assert before is not None
    assert (before.number, before.gap, before.blocks) == (2, 90.0, 5)
    assert session(history.past(prefixes(other)), other) is None


@settings(max_examples=60, deadline=None)
@given(traces, st.data())
def test_a_history_knows_what_is_in_the_prompt_cache(trace: list[RequestShape], data: st.DataObject) -> None:
    """What it says of a request's entries and bill is what the simulator says, whatever was marked."""
    cache, history = PromptCache(), Memory()
    for request in trace:
        ends = prefixes(request)
        past = history.past(ends)
        chosen = data.draw(st.sets(st.sampled_from(range(len(ends))), max_size=4))
        marks: Marks = {i: "5m" for i in sorted(chosen) if ends[i].tokens >= 100}
        assert live(past, request.at) == cache.live(request, ends)
        bought = bill(past, request, ends, marks)
        found = cache.send(request, marks, SMALL)
        assert (bought.read, bought.written_5m, bought.written_1h) == (found.read, found.written_5m, found.written_1h)
        history.add(Sent(request, ends, marks, 0, bought))


def test_what_the_endpoint_reported_is_what_was_billed() -> None:
    """What was written up to the last 1h breakpoint was written for an hour."""
    request = ask("Sab", 0)
    sent = Sent(request, prefixes(request), {0: "1h", 2: "5m"}, 0, Account())
    assert reported(sent, output=7, read=50, written=550).billed == Account(50, 400, 150)
    assert reported(sent, output=7, read=300, written=300).billed == Account(300, 300, 0)


def test_without_a_history_the_heuristic_is_the_prior() -> None:
    """For every kind of block."""
    request = RequestShape(SMALL.id, tuple(BlockShape(kind, 200, kind) for kind in KINDS))
    usual = shipped_prior().expected(KINDS)
    assert list(ByRecord(shipped_prior(), Memory()).expected(request, prefixes(request))) == list(usual)


def test_the_heuristic_learns_what_comes_back() -> None:
    """A prefix that came back each time is expected more than one that never did, one of five minutes ago more than one
    of an hour ago, and a session that goes on more than one that begins."""
    often = after(*(ask("Sab", 60.0 * i) for i in range(5)))
    never = after(*(ask("Sab", 4000.0 * i) for i in range(5)))
    assert expected(heuristic(often), ask("Sab", 260))[2] > 3 * expected(heuristic(never), ask("Sab", 19_000))[2]
    assert expected(heuristic(often), ask("Sab", 260))[2] > expected(heuristic(often), ask("Sab", 3_000))[2]
    assert expected(heuristic(often), ask("Sabz", 260))[3] > expected(heuristic(often), ask("Sz", 260))[1]


def test_a_conversation_that_begins_like_others_is_not_written_at_first() -> None:
    """Its system prompt is; what is new in it when it goes on."""
    history = after(ask("Sab", 0), ask("Scd", 10))
    threshold = DEFAULT_RATES.threshold("5m")
    begins = expected(heuristic(history), ask("Sef", 20))
    assert begins[0] > threshold > begins[1]
    assert expected(heuristic(history), ask("Scdef", 20))[4] > threshold


@settings(max_examples=60, deadline=None)
@given(traces)
def test_estimates_are_sound(trace: list[RequestShape]) -> None:
    """The learned one never rises with depth; both are finite, and an hour has no fewer reads than five minutes."""
    for make in (heuristic, lambda history: learned(shipped_weights(), history)):
        history = Memory()
        for request in trace:
            ends = prefixes(request)
            found = make(history).expected(request, ends)
            assert len(found) == len(ends)
            assert all(0 <= reads.five_minutes <= reads.one_hour < 20 for reads in found)
            if make is not heuristic:
                five = [reads.five_minutes for reads in found]
                assert five == sorted(five, reverse=True)
            history.add(Sent(request, ends, {}, 0, Account()))


def test_an_instruction_is_never_expected_again() -> None:
    """Whatever was seen of it."""
    history = after(ask("Sa?", 0), ask("Sa?", 10))
    for reuse in (heuristic(history), learned(shipped_weights(), history)):
        assert expected(reuse, ask("Sa?", 20))[2] == 0


def test_every_feature_has_a_name_and_a_number() -> None:
    """For prefixes that live, that are stale, and that are new."""
    history = after(ask("Sab", 0), ask("Sac", 400))
    request = ask("Sabx", 500)
    rows = features.rows(request, prefixes(request), history.past(prefixes(request)))
    assert [len(row) for row in rows] == [len(features.NAMES)] * 4
    kinds = [[name for name in ("live", "stale", "new") if row[features.NAMES.index(name)]] for row in rows]
    assert kinds == [["live"], ["live"], ["stale"], ["new"]]


def returning(sessions: int) -> list[tuple[RequestShape, int]]:
    """Sessions that go on if they are short, and end at once if they are long: not what the prior says of either."""
    trace = []
    for i in range(sessions):
        at, name = 40.0 * i, chr(0x100 + i)
        if i % 2:
            trace.append((ask("S" + "".join(chr(0x5000 + 40 * i + k) for k in range(30)), at, tokens=600), 5))
        else:
            trace += [(ask(f"S{name}"[:2] + "b" * turn, at + 20.0 * turn), 5) for turn in range(3)]
    return sorted(trace, key=lambda pair: pair[0].at)


def test_weights_are_fitted_to_what_came_back() -> None:
    """Short new prompts come back here and long ones do not: the fitted estimate tells them apart."""
    trace = returning(200)
    ends = [prefixes(request) for request, _ in trace]
    weights = fit(examples(trace, ends, shipped_prior()), None, "a test")
    history = after(*(request for request, _ in trace))
    now = trace[-1][0].at + 1
    short = expected(learned(weights, history), ask("Sq", now))[1]
    long = expected(learned(weights, history), ask("Sqrstuvwxyzqrstuvwxyzqrstuvwxyzz", now, tokens=600))[1]
    assert short > 0.5 > 0.1 > long
    assert weights.requests == len(trace)


def test_few_requests_hardly_move_the_weights() -> None:
    """They are held to those that ship."""
    trace = returning(3)
    found = fit(examples(trace, [prefixes(request) for request, _ in trace], shipped_prior()), shipped_weights(), "x")
    moved = [abs(a - b) for a, b in zip(found.weights, shipped_weights().weights, strict=True)]
    assert max(moved) < 0.5
    assert fit(examples([], [], shipped_prior()), shipped_weights(), "x") == shipped_weights()


def test_what_has_not_had_its_time_is_no_example() -> None:
    """Of a request of the last five minutes nobody knows yet whether it comes back."""
    trace = [(ask("Sab", 0), 0), (ask("Sab", 100), 0), (ask("Scd", 350), 0)]
    found = examples(trace, [prefixes(request) for request, _ in trace], shipped_prior())
    assert found.known(300).tolist() == [True] * 3 + [False] * 6
    assert found.again[:6].tolist() == [100, 100, 100, 250, float("inf"), float("inf")]


def test_a_lesson_says_which_plan_was_cheaper() -> None:
    """Billed on requests to which the compared weights were not fitted."""
    trace = returning(200)
    taught = learn(trace, lambda _: SMALL, now=5.0, source="a test")
    cut = int(len(trace) * FITTED)
    assert taught.lesson.compared == len(trace) - cut
    assert taught.none == pytest.approx(sum(replay([r for r, _ in trace], none, lambda _: SMALL).costs[cut:]))
    assert taught.heuristic == pytest.approx(sum(billed(trace, heuristic, lambda _: SMALL)[cut:]))
    assert taught.lesson.learned == pytest.approx(taught.learned / taught.none)
    assert taught.learned < taught.none
    marked = [
        (replace(request, blocks=tuple(replace(block, mark="5m") for block in request.blocks[:4])), output)
        for request, output in trace
    ]
    bare = [(replace(request, blocks=request.blocks[:4]), output) for request, output in trace]
    assert learn(marked, lambda _: SMALL, now=5.0, source="a test") == learn(
        bare, lambda _: SMALL, now=5.0, source="a test"
    )
    with pytest.raises(ValueError, match="too few"):
        learn(trace[: ENOUGH - 1], lambda _: SMALL, now=5.0, source="a test")


def lesson(*, requests: int = ENOUGH, by_heuristic: float = 0.9, by_learned: float = 0.8) -> Lesson:
    """A lesson with these figures."""
    weights = shipped_weights()
    return Lesson(Weights(weights.weights, weights.hour, requests, "a test"), 1.0, 100, by_heuristic, by_learned)


def planned_by(strategy: str, given: Lesson | None) -> type:
    """Which estimate is inside the purse."""
    found = estimate(strategy, Memory(), given, DEFAULT_RATES)  # type: ignore[arg-type]
    assert isinstance(found, Thrifty)
    return type(found.estimate)


def test_auto_falls_back_to_the_heuristic() -> None:
    """Without a lesson, with one of too few requests, and with one in which the heuristic was cheaper."""
    assert planned_by("auto", None) is ByRecord
    assert planned_by("auto", lesson()) is Learned
    assert planned_by("auto", lesson(requests=ENOUGH - 1)) is ByRecord
    assert planned_by("auto", lesson(by_heuristic=0.79)) is ByRecord
    assert planned_by("heuristic", lesson()) is ByRecord
    assert planned_by("learned", None) is ByRecord
    assert planned_by("learned", lesson(by_heuristic=0.1)) is Learned


def test_a_lesson_is_read_as_it_was_written() -> None:
    """What is broken, or of features that are no more, is none."""
    given = lesson()
    assert Lesson.of_json(given.as_json()) == given
    for broken in (
        "",
        "[]",
        "{}",
        given.as_json().replace("reuse/1", "reuse/0"),
        given.as_json().replace("live", "dead"),
    ):
        assert Lesson.of_json(broken) is None


@dataclass(frozen=True)
class Always:
    """An estimate that is wrong: everything comes back."""

    reads: Reads

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        return [self.reads] * len(ends)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(words, st.floats(0, 200)), min_size=1, max_size=17),
    st.sampled_from([(Reads(9.0, 0.0), 0.25), (Reads(9.0, 9.0), 1.0), (Reads(0.0, 9.0), 1.0)]),
)
def test_no_estimate_can_make_caching_dearer_than_doing_without(
    pairs: list[tuple[str, float]], wrong: tuple[Reads, float]
) -> None:
    """Within an hour the bill is at most that of no caching and a tenth, and the premium on the largest request."""
    trace = [ask(names, sum(gap for _, gap in pairs[: i + 1])) for i, (names, _) in enumerate(pairs)]
    history = Memory()
    policy = Remembering(Thrifty(Always(wrong[0]), history, DEFAULT_RATES), history, lambda _: SMALL)
    paid = replay(trace, policy, lambda _: SMALL).cost
    uncached = sum(request.tokens for request in trace) / 1e6
    assert paid <= (1 + LENT) * uncached + wrong[1] * max(request.tokens for request in trace) / 1e6 + 1e-12


def test_an_empty_purse_does_not_stay_empty_where_a_prefix_comes_back() -> None:
    """A write that nobody read leaves nothing for the next text; asked again and again, that one is written, too."""
    history = Memory()
    thrifty = Thrifty(Always(Reads(9.0, 0.0)), history, DEFAULT_RATES)
    written = ask("Sxy", 0)
    history.add(Sent(written, prefixes(written), {2: "5m"}, 0, Account(written_5m=written.tokens)))
    allowed = []
    for turn in range(1, 9):
        request = ask("Tab", turn * 60)
        ends = prefixes(request)
        first = thrifty.expected(request, ends)[0]
        assert first.held == (first.five_minutes == 0)
        allowed.append(not first.held)
        history.add(Sent(request, ends, {}, 0, Account()))
    assert allowed[:2] == [False, False]
    assert allowed[-1]


def test_the_purse_opens_again_when_reading_has_saved() -> None:
    """What was written is counted for an hour, and so is what was saved."""
    assert affordable(Account(), 0, 1_000, DEFAULT_RATES, "5m") == 1_000
    assert affordable(Account(), 0, 1_000, DEFAULT_RATES, "1h") == 1_000
    assert affordable(Account(written_5m=1_000), 0, 1_000, DEFAULT_RATES, "5m") == 0
    assert affordable(Account(written_5m=1_000), 0, 1_000, DEFAULT_RATES, "1h") == 750
    assert affordable(Account(written_5m=1_000), 250, 1_000, DEFAULT_RATES, "5m") == pytest.approx(720)
    assert affordable(Account(read=250, written_1h=180), 0, 1_000, DEFAULT_RATES, "1h") == pytest.approx(1_000)
    history = Memory()
    request = ask("Sab", 0)
    history.add(Sent(request, prefixes(request), {2: "5m"}, 0, Account(written_5m=600)))
    assert history.account(3_599).written_5m == 600
    assert history.account(3_601) == Account()
