"""Which breakpoints the Messages API refuses, with its own sentences.

Source: the prompt-caching page and errors quoted in public issues, both read 2026-11-22. One thing is not published:
whether an automatic 1h breakpoint may follow a 5m one. It is taken to be refused as an explicit one is.
"""

from optafly_cli.route.shape import MAX_ANCHORS, Marks, RequestShape, last_markable


class RuleBrokenError(ValueError):
    """The API would answer 400; the text says why."""


def check(request: RequestShape, marks: Marks) -> None:
    """Raises `RuleBrokenError` for breakpoints that get an error; one below the model's minimum gets none.

    `marks` are all of the request's breakpoints, its automatic one included (`RequestShape.own_marks`).
    """
    for i in marks:
        if not 0 <= i < len(request.blocks):
            raise RuleBrokenError(f"there is no block {i}")
        block = request.blocks[i]
        if not block.markable:
            what = "empty text blocks" if block.type == "text" else f"{block.type} blocks"
            raise RuleBrokenError(f"block {i}: cache_control cannot be set for {what}")
    if request.automatic:
        _automatic(request, marks)
    if len(marks) > MAX_ANCHORS:
        raise RuleBrokenError(
            f"A maximum of {MAX_ANCHORS} blocks with cache_control may be provided. Found {len(marks)}."
        )
    ttls = [marks[i] for i in sorted(marks)]
    if "5m" in ttls and "1h" in ttls[ttls.index("5m") :]:
        raise RuleBrokenError("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block")


def _automatic(request: RequestShape, marks: Marks) -> None:
    last = last_markable(request.blocks)
    if last is not None and marks.get(last) != request.automatic:
        raise RuleBrokenError("cache_control: the last block already has a cache_control with a different ttl")
