"""What a terminal would not show: colours, overwritten progress, backspaces. Pure."""

import re

from optafly_cli.route.optimiser.looks import is_important

_SEQUENCES = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # OSC: titles, links
    "|\x1b[PX^_][^\x1b]*\x1b\\\\|\x1b[()*+][0-9A-Za-z]|\x1b[@-Z\\\\^_=>78cDEHMNOZ]"
)
_OVERSTRUCK = re.compile(".\x08")


def without_sequences(line: str) -> str:
    """The line without escape sequences and struck-over characters (`man` pages print bold so)."""
    if "\x1b" in line:
        line = _SEQUENCES.sub("", line)
    while "\x08" in line and (shorter := _OVERSTRUCK.sub("", line)) != line:
        line = shorter
    return line


def last_state(line: str) -> list[str]:
    """What is left of a line that was printed over itself: its last state, and states that speak of an error."""
    if "\r" not in line:
        return [line]
    states = [state for state in line.split("\r") if state.strip()]
    if not states:
        return [""]
    return [*(state for state in states[:-1] if is_important(state)), states[-1]]
