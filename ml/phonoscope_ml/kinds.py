"""Tells kinds of sound apart: music, singing, speech, other sound and silence, for each window of a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phonoscope.catalogue import Kind, domain_of
from phonoscope_ml.inference import Prediction

_MUSIC = "Music"
_SILENCE = "Silence"
_SINGING = (
    "Singing",
    "Choir",
    "Yodeling",
    "Chant",
    "Mantra",
    "Male singing",
    "Female singing",
    "Child singing",
    "Synthetic singing",
    "Rapping",
    "Humming",
    "Vocal music",
    "A capella",
)
_SPEECH = (
    "Speech",
    "Male speech, man speaking",
    "Female speech, woman speaking",
    "Child speech, kid speaking",
    "Conversation",
    "Narration, monologue",
    "Babbling",
    "Speech synthesizer",
)
# Labels of AudioSet's ontology that say where something sounds or what it is part of, but not what it is.
_VAGUE = (
    "Inside, small room",
    "Inside, large room or hall",
    "Inside, public space",
    "Outside, urban or manmade",
    "Outside, rural or natural",
    "Reverberation",
    "Echo",
    "Noise",
    "Environmental noise",
    "Static",
    "Sound effect",
    "Animal",
    "Vehicle",
    "White noise",
    "Pink noise",
)
_FIRST_OF_MUSIC, _LAST_OF_MUSIC = "Music", "Scary music"
_LEAST_MUSIC, _LEAST_SPEECH, _LEAST_SINGING = 0.3, 0.3, 0.05
_SINGING_IN_MUSIC = 0.25
"""A voice is heard as singing from this share of the music's probability on."""
_LEAST_SILENCE = 0.5
_MOSTLY = 0.8
"""Music is called singing as a whole when so much of it is a voice."""


def kinds_of(prediction: Prediction, *, told_apart: bool = True) -> list[Kind]:
    """The kind of each window, by a model that knows AudioSet's labels, or one whose labels are kinds.

    Args:
        told_apart: whether it is such a model; else all but silence is other sound.
    """
    if not told_apart:
        found = [Kind.SOUND] * len(prediction.silent)
    else:
        found = _by_ontology(prediction) if _MUSIC in prediction.labels else _by_label(prediction)
    return [Kind.SILENCE if quiet else kind for kind, quiet in zip(found, prediction.silent, strict=True)]


def overall_kind(kinds: Sequence[Kind]) -> Kind:
    """What a recording mostly is, by its windows; silence only when there is nothing else.

    A song with a voice in it is music.

    >>> overall_kind([Kind.SILENCE, Kind.MUSIC, Kind.SINGING, Kind.SPEECH])
    <Kind.MUSIC: 'music'>
    """
    counted = [kind for kind in kinds if kind is not Kind.SILENCE]
    if not counted:
        return Kind.SILENCE
    domains = Counter(map(domain_of, counted))
    domain = max(domains, key=lambda each: domains[each])
    if domain is Kind.MUSIC and counted.count(Kind.SINGING) >= _MOSTLY * domains[domain]:
        return Kind.SINGING
    return domain


def _by_label(prediction: Prediction) -> list[Kind]:
    return [Kind(prediction.labels[index]) for index in prediction.probabilities.argmax(axis=1)]


def _by_ontology(prediction: Prediction) -> list[Kind]:
    labels, rows = prediction.labels, prediction.probabilities
    columns = {label: column for column, label in enumerate(labels)}

    def strongest(names: Sequence[str]) -> NDArray[np.float32]:
        best: NDArray[np.float32] = rows[:, [columns[name] for name in names if name in columns]].max(axis=1)
        return best

    musical = labels[labels.index(_FIRST_OF_MUSIC) : labels.index(_LAST_OF_MUSIC) + 1]
    apart = {*musical, *_SINGING, *_SPEECH, *_VAGUE, _SILENCE}
    music, singing, speech, silence = (strongest(names) for names in ((_MUSIC,), _SINGING, _SPEECH, (_SILENCE,)))
    other = strongest([label for label in labels if label not in apart])
    kinds = np.full(len(rows), Kind.SOUND, dtype=object)
    kinds[music >= _LEAST_MUSIC] = Kind.MUSIC
    kinds[(speech >= _LEAST_SPEECH) & (speech > other) & (speech > music)] = Kind.SPEECH
    kinds[(singing >= _LEAST_SINGING) & (singing > _SINGING_IN_MUSIC * music) & (singing > other)] = Kind.SINGING
    kinds[silence > _LEAST_SILENCE] = Kind.SILENCE
    return [Kind(kind) for kind in kinds]
