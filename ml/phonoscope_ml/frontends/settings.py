"""What the settings of all front ends have in common: what windows, evidence and drawing need."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.windows import Filling


@dataclass(frozen=True, kw_only=True)
class FrontEndSettings:
    """The settings of a front end, in hertz, seconds and samples.

    Args:
        f_min_hz, f_max_hz: the range of the mel bands.
        window_s, window_hop_s: the length and the hop of windows.

    Raises:
        ValueError: a number is out of range.
    """

    kind: ClassVar[str]
    filling: ClassVar[Filling] = "silence"
    """What follows a recording that is shorter than a window."""
    filtered: ClassVar[bool] = True
    """Whether what lies below 20 Hz is removed before."""

    sample_rate_hz: int
    n_fft: int
    hop_length: int
    n_mels: int
    f_min_hz: float
    f_max_hz: float
    window_s: float
    window_hop_s: float

    def __post_init__(self) -> None:
        for name in self._positive():
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")
        if not 0.0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ValueError("f_min_hz and f_max_hz must rise and lie between 0 and half the sample rate")

    @classmethod
    def _positive(cls) -> tuple[str, ...]:
        return "sample_rate_hz", "n_fft", "hop_length", "n_mels", "window_s", "window_hop_s"

    @property
    def window_samples(self) -> int:
        return round(self.window_s * self.sample_rate_hz)

    @property
    def window_hop_samples(self) -> int:
        return round(self.window_hop_s * self.sample_rate_hz)

    @property
    def frame_s(self) -> float:
        """The distance between a spectrogram's frames, in seconds."""
        return self.hop_length / self.sample_rate_hz

    @property
    def silence(self) -> float:
        """What a spectrogram has where nothing sounds."""
        return 0.0

    def frames(self, samples: int) -> int:
        """How many frames the transform of so many samples has."""
        return samples // self.hop_length + 1

    def kept_frames(self, frames: int) -> list[int]:
        """The indices of the transform's frames that a spectrogram keeps."""
        return list(range(frames))

    def frame_seconds(self) -> NDArray[np.float64]:
        """The times of a window's frames, in seconds from its start. Shape: ``(frames,)``."""
        kept = self.kept_frames(self.frames(self.window_samples))
        return np.array(kept, dtype=np.float64) * self.hop_length / self.sample_rate_hz

    def mel_points(self, count: int) -> NDArray[np.float64]:
        """Frequencies in hertz, evenly spaced on the front end's mel scale from ``f_min_hz`` to ``f_max_hz``.

        Shape:
            - output: ``(count,)``
        """
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Reads settings from a dict, whose ``kind`` may be absent.

        Raises:
            TypeError: a setting is unknown.
            ValueError: the kind is another, or a setting is missing or out of range.
        """
        if values.get("kind", cls.kind) != cls.kind:
            raise ValueError(f"front_end has the kind {values['kind']!r}, not {cls.kind!r}")
        settings = cls(**{name: value for name, value in values.items() if name != "kind"})
        missing = [field.name for field in fields(cls) if field.name not in values]
        if missing:
            raise ValueError(f"front_end lacks {', '.join(missing)}")
        return settings
