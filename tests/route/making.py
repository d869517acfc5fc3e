"""What the tests of route are made from: refined prompts, models, hypothesis strategies."""

from dataclasses import replace

from hypothesis import strategies as st

from optafly_cli.models import Model, PriceTier, catalogue
from optafly_cli.refine.result import Intent, RefinedPrompt, Score, Section
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import Prior, Reads
from optafly_cli.route.shape import BlockShape, RequestShape

DOLLAR = PriceTier(input=1.0, write_5m=1.25, write_1h=2.0, read=0.1, output=5.0)
SMALL = Model("small", "claude-4.8", 200_000, 100, (DOLLAR,))
"""A model with a minimum of 100 and a dollar per million tokens."""

OFTEN = Prior(
    "2026-11-22",
    {
        "system": Reads(3.0, 30.0),
        "project_context": Reads(3.0, 20.0),
        "file_reference": Reads(2.0, 10.0),
        "code_block": Reads(1.0, 5.0),
    },
    0.9,
)
"""A prior under which every boundary pays, and 1h more than 5m."""


def refined(*sections: Section) -> RefinedPrompt:
    """A refined prompt of these sections."""
    score = Score(0.5, {})
    return RefinedPrompt(
        original=sections[-1].text if sections else "",
        sections=sections,
        intent=Intent("other", 0.5),
        score_original=score,
        score_refined=score,
        findings=(),
        changes=(),
        pieces=(),
        context_tokens=0,
        budget=2048,
    )


def prose(words: int, seed: str = "word") -> str:
    """A text of about that many tokens, different for each seed."""
    return " ".join(f"{seed}{i % 7}" for i in range(words))


texts = st.one_of(
    st.sampled_from(["", " ", "\n\n", "x", "fn main() {}\n", "naïve – 数字\n", prose(40), prose(200), prose(600)]),
    st.text(st.characters(codec="utf-8"), max_size=60),
)
"""Texts of all sizes that matter: blank, tiny, below and above the minimums."""

sections = st.builds(
    lambda context, instruction: (
        *sorted(context, key=lambda s: ("project_context", "file_reference", "code_block").index(s.kind)),
        Section("instruction", "prompt", instruction),
    ),
    st.lists(
        st.builds(
            Section,
            st.sampled_from(["project_context", "file_reference", "code_block"]),
            st.sampled_from(["src/main.rs", "app.py", "piped text"]),
            texts,
        ),
        max_size=20,
    ),
    texts.filter(lambda text: bool(text.strip())),
)

models = st.sampled_from([*catalogue().models.values(), SMALL, replace(SMALL, id="unpriced", prices=())])

priors = st.builds(
    lambda five, more, factor: Prior(
        "2026-11-22",
        dict(
            zip(
                ("system", "project_context", "file_reference", "code_block"),
                (Reads(a, a + b) for a, b in zip(five, more, strict=True)),
                strict=True,
            )
        ),
        factor,
    ),
    st.lists(st.floats(0, 4), min_size=4, max_size=4),
    st.lists(st.floats(0, 8), min_size=4, max_size=4),
    st.floats(0.5, 1.0),
)


def text(*tokens: int, name: str = "text", kind: BlockKind = "conversation") -> list[BlockShape]:
    """Text blocks of these sizes; the same place and size gives the same block."""
    return [BlockShape(f"{name} {i} {size}", size, kind) for i, size in enumerate(tokens)]


def request(
    *blocks: BlockShape,
    at: float = 0.0,
    begins_after: float = 0.0,
    credential: str = "",
    model: str = "small",
    automatic: Ttl | None = None,
) -> RequestShape:
    """A request of these blocks."""
    return RequestShape(model, blocks, at, begins_after, credential, automatic)
