"""How clearly the signals speak for the files that come first: what the chance that these are right is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optafly_cli.refine.retrieval.signals import LISTS, NAMES, K

FIRST = 5
_NEAR = K / (K + 2)
"""The reciprocal rank of the third of a list."""
_VOICES = [at for at, name in enumerate(LISTS) if not name.startswith(("changes", "best_definition"))]
"""The lists that are asked whether they agree: of what is in the files, each of something else."""
_SPREAD = ("body", "title", "symbols")


@dataclass(frozen=True, slots=True)
class Clarity:
    """Each 0 to 1. `share`: the likelihood of the first five files together. `agreement`: the share of the lists that
    have the first file among their first three. `lead`: how far the first of a list is ahead of its sixth, on average.
    """

    share: float
    agreement: float
    lead: float


def clarity(signals: Mapping[int, Sequence[float]], likelihoods: Mapping[int, float]) -> Clarity | None:
    """The clarity of files, best first; None where there is none."""
    first = next(iter(likelihoods), None)
    if first is None:
        return None
    agreed = sum(signals[first][at] >= _NEAR for at in _VOICES)
    leads = []
    for name in _SPREAD:
        at = NAMES.index(f"{name}_share")
        shares = sorted((values[at] for values in signals.values()), reverse=True)
        leads.append(1.0 - (shares[FIRST] if len(shares) > FIRST else 0.0))
    share = sum(list(likelihoods.values())[:FIRST])
    return Clarity(share, agreed / len(_VOICES), sum(leads) / len(leads))
