"""Runs the engine: python -m optafly_cli.service.engine < PIPE."""

import sys

from optafly_cli.service.engine.server import main

if __name__ == "__main__":
    sys.exit(main())
