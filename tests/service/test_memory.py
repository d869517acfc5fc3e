"""What the service says of its memory: its own and its children's, whatever else shares pages with them."""

import subprocess
import sys

from optafly_cli.service.client import memory_mb

OWN_MB, CHILD_MB = 40, 70
PARENT = f"""
import subprocess, sys
held = b"x" * ({OWN_MB} << 20)
child = subprocess.Popen(
    [sys.executable, "-c", "held = b'x' * ({CHILD_MB} << 20); print('ready', flush=True); input()"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
)
child.stdout.readline()
print("ready", flush=True)
input()
"""


def test_a_process_and_its_children_are_counted() -> None:
    """What both of them fill is in the sum, and not much more: no page is counted twice."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        told = memory_mb(parent.pid)
        parent.communicate("\n")
    assert told is not None
    assert OWN_MB + CHILD_MB < told < 2 * (OWN_MB + CHILD_MB)


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    """A number that is nobody's any more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert memory_mb(process.pid) is None
