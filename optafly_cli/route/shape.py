"""A request without its texts: what the prompt cache's rules, the planner and a recorded trace need to know of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optafly_cli.models import SAFE_MINIMUM, Model
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl

Marks = Mapping[int, Ttl]
"""Breakpoints: the number of the block that carries `cache_control`, and its TTL."""

LIFETIME: Mapping[Ttl, float] = {"5m": 300.0, "1h": 3600.0}
"""Seconds that an entry lives, from the start of the request that last wrote or read it."""

MAX_ANCHORS = 4
"""Breakpoints in a request, the client's own and the automatic one included: the API answers 400 to a fifth."""

LOOK_BACK = 20
"""Positions at which a read looks for an entry, the breakpoint's own included."""

ONE_POSITION = frozenset({"tool_use", "tool_result"})
"""Types of which consecutive blocks count as one position of the look-back."""

MARKABLE = frozenset(
    {
        "text", "image", "document", "search_result", "tool_use", "tool_result", "tool", "server_tool_use",
        "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "tool_reference",
        "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
        "container_upload", "browser_state",
    }
)  # fmt: skip
"""Types that take `cache_control`, as anthropic 2.12.0 has them; thinking is cached as part of a prefix only."""


@dataclass(frozen=True, slots=True)
class BlockShape:
    """One block. `digest` names its bytes and its role, whatever markers it carries; `tokens` are its own.

    `type` is the API's type of the block, "tool" for a tool's definition and "deferred_tool" for one with
    `defer_loading`. `mark` is a breakpoint of the client's own.
    """

    digest: str
    tokens: int
    kind: BlockKind
    type: str = "text"
    mark: Ttl | None = None

    @property
    def markable(self) -> bool:
        """Whether the API takes `cache_control` on it: not on thinking, and not on a text that is empty."""
        return self.type in MARKABLE and (self.tokens > 0 or self.type != "text")


@dataclass(frozen=True, slots=True)
class RequestShape:
    """One request as it was or is to be sent: `blocks` in the order tools, system, messages.

    `at` is the second at which it was sent, counted from anywhere; `begins_after` are the seconds until its answer
    began: what it writes can be read from then on. `credential` is a digest: keys of different workspaces share
    nothing. `automatic` is the TTL of a `cache_control` that stands beside the messages.
    """

    model: str
    blocks: tuple[BlockShape, ...]
    at: float = 0.0
    begins_after: float = 0.0
    credential: str = ""
    automatic: Ttl | None = None

    @property
    def tokens(self) -> int:
        """Input tokens of the whole request."""
        return sum(block.tokens for block in self.blocks)

    @property
    def own_marks(self) -> dict[int, Ttl]:
        """The breakpoints that the client set, the automatic one included."""
        marks = {i: block.mark for i, block in enumerate(self.blocks) if block.mark}
        last = last_markable(self.blocks)
        if self.automatic and last is not None:
            marks.setdefault(last, self.automatic)
        return marks


@dataclass(frozen=True, slots=True)
class Prefix:
    """The request up to and including one block. Equal `key`: the same bytes, for the same model and credential.

    `position` is what the look-back counts in: a run of tool calls or of tool results is one.
    """

    key: str
    tokens: int
    position: int


def prefixes(request: RequestShape) -> list[Prefix]:
    """One prefix for each block, in order."""
    digest = hashlib.blake2b(f"{request.credential}\0{request.model}".encode(), digest_size=16)
    found: list[Prefix] = []
    tokens = position = 0
    before = ""
    for block in request.blocks:
        digest.update(b"\0" + block.digest.encode())
        tokens += block.tokens
        if block.type != before or before not in ONE_POSITION:
            position += 1
        before = block.type
        found.append(Prefix(digest.hexdigest(), tokens, position))
    return found


def last_markable(blocks: Sequence[BlockShape]) -> int | None:
    """The number of the last block that takes a marker."""
    return next((i for i in reversed(range(len(blocks))) if blocks[i].markable), None)


def minimum_for(model: Model) -> int:
    """The tokens below which a prefix is not written; the largest that is known where the model's is not."""
    return SAFE_MINIMUM if model.min_cacheable is None else model.min_cacheable
