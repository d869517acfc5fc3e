"""What an engine gives back when it rests costs no answer."""

import os
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

from optafly_cli.cache.embedder import BUNDLED
from optafly_cli.cache.engine.client import SOCKET, EngineClient
from optafly_cli.service.giving_back import _clean_mappings

ROOT = Path(__file__).resolve().parents[2]
SMAPS = """\
00400000-00401000 r-xp 00000000 fe:00 11                         /usr/bin/python3.11
Anonymous:             0 kB
00500000-00501000 r--p 00001000 fe:00 11                         /usr/bin/python3.11
Anonymous:             4 kB
00600000-00601000 rw-p 00002000 fe:00 11                         /usr/bin/python3.11
Anonymous:             0 kB
00700000-00701000 r--s 00000000 fe:00 12                         /tmp/shared
Anonymous:             0 kB
00800000-00801000 r--p 00000000 00:00 0
Anonymous:             0 kB
00900000-00901000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
7fff0000-7fff2000 r--p 00000000 fe:00 13                         /a name with spaces (deleted)
Anonymous:             0 kB
"""


def test_only_what_the_file_still_has_is_given_back() -> None:
    """Not what can be written to, was relocated, is shared, or has no file."""
    assert _clean_mappings(SMAPS) == [(0x400000, 0x401000), (0x7FFF0000, 0x7FFF2000)]


def test_an_engine_that_rests_gives_back_and_answers_the_same(tmp_path: Path) -> None:
    """Most of what it has mapped of files goes after the last question; the next has the same answer."""
    (tmp_path / "run").mkdir(mode=0o700)
    script = """
        import os, sys
        sys.path.insert(0, os.getcwd())
        from optafly_cli.cache.engine.client import BUILD
        from optafly_cli.service.engine.server import Server
        from optafly_cli.service.engine.work import Work
        from optafly_cli.service.places import Places

        Server(Places.of(os.environ), BUILD, Work(), rest_s=0.5).run(0)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPTAFLY_HOME": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with closing(EngineClient((tmp_path / "run" / SOCKET).parent)) as engine:
        before = (engine.embed(BUNDLED, "reverse a string"), engine.logit("reverse a string", "turn a string round"))
        used = of_files(process.pid)
        give_up = time.monotonic() + 60
        while of_files(process.pid) > used / 2 and time.monotonic() < give_up:
            time.sleep(0.05)
        assert of_files(process.pid) <= used / 2
        after = (engine.embed(BUNDLED, "reverse a string"), engine.logit("reverse a string", "turn a string round"))
    assert after == before
    process.communicate(timeout=60)
    assert process.returncode == 0


def of_files(pid: int) -> int:
    """KB that the process has mapped of files."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("RssFile:")]
    return int(line.split()[1])
