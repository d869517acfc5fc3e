"""Text at the front of a prompt that changes every time, so that the prompt cache never sees the same prefix."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.rules.base import PROMPTS, Rule, Spot, Subject

FRONT = 200
SHORTEST = 400
"""Characters below which a prompt has no prefix worth keeping stable."""


def volatile_front(subject: Subject) -> Iterator[Spot]:
    """A time stamp, a session or request id, or a variable of that name, in the first lines of a long prompt."""
    view = subject.view
    if len(view.text) < SHORTEST or view.structure is not None:
        return
    match = _front().match(view.text[: FRONT * 2])
    if match and not any(
        region.kind in ("fence", "error") and region.start <= match.start("what") for region in view.regions
    ):
        yield Spot(
            *match.span("what"),
            "This changes with every request, and it stands at the front: the prompt cache cannot reuse what follows. "
            "Move it to the end.",
        )


@cache
def _front() -> re.Pattern[str]:
    stamp = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    uuid = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    name = (
        r"(?:current_?|today_?|request_?|session_?|trace_?|user_?|run_?)?"
        r"(?:date_?time|date|time(?:stamp)?|now|today|uuid|id|nonce)"
    )
    variable = rf"(?:[\w '’]{{0,40}}(?::|=| is)\s*)?(?:\$?\{{{{1,3}}\s*{name}(?:[.(|:][^{{}}\n]{{0,40}})?\s*\}}{{1,3}})"
    label = (
        r"(?:current |today's |request |session |trace |correlation |conversation |user |run |build )?"
        r"(?:date(?: and time)?|time(?:stamp)?|now|today|id|uuid|nonce|datetime)"
    )
    return re.compile(
        rf"\s*(?:[^\n]{{0,80}}\n){{0,2}}?[ \t#*\-\[(]*(?P<what>{label}\s*(?:is|:"
        rf"|=)\s*[^\n]{{0,60}}?(?:\d[\d:/.-]{{5,}}|{uuid})[^\n\])]{{0,20}}"
        rf"|{variable}|{stamp}(?=\s*(?:\n|$|[\])]))|{uuid})",
        re.I,
    )


RULES = (
    Rule(
        "OPF016",
        "warning",
        "front that changes every time",
        "The prompt cache reuses a prompt only from its first character on. A date, time or id at the front "
        "makes every "
        "prompt new; at the end it costs nothing.",
        volatile_front,
        bad="Current time: 2026-11-23 02:15:00\n(400 characters of instructions)",
        better="(400 characters of instructions)\nCurrent time: 2026-11-23 02:15:00",
        kinds=PROMPTS,
    ),
)
