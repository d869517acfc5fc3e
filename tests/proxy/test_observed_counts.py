"""What answers that pass through the proxy teach about token counts."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from optafly_cli.cache.counts import counted_as
from optafly_cli.service.proxy.keeping import LESSONS
from optafly_cli.tokens.counter import Counter
from tests.fakes.messages_api import MessagesApi
from tests.proxy.conftest import QUESTION, RunningProxy, made_from

LONG = "The parser keeps a stack of open brackets, and reports the first one that is never closed. " * 20


def observed(store: Path) -> list[tuple[str, str, float]]:
    """What is kept of answers: the model's name, the class of content, the ratio."""
    connection = sqlite3.connect(store / "entries.sqlite")
    try:
        return connection.execute("SELECT model, content, ratio FROM token_ratio ORDER BY id").fetchall()
    finally:
        connection.close()


def asking(text: str, **more: Any) -> dict[str, Any]:
    """The question with that text."""
    return {**QUESTION, "messages": [{"role": "user", "content": text}], **more}


def test_an_answer_says_how_far_off_the_count_was(api: MessagesApi, tmp_path: Path) -> None:
    """A request of texts is held against its bill; a short one, one with tools and a hit are not."""
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
    with RunningProxy(made_from(api.url, tmp_path / "store"), key=api.key) as proxy:
        proxy.ask(asking(LONG))
        proxy.ask(asking(LONG))
        proxy.ask(QUESTION)
        proxy.ask(asking(LONG + "Really?", tools=[tool]))
    assert len(api.messages) == 3
    (row,) = observed(tmp_path / "store")
    assert row[0].startswith(f"{QUESTION['model']}@")
    assert row[1] == "prose"
    # The fake bills a token for 3.5 bytes
    assert row[2] == pytest.approx(len(LONG) / 3.5 / (Counter("claude-4.8").count(LONG) + 6), rel=0.01)


def test_not_every_answer_of_many_is_learned_from(api: MessagesApi, tmp_path: Path) -> None:
    """The first ones are, then one a second."""
    begun = time.monotonic()
    with RunningProxy(made_from(api.url, tmp_path / "store"), key=api.key) as proxy:
        for number in range(LESSONS + 14):
            proxy.ask(asking(f"{LONG} Case {number}."))
    assert len(api.messages) == LESSONS + 14
    assert LESSONS <= len(observed(tmp_path / "store")) <= LESSONS + 1 + time.monotonic() - begun


def test_another_endpoint_is_another_model() -> None:
    """What is kept for Anthropic's own endpoint has the model's name alone."""
    assert counted_as("claude-opus-5-5", "") == "claude-opus-5-5"
    assert counted_as("claude-opus-5-5", "0123456789abcdef0123") == "claude-opus-5-5@0123456789abcdef"
