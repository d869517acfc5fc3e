"""What `cache search` says to people."""

import sys
from typing import TYPE_CHECKING

from optafly_cli.cache.lookup import NOTHING_STORED
from optafly_cli.cli.columns import width_of
from optafly_cli.cli.explain_output import decision, explained, listed
from optafly_cli.cli.ui import Ui

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation


def say(ui: Ui, found: "Explanation", *, in_full: bool, everywhere: bool) -> None:
    """The explanation in full, or the list with the decision on stderr."""
    if not in_full:
        ui.note(decision(found))
    if not everywhere and found.lookup != NOTHING_STORED and found.lookup.reason == "empty":
        ui.note("--all looks into what was asked with other files, models or settings")
    width = width_of(sys.stdout)
    for line in explained(found, width) if in_full else listed(found, width, titled=sys.stdout.isatty()):
        ui.styled_line(*line)
