import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.result import Section
from optafly_cli.route.blocks import MAX_BLOCKS_PER_KIND, arrange
from tests.route import making


def _files(count: int) -> list[Section]:
    return [Section("file_reference", f"f{i}.py", f"text of file {i}") for i in range(count)]


def test_blocks_stand_in_order_of_stability() -> None:
    """The system prompt is in `system`, then come project context, files, code, and the instruction last."""
    blocks = arrange(
        [
            Section("project_context", "project", "unwrap: Rust"),
            Section("file_reference", "src/main.rs", "fn main() {}"),
            Section("code_block", "src/main.rs:1", "fn main"),
            Section("instruction", "prompt", "fix this bug"),
        ],
        "Be brief.",
    )
    assert [(block.kind, block.place) for block in blocks] == [
        ("system", "system[0]"),
        ("project_context", "messages[0].content[0]"),
        ("file_reference", "messages[0].content[1]"),
        ("code_block", "messages[0].content[2]"),
        ("instruction", "messages[0].content[3]"),
    ]


def test_lone_instruction_is_one_block_verbatim() -> None:
    """A prompt without context becomes exactly one block with exactly its text."""
    [block] = arrange([Section("instruction", "prompt", "  explain this \n")], None)
    assert (block.kind, block.text) == ("instruction", "  explain this \n")


@given(making.sections)
def test_joined_blocks_are_the_refined_prompt(sections: tuple[Section, ...]) -> None:
    """The user blocks' texts, joined with nothing between them, are the sections that are not blank."""
    blocks = arrange(sections, None)
    assert "".join(b.text for b in blocks) == "\n\n".join(s.text for s in sections if s.text.strip())


@given(making.sections, st.one_of(st.none(), making.texts))
def test_no_block_is_blank(sections: tuple[Section, ...], system: str | None) -> None:
    """Blank sections and a blank system prompt become no block."""
    assert all(block.text.strip() for block in arrange(sections, system))


@pytest.mark.parametrize("kind", ["project_context", "file_reference", "code_block", "instruction"])
def test_kinds_stay_within_the_look_back(kind: str) -> None:
    """However many sections of one kind there are, they become few enough blocks for a read to find an entry."""
    sections = [Section(kind, f"s{i}", f"text {i}") for i in range(50)]  # type: ignore[arg-type]
    blocks = arrange([*sections, Section("instruction", "prompt", "go")], None)
    assert sum(block.kind == kind for block in blocks) == (1 if kind == "instruction" else MAX_BLOCKS_PER_KIND)
    assert all(f"text {i}" in "".join(b.text for b in blocks) for i in range(50))


def test_adding_a_file_leaves_the_blocks_before_it_alone() -> None:
    """Blocks that are already in the prompt cache stay byte for byte the same when a further file is named."""
    question = Section("instruction", "prompt", "go")
    for count in range(1, 30):
        before = [b.text for b in arrange([*_files(count), question], None) if b.kind == "file_reference"]
        after = [b.text for b in arrange([*_files(count + 1), question], None) if b.kind == "file_reference"]
        stable = min(count, MAX_BLOCKS_PER_KIND - 1)
        assert after[:stable] == before[:stable]


def test_merged_block_says_how_many_it_holds() -> None:
    """The label of a merged block names its first section and counts the others."""
    blocks = arrange([*_files(15), Section("instruction", "prompt", "go")], None)
    assert blocks[MAX_BLOCKS_PER_KIND - 1].label == "f11.py and 3 more"
