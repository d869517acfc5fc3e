"""What the provider hands on: one complete answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Billed tokens, as the endpoint reported them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the whole prompt, however they were billed."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: `message_stop` was seen and `stop_reason` is end_turn or stop_sequence.

    `text` joins the text blocks. `message` is the whole message as the API would return it unstreamed
    (id, type, role, model, content, stop_reason, usage), so that a replay can be exact.
    """

    text: str
    model: str
    stop_reason: str
    usage: Usage
    message: Mapping[str, Any]
    request_id: str | None = None
