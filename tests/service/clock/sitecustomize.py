"""On PYTHONPATH: this process's wall clock is off by the seconds that stand in the file `$PYTHON_CLOCK_OFF_BY`.

A service is started with no other variables than those of Python and of optafly: hence the name.
"""

import os
import time
from pathlib import Path

_real, _file = time.time, Path(os.environ["PYTHON_CLOCK_OFF_BY"])
time.time = lambda: _real() + float(_file.read_text())
