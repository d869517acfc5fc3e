"""One figure of benchmarks/route.py, and how it is printed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, what it should be, and what it is to be read beside."""

    name: str
    value: float
    target: str = ""
    beside: str = ""

    def __str__(self) -> str:
        value = f"{self.value:,d}" if isinstance(self.value, int) else f"{self.value:.4f}"
        return f"{self.name:52}{value:>9}  {self.target:10}{self.beside}".rstrip()
