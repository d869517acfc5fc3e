"""The traceback of a fault of ours, where the user can find it: never the prompt, never a key."""

import os
import sys
import time
import traceback
from collections.abc import Sequence

from optafly_cli._version import __version__


def write(argv: Sequence[str], error: BaseException) -> str | None:
    """Write it with the options of the command line; the path of the file, None when none could be written."""
    from optafly_cli.config.paths import log_folder
    from optafly_cli.config.private import make_private_folder
    from optafly_cli.workspace.secrets import redact

    try:
        trace = redact("".join(traceback.format_exception(error))).text
        folder = log_folder(os.environ)
        make_private_folder(folder)
        path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        options = [word for word in argv if word.startswith("-")]
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"optafly {__version__}, Python {sys.version}\noptions: {options}\n\n")
            file.write(trace)
    except OSError:
        return None
    return str(path)
