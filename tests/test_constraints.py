"""constraints.txt pins the tested set."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def pins() -> dict[str, str]:
    """The pinned version of each distribution, by normalised name."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    found = dict(line.split("==") for line in lines)
    assert len(found) == len(lines)
    return found


def test_every_requirement_has_a_pin_that_it_accepts() -> None:
    """Nothing in pyproject.toml is left to float, and no pin contradicts it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    for line in lines:
        requirement = Requirement(line)
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert requirement.specifier.contains(pins()[name]), line


def test_torch_is_pinned_to_the_version_that_was_tested() -> None:
    """torch is exact: another build is half a gigabyte more."""
    assert pins()["torch"] == "2.13.0"
