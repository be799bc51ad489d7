#!/usr/bin/env python3
"""Prints the requirements of one of the package's extras, one a line: ``requirements.py EXTRA``.

Images install these before the sources are copied, so that a changed source does not reinstall torch.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path


def requirements(name: str, extras: Mapping[str, Sequence[str]], extra: str) -> set[str]:
    """An extra's requirements, with the package's own extras replaced by their requirements."""
    found: set[str] = set()
    for requirement in extras[extra]:
        own = re.fullmatch(rf"{re.escape(name)}\[([\w,-]+)\]", requirement)
        if own is None:
            found.add(requirement)
        else:
            found.update(*(requirements(name, extras, other) for other in own[1].split(",")))
    return found


def main() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    wanted = requirements(project["name"], project["optional-dependencies"], sys.argv[1])
    print(*sorted(wanted.union(project["dependencies"])), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
