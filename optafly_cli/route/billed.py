"""What an answer's `usage` says about our token counts. Pure but for the packaged vocabulary."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from typing import Any

from optafly_cli.models import Model
from optafly_cli.tokens.calibration import ContentClass, content_class, observed

LONGEST = 100_000
"""Characters of a request that are counted once more to learn from it."""

_UNCOUNTED = ("tools", "mcp_servers", "container", "context_management", "output_config")


def observed_ratio(body: Mapping[str, Any], model: Model, billed: int) -> tuple[ContentClass, float] | None:
    """The class of content that the request mostly is, and tokens billed over tokens counted.

    None where it holds more than texts (tools, images, earlier thinking: what they count is not known here), is too
    short or too long to learn from, or is billed as only something uncounted explains.
    """
    texts = texts_of(body)
    if texts is None or sum(map(len, texts)) > LONGEST:
        return None
    from optafly_cli.tokens.counter import counter_for

    counter = counter_for(model)
    tokens: Tally[ContentClass] = Tally()
    for text in texts:
        tokens[content_class(text)] += counter.count(text)
    ratio = observed(tokens.total() + counter.frame, billed)
    return (tokens.most_common(1)[0][0], ratio) if ratio is not None and tokens else None


def texts_of(body: Mapping[str, Any]) -> list[str] | None:
    """Every text of a Messages body; None where it holds something else."""
    if any(body.get(name) for name in _UNCOUNTED):
        return None
    found: list[str] = []
    for content in _contents(body):
        if isinstance(content, str):
            found.append(content)
        elif isinstance(content, list) and all(isinstance(block, Mapping) for block in content):
            if any(block.get("type") != "text" or not isinstance(block.get("text"), str) for block in content):
                return None
            found += (block["text"] for block in content)
        else:
            return None
    return found


def _contents(body: Mapping[str, Any]) -> Iterator[Any]:
    if body.get("system"):
        yield body["system"]
    for message in body.get("messages") or ():
        yield message.get("content") if isinstance(message, Mapping) else None
