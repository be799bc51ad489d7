"""The front ends: samples to the spectrogram that a network takes."""

from __future__ import annotations

from typing import Any

from phonoscope_ml.frontends.clap import ClapLogMel, ClapSettings
from phonoscope_ml.frontends.decibels import DecibelSettings, LogMel
from phonoscope_ml.frontends.front_end import FrontEnd
from phonoscope_ml.frontends.kaldi import KaldiLogMel, KaldiSettings
from phonoscope_ml.frontends.log10 import Log10Mel, Log10Settings
from phonoscope_ml.frontends.settings import FrontEndSettings

__all__ = [
    "ClapLogMel",
    "ClapSettings",
    "DecibelSettings",
    "FrontEnd",
    "FrontEndSettings",
    "KaldiLogMel",
    "KaldiSettings",
    "Log10Mel",
    "Log10Settings",
    "LogMel",
    "build_front_end",
    "read_settings",
]

_KINDS: dict[str, type[FrontEndSettings]] = {
    settings.kind: settings for settings in (DecibelSettings, KaldiSettings, Log10Settings, ClapSettings)
}


def read_settings(values: dict[str, Any]) -> FrontEndSettings:
    """Reads a manifest's ``front_end``, told apart by ``kind``; without one it is ``decibels``.

    Raises:
        TypeError: a setting is unknown.
        ValueError: the kind is unknown, or a setting is missing or out of range.

    >>> read_settings(KaldiSettings().as_dict()).sample_rate_hz
    32000
    """
    kind = values.get("kind", DecibelSettings.kind)
    if kind not in _KINDS:
        raise ValueError(f"front_end has an unknown kind {kind!r}; known: {', '.join(_KINDS)}")
    return _KINDS[kind].from_dict(values)


def build_front_end(settings: FrontEndSettings) -> FrontEnd:
    """The module with these settings. Raises ``TypeError`` for settings of another class."""
    if isinstance(settings, DecibelSettings):
        return LogMel(settings)
    if isinstance(settings, KaldiSettings):
        return KaldiLogMel(settings)
    if isinstance(settings, Log10Settings):
        return Log10Mel(settings)
    if isinstance(settings, ClapSettings):
        return ClapLogMel(settings)
    raise TypeError(f"{type(settings).__name__} are the settings of no front end")
