"""Prints how long each service was down: `python report.py outages.csv`."""

import csv
import sys
from datetime import datetime


def minutes(start: str, end: str) -> float:
    """The minutes between two times such as 2026-11-02T08:15."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60


def downtime(path: str) -> dict[str, float]:
    """The minutes that each service was down, in total."""
    total: dict[str, float] = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            total[row["service"]] += minutes(row["start"], row["end"])
    return total


if __name__ == "__main__":
    for service, down in sorted(downtime(sys.argv[1]).items()):
        print(f"{service:<10} {down:6.0f} min")
