#!/usr/bin/env python3
"""Prints locked requirements with their hashes, for ``pip install --require-hashes``.

``requirements.py [--cpu|--torch] NAME …``: a name is an extra of the package or a package that constraints.txt holds.
What these need is printed with them. Torch is left out unless it is named itself: it is installed before, from an index
of its own where that can be reached. With ``--cpu`` only what torch's CPU builds need is printed, no torch, no CUDA;
``--torch`` names what of torch these need, and prints nothing else.

Images install these before the sources are copied, so that a changed source does not reinstall torch.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TORCH = frozenset({"torch", "torchaudio", "torchvision"})
_CUDA = re.compile(r"nvidia-|cuda-|triton$")
_HEAD = re.compile(r"^([\w.-]+)==(\S+)(?: ; (.*?))?(?: \\)?$")


@dataclass(frozen=True)
class Pin:
    """A package at one version: its lines in constraints.txt, its marker, who needs it."""

    name: str
    lines: tuple[str, ...]
    marker: str
    needed_by: frozenset[str]


def pins(lock: str) -> dict[str, Pin]:
    """What constraints.txt holds, by name."""
    found: dict[str, Pin] = {}
    for block in re.split(r"\n(?=[\w])", lock[re.search(r"^\w", lock, re.MULTILINE).start() :]):  # type: ignore[union-attr]
        lines = block.rstrip().splitlines()
        head = _HEAD.match(lines[0])
        if head is None:
            sys.exit(f"constraints.txt: {lines[0]!r} is no pinned requirement")
        needed_by = {line.strip("# ").removeprefix("via ").strip() for line in lines if line.startswith("    #")}
        hashed = tuple(line for line in lines if not line.startswith("    #"))
        found[head[1]] = Pin(head[1], hashed, head[3] or "", frozenset(needed_by))
    return found


def closure(names: Collection[str], held: Mapping[str, Pin], without: Collection[str] = ()) -> set[str]:
    """These packages and all that they need, without some and what only those need."""
    found = set(names) - set(without)
    while more := {
        pin.name for pin in held.values() if pin.name not in found and pin.name not in without and pin.needed_by & found
    }:
        found |= more
    return found


def direct(name: str, extras: Mapping[str, Sequence[str]], project: str) -> set[str]:
    """The packages that an extra names, with the package's own extras replaced by theirs."""
    found: set[str] = set()
    for requirement in extras[name]:
        own = re.fullmatch(rf"{re.escape(project)}\[([\w,-]+)\]", requirement)
        found.update(*(direct(other, extras, project) for other in own[1].split(","))) if own else found.add(
            _name(requirement)
        )
    return found


def named(words: Sequence[str]) -> set[str]:
    """The packages that these words name: an extra names what pyproject.toml says, anything else itself.

    Without a word it is what the package needs by itself, as it does with an extra.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    own = {_name(requirement) for requirement in project["dependencies"]}
    found = set() if words else own
    for word in words:
        found |= direct(word, extras, project["name"]) | own if word in extras else {word}
    return found


def chosen(words: Sequence[str], held: Mapping[str, Pin], *, cpu: bool) -> list[Pin]:
    """The pins to install for these extras and packages."""
    names = named(words)
    if absent := names - held.keys():
        sys.exit(f"constraints.txt lacks {', '.join(sorted(absent))}; `make lock` writes it anew")
    found = closure(names, held, () if TORCH & set(words) else TORCH)
    if cpu:
        found = {name for name in found - TORCH if not _CUDA.match(name)}
    return [held[name] for name in sorted(found)]


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    held = pins(Path("constraints.txt").read_text())
    if "--torch" in sys.argv:
        print(*sorted(closure(named(words), held) & TORCH))  # noqa: T201
        return
    # What holds for every package says where the lock was made for; pip would pass over everything elsewhere.
    everywhere = f" ; {held['pydantic'].marker}"
    for pin in chosen(words, held, cpu="--cpu" in sys.argv):
        print(*pin.lines, sep="\n") if pin.marker != held["pydantic"].marker else print(  # noqa: T201
            pin.lines[0].replace(everywhere, ""), *pin.lines[1:], sep="\n"
        )


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()  # type: ignore[index]


if __name__ == "__main__":
    main()
