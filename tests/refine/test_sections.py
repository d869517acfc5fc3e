"""The parts of one file between one pair of tags: verbatim, told apart again, and charged to the token."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.markup import parse
from optafly_cli.refine.pack import Pack, Wanted
from optafly_cli.refine.redacted import Redacted
from optafly_cli.refine.sections import GAP, groups, less, parts, section, shared
from optafly_cli.workspace.types import LineRange
from tests.refine.rewriting import characters, words

FILES = st.lists(st.sampled_from(["x = 1", "", GAP, "</code>", "<request>", "    return x"]), min_size=12, max_size=30)
STRETCHES = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=5)


def packed(lines: Sequence[str], stretches: Sequence[tuple[int, int]], budget: int = 10**6) -> Pack:
    """Stretches (first line, lines more) of a file in a pack, as many as fit."""
    pack = Pack(budget, characters)
    everything = LineRange(1, len(lines))
    for start, more in stretches:
        wanted = Wanted("a b.py", Redacted(lines, frozenset()), everything, LineRange(1, 1), "found", "python")
        for part in pack.free(wanted, LineRange(start, min(start + more, len(lines)))):
            if pack.added(pack.with_parts(wanted, [(part, "found")])) <= pack.room:
                pack.put(wanted, part)
    return pack


@given(lines=FILES, stretches=STRETCHES)
def test_the_parts_of_a_section_can_be_told_apart_again(lines: list[str], stretches: list[tuple[int, int]]) -> None:
    """Whatever stands in them, the line between parts and closing tags included: each is there, with its lines."""
    pack = packed(lines, stretches)
    (group,) = groups(pack.chosen)
    structure = parse(f"{section(group)}\n\nfix it")
    assert structure is not None
    part = structure.parts[0]
    expected = [(LineRange(one.piece.start_line, one.piece.end_line), one.piece.text) for one in group]
    assert parts(part.attributes, part.text) == expected
    assert all("\n".join(lines[at.start - 1 : at.end]) == text for at, text in expected)


@given(lines=FILES, stretches=STRETCHES, budget=st.integers(0, 400), data=st.data())
def test_what_pieces_cost_adds_up_to_what_their_section_costs(
    lines: list[str], stretches: list[tuple[int, int]], budget: int, data: st.DataObject
) -> None:
    """Within the budget, and when some of them are left out."""
    pack = packed(lines, stretches, budget)
    rendered = "".join(section(group) + "\n\n" for group in groups(pack.chosen))
    assert sum(one.piece.tokens for one in pack.chosen) == pack.used == len(rendered) <= budget
    kept = [one for one in pack.chosen if data.draw(st.booleans())]
    rest = less(pack.chosen, kept, characters)
    assert [one.piece.text for one in rest] == [one.piece.text for one in kept]
    assert sum(one.piece.tokens for one in rest) == len("".join(section(one) + "\n\n" for one in groups(rest)))


def test_files_and_diffs_stand_alone() -> None:
    """Only parts of one file share tags; two files do not, and neither does a whole one."""
    text = Redacted(["x", "y"], frozenset())
    pack = Pack(100, words)
    for label in ("a.py", "b.py"):
        pack.put(Wanted(label, text, LineRange(1, 2), LineRange(1, 1), "found", "python"), LineRange(1, 1))
    pack.put(Wanted("c.py", text, LineRange(1, 2), LineRange(1, 1), "named", "python", kind="file"), LineRange(1, 2))
    assert [len(group) for group in groups(pack.chosen)] == [1, 1, 1]


@given(total=st.integers(0, 5000), sizes=st.lists(st.integers(0, 900), max_size=8))
def test_a_shared_sum_is_whole(total: int, sizes: list[int]) -> None:
    """No token is lost and none is made, and nobody goes away empty where there are enough."""
    found = shared(total, sizes)
    assert len(found) == len(sizes)
    assert sum(found) == (total if sizes else 0)
    assert all(one >= int(total >= len(sizes)) for one in found)
