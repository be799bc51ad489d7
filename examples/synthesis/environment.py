"""The list of environmental recordings, and a day with several of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from .creatures import baby, dog, rooster, sneeze
from .filters import noise, tilt
from .machines import chainsaw, clock, helicopter
from .nature import fire, rain, sea
from .signal import Samples, count, faded, generator, placed

Maker: TypeAlias = Callable[[np.random.Generator, float], Samples]

CLIP_S = 5.0
DAY_S = 30.0
_HUSH = 0.0006


@dataclass(frozen=True)
class Clip:
    """A recording: its file, the label that a person would give it, its peak (full scale at 1.0), its synthesiser."""

    file: str
    label: str
    peak: float
    make: Maker

    def samples(self, duration_s: float = CLIP_S) -> Samples:
        """The sound at any level, shape ``(samples,)``."""
        return self.make(generator(self.file), duration_s)


@dataclass(frozen=True)
class Scene:
    """A part of the day: its start and end in seconds, and its clip."""

    start_s: float
    end_s: float
    clip: Clip


_REVS = (
    *((0.0, 52.0), (0.4, 54.0), (0.6, 150.0), (1.4, 172.0), (2.2, 160.0), (2.6, 120.0), (3.0, 165.0), (3.8, 175.0)),
    (5.0, 158.0),
)
_CRIES = ((0.15, 1.05, 470.0), (1.6, 1.35, 520.0), (3.35, 1.35, 495.0))

CLIPS = (
    Clip("rain_garden.wav", "rain", 0.6, rain),
    Clip("rain_roof.flac", "rain", 0.6, partial(rain, drops_per_s=220.0, slope_db=0.7, drops=0.15, roof=0.08)),
    Clip("sea_calm.opus", "sea_waves", 0.7, partial(sea, waves=((1.3, 1.0), (4.6, 0.8)), storm=0.2)),
    Clip("sea_storm.m4a", "sea_waves", 0.8, partial(sea, waves=((0.6, 0.8), (2.9, 1.0), (4.9, 0.7)), storm=0.12)),
    Clip("fire.flac", "crackling_fire", 0.9, partial(fire, roar=0.7)),
    Clip("clock_wall.mp3", "clock_tick", 0.4, clock),
    Clip("clock_tall.wav", "clock_tick", 0.5, partial(clock, beats_per_s=1.0, strike_hz=800.0, case_hz=180.0)),
    Clip("helicopter_near.m4a", "helicopter", 0.9, helicopter),
    Clip(
        "helicopter_far.mp3",
        "helicopter",
        0.6,
        partial(helicopter, blades_per_s=21.0, far=0.9, passing=((0.0, 0.3), (5.0, 1.0))),
    ),
    Clip("chainsaw.mp3", "chainsaw", 0.9, partial(chainsaw, revs=_REVS)),
    Clip("dog_large.flac", "dog", 0.8, partial(dog, barks=(0.4, 0.85, 2.3, 2.7), hz=430.0)),
    Clip("dog_small.m4a", "dog", 0.7, partial(dog, barks=(0.3, 0.6, 1.9, 2.25), hz=600.0, size=0.8)),
    Clip("baby.opus", "crying_baby", 0.8, partial(baby, cries=_CRIES)),
    Clip("rooster.ogg", "rooster", 0.8, rooster),
    Clip("sneeze.wav", "sneezing", 0.9, sneeze),
)

_PASSING = ((0.0, 0.6), (3.0, 1.0), (6.0, 0.6))
_DAY = (
    ("rooster", 0.5, 3.6, 0.8, rooster),
    ("rain", 5.0, 10.0, 0.5, partial(rain, drops_per_s=300.0)),
    ("dog", 11.5, 14.5, 0.8, partial(dog, barks=(0.2, 0.6, 1.5, 1.9), hz=500.0, size=0.9)),
    ("helicopter", 15.0, 21.0, 0.9, partial(helicopter, blades_per_s=16.0, passing=_PASSING)),
    ("clock_tick", 22.5, 29.5, 0.35, partial(clock, beats_per_s=2.5)),
)


def day() -> tuple[Samples, tuple[Scene, ...]]:
    """Half a minute of sounds with quiet between them, and the times of each.

    Shape:
        - output: ``(samples,)``, peak below 1.0
    """
    scenes = tuple(
        Scene(start_s, end_s, Clip(f"day {label}", label, peak, make)) for label, start_s, end_s, peak, make in _DAY
    )
    hush = noise(generator("day"), count(DAY_S), tilt(-4.0, 40.0, 8_000.0))
    return _HUSH * hush + placed(count(DAY_S), [(scene.start_s, _scene_samples(scene)) for scene in scenes]), scenes


def _scene_samples(scene: Scene) -> Samples:
    sound = scene.clip.samples(scene.end_s - scene.start_s)
    return scene.clip.peak * faded(sound / np.abs(sound).max(), 0.15, 0.3)
