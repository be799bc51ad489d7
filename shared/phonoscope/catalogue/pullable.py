"""The models that ``phonoscope models pull`` fetches: what they are, their size and their licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from phonoscope.errors import UnknownModel

_SMALL_BYTES = 100_000_000


@dataclass(frozen=True)
class Pullable:
    """A model that can be fetched.

    Args:
        name: as it is pulled.
        kind: a separation model, a body with the head that was published with it, or a model that embeds sentences.
        models: the folders that it gives.
        size_bytes: the size of the download, to two digits.
        source: where it comes from.
    """

    name: str
    kind: Literal["separation", "body", "text"]
    models: tuple[str, ...]
    size_bytes: int
    licence: str
    source: str

    @property
    def small(self) -> bool:
        """Whether ``make setup`` pulls it: separation models are compiled too, which takes minutes."""
        return self.kind != "separation" and self.size_bytes <= _SMALL_BYTES

    @property
    def size(self) -> str:
        """The size of the download, as text."""
        return f"{self.size_bytes / 1e6:.0f} MB"

    @property
    def description(self) -> str:
        """What it is, in a few words."""
        return f"{self.kind}, {self.size}, {self.licence}, {self.source}"

    @property
    def command(self) -> str:
        """The command that pulls it."""
        return f"phonoscope models pull {self.name}"


def _demucs(name: str, size_bytes: int) -> Pullable:
    return Pullable(name, "separation", (name,), size_bytes, "MIT", "Hugging Face hub")


_ALL = (
    Pullable("mn04", "body", ("mn04", "audioset-527"), 4_100_000, "MIT", "GitHub release"),
    Pullable("musicnn", "body", ("musicnn", "music-100"), 29_000_000, "ISC", "package index"),
    Pullable("minilm", "text", ("minilm",), 91_000_000, "Apache-2.0", "Hugging Face hub or package index"),
    Pullable("clap", "body", ("clap",), 780_000_000, "Apache-2.0", "Hugging Face hub"),
    _demucs("htdemucs", 84_000_000),
    _demucs("htdemucs_ft", 340_000_000),
    _demucs("htdemucs_6s", 55_000_000),
)
PULLABLE = {pullable.name: pullable for pullable in _ALL}
"""The models that can be pulled, by name."""
GIVING = {model: pullable for pullable in _ALL for model in pullable.models}
"""What to pull for a model, by the model's name."""


def pullable(name: str) -> Pullable:
    """What to pull for a model: itself, or the body that it comes with. Raises ``UnknownModel``."""
    if name not in GIVING:
        raise UnknownModel(f"no model {name!r} to pull; there are: {', '.join(PULLABLE)}")
    return GIVING[name]
