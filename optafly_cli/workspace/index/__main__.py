"""Builds the index of one workspace: `python -m optafly_cli.workspace.index ROOT FOLDER`. Started by `Keeper`."""

import os
import sys
from pathlib import Path

from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.root import find_workspace


def main(root: str, folder: str) -> int:
    """Build it; 0 when it is there, or somebody else is at it."""
    os.nice(5)
    Keeper(find_workspace(Path(root)), Path(folder)).build()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
