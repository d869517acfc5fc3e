"""Chunks: every part fits and has the instruction, and together they hold all of the context."""

from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.result import Section
from optafly_cli.route.optimiser.chunking import chunks

ASK = Section("instruction", "instruction", "what is in here?")


def count(text: str) -> int:
    """Tokens, for these tests: words."""
    return len(text.split())


def test_sections_are_kept_together_where_they_fit() -> None:
    """Parts are cut between sections, in their order."""
    sections = [Section("file_reference", f"{n}.txt", "word " * 300) for n in range(4)]
    parts = chunks([*sections, ASK], count, 900)
    assert parts == [(*sections[:2], ASK), (*sections[2:], ASK)]


def test_a_section_that_is_too_long_is_cut_between_lines() -> None:
    """Its tags are around each piece."""
    lines = [f"line {n} of it" for n in range(400)]
    big = Section("code_block", "piped text", "\n".join(["<input>", *lines, "</input>"]))
    parts = chunks([big, ASK], count, 700)
    assert parts is not None and len(parts) > 2
    found = [part[0].text.split("\n") for part in parts]
    assert all(text[0] == "<input>" and text[-1] == "</input>" for text in found)
    assert [line for text in found for line in text[1:-1]] == lines


def test_what_cannot_be_cut_is_not() -> None:
    """A line that is too long, an instruction that is, and a prompt without context are left to be refused."""
    assert chunks([Section("code_block", "x", "word " * 1000), ASK], count, 600) is None
    assert chunks([Section("code_block", "x", "word"), Section("instruction", "i", "word " * 1000)], count, 600) is None
    assert chunks([ASK], count, 600) is None


@given(st.lists(st.integers(1, 200), min_size=1, max_size=12), st.integers(260, 900))
def test_every_part_fits_and_nothing_is_lost(sizes: list[int], room: int) -> None:
    """Whatever the sizes, parts are within the room and hold each line once."""
    sections = [
        Section("file_reference", str(n), "\n".join(f"{n}.{line} is a line" for line in range(size)))
        for n, size in enumerate(sizes)
    ]
    parts = chunks([*sections, ASK], count, room)
    if parts is None:
        return
    assert all(part[-1] == ASK and sum(count(one.text) for one in part) <= room for part in parts)
    told = [line for part in parts for one in part[:-1] for line in one.text.split("\n")]
    assert told == [line for section in sections for line in section.text.split("\n")]
