"""What a case of the corpus is: an input made by code, and a value that must come out of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isclose
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = float | str | bool | None

NO_FFMPEG = "ffmpeg is not installed; it makes inputs and reference values of the corpus"


@dataclass(frozen=True)
class Case:
    """One input and one value of it.

    Attributes:
        section: the heading in ``docs/files.md`` under which it stands.
        name: the input in a few words, such as "5.1 in FLAC, all in the centre".
        value: what is compared, with its unit, such as "integrated loudness, LUFS".
        make: writes the input into an empty folder and returns its path.
        reference: the right value of the file: by ffmpeg, or as the input was made. Never by our own code.
        ours: the product's value of the file.
        within: how far a number may be from its reference; of other values, and at 0, they are equal.
        needs_ffmpeg: whether ``make`` or ``reference`` calls ffmpeg.
    """

    section: str
    name: str
    value: str
    make: Callable[[Path], Path]
    reference: Callable[[Path], Value]
    ours: Callable[[Path], Value]
    within: float = 0.0
    needs_ffmpeg: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"

    def holds(self, reference: Value, ours: Value) -> bool:
        """Whether our value is right."""
        if isinstance(reference, float) and isinstance(ours, float):
            return isclose(reference, ours, rel_tol=0.0, abs_tol=self.within)
        return type(reference) is type(ours) and reference == ours


def has_ffmpeg() -> bool:
    return shutil.which("ffmpeg") is not None


def ffmpeg(*arguments: str | Path) -> str:
    """Runs ffmpeg and returns what it says. Raises ``CalledProcessError`` when it fails."""
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stderr


@cache
def encoded(name: str, *arguments: str) -> bytes:
    """The file of this name that ffmpeg writes with these arguments; made once for all cases that start from it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        ffmpeg(*arguments, path)
        return path.read_bytes()
