"""Facts about models, from one dated data file: prices, minimums, windows, tokenizer families.

"Unknown" is a value: a field that nobody has published is None, and whoever needs it says what it assumed.
"""

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from optafly_cli.errors import UnknownModelError

DATA = "models-2026-11-22.toml"
SAFE_MINIMUM = 4096
"""Assumed minimum cacheable prefix, in tokens, where none is published: the largest that is."""


@dataclass(frozen=True, slots=True)
class PriceTier:
    """US dollars per million tokens, for prompts of up to `up_to` input tokens (None: any length)."""

    input: float
    write_5m: float
    write_1h: float
    read: float
    output: float
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `min_cacheable` and `prices` may be unknown; `tokenizer` names a family of `tokens`."""

    id: str
    tokenizer: str
    context_window: int
    min_cacheable: int | None
    prices: tuple[PriceTier, ...]

    def price(self, input_tokens: int) -> PriceTier | None:
        """The tier that bills a whole request of `input_tokens`, None when the price is unknown."""
        for tier in self.prices:
            if tier.up_to is None or input_tokens <= tier.up_to:
                return tier
        return None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models of the data file, by id and alias. `date` is the day the figures were read."""

    date: str
    currency: str
    default: str
    models: dict[str, Model]
    aliases: dict[str, str]

    def get(self, name: str) -> Model:
        """The model of that id or alias.

        Raises:
            UnknownModelError: naming the nearest id that the data file has.
        """
        model = self.models.get(self.aliases.get(name, name))
        if model is None:
            from difflib import get_close_matches

            near = get_close_matches(name, [*self.models, *self.aliases], n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(self.models)}"
            raise UnknownModelError(f"unknown model {name!r} (model data of {self.date})", remedy=hint)
        return model

    def unlisted(self, name: str) -> Model:
        """A model that the data file does not have: as the default, its minimum and prices unknown."""
        return replace(self.get(self.default), id=name, min_cacheable=None, prices=())


@cache
def catalogue() -> Catalogue:
    """The packaged data file, read once."""
    raw = tomllib.loads((files("optafly_cli") / "data" / DATA).read_text("utf-8"))
    models = {
        row["id"]: Model(
            id=row["id"],
            tokenizer=row["tokenizer"],
            context_window=row["context_window"],
            min_cacheable=row.get("min_cacheable"),
            prices=tuple(PriceTier(**tier) for tier in row.get("price", [])),
        )
        for row in raw["model"]
    }
    aliases = {alias: row["id"] for row in raw["model"] for alias in row.get("aliases", [])}
    return Catalogue(raw["date"], raw["currency"], raw["default"], models, aliases)
