"""What the service does before anybody asks: it has in place what commands need."""

import subprocess
import sys
from pathlib import Path

from optafly_cli.cache.guard.vetoes import compare
from optafly_cli.cache.types import Hit
from optafly_cli.cli.rehearsed import ASKED, semantic_hit

REHEARSED = """
import re, sys
from optafly_cli.cli import handler, preload
codes = []
run = handler.run
handler.run = lambda *args, **more: codes.append(run(*args, **more)) or codes[-1]
preload.preload()
from optafly_cli.tokens.vocabulary import vocabulary
print(codes, vocabulary.cache_info().currsize)
modules = set(sys.modules)
compiled = []
compile = re._compiler.compile
re._compiler.compile = lambda pattern, flags=0: compiled.append(pattern) or compile(pattern, flags)
preload.rehearse()
print(len(compiled), sorted(set(sys.modules) - modules))
"""


def test_rehearsed_commands_come_to_their_end() -> None:
    """In the folder that the service runs in; the vocabulary is loaded then, and nothing is left for the next."""
    done = subprocess.run(
        [sys.executable, "-c", REHEARSED], capture_output=True, text=True, check=False, cwd="/", timeout=60
    )
    assert done.stdout.splitlines() == ["[0, 0, 0, 1] 1", "0 []"], done.stderr


def test_the_rehearsed_hit_is_one() -> None:
    """Answers that nobody gave are taken for an engine's, both tiers are gone through, and the verifier is asked."""
    found = semantic_hit(Path("/proc/there-is-none"))
    assert isinstance(found, Hit)
    assert (found.tier, found.similarity) == ("semantic", 0.97)
    assert not compare(found.entry.instruction, ASKED).same
