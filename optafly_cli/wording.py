"""Numbers with their nouns, for every sentence that a person reads. Standard library only."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number with its noun: "1 entry", "2,000 entries"; `many` where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def entries(number: int) -> str:
    """So many entries of the store."""
    return counted(number, "entry", "entries")


def age(seconds: float) -> str:
    """A duration in its largest whole unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
