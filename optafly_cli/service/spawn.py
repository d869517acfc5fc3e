"""The command line of a process of the service's own: this Python, told the same, running this optafly."""

import sys
from pathlib import Path

_PROGRAM = """\
import sys
root, module = sys.argv.pop(1), sys.argv.pop(1)
sys.path[:] = [place for place in sys.path if place]
root in sys.path or sys.path.insert(0, root)
from importlib import import_module
sys.exit(import_module(module).main())
"""


def command_line(module: str, *words: str) -> list[str]:
    """What runs `main` of that module of ours, with those arguments."""
    from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]  # as multiprocessing does

    root = str(Path(__file__).resolve().parents[2])
    return [sys.executable, *_args_from_interpreter_flags(), "-c", _PROGRAM, root, module, *words]
