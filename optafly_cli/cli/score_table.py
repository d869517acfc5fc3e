"""What made a score, as a table for people: `refine -v`."""

from optafly_cli.cli.ui import Ui
from optafly_cli.refine.result import Score

LEAST = 0.005
"""Points under which a feature is left out of the table."""


def show_score(ui: Ui, score: Score) -> None:
    """The dimensions, what could not be seen, and what each feature does to the score, on stderr."""
    ui.note("  " + " · ".join(f"{name} {value:.2f}" for name, value in score.dimensions.items()))
    if score.coverage:
        ui.note(f"  not seen: {'; '.join(score.coverage)}")
    shown = [one for one in score.contributions if abs(one.points) >= LEAST]
    width = max((len(one.feature) for one in shown), default=0)
    for one in sorted(shown, key=lambda one: one.points, reverse=True):
        rules = f"  ({', '.join(one.rules)})" if one.rules else ""
        ui.note(f"  {one.points:+.2f}  {one.feature.replace('_', ' '):{width}}  {one.dimension}{rules}")
