"""Kinds of sound, window by window and as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope.catalogue import Kind
from phonoscope_ml.inference import Prediction
from phonoscope_ml.kinds import kinds_of, overall_kind

# In the order of AudioSet's ontology, from which the family of music is read.
LABELS = ["Speech", "Singing", "Humming", "Dog", "Vehicle", "Music", "Guitar", "Scary music", "Rain", "Silence"]


def kind_of(**heard: float) -> Kind:
    """The kind of a window in which labels are heard with these probabilities."""
    row = [heard.get(label.lower().replace(" ", "_"), 0.0) for label in LABELS]
    return kinds_of(prediction(LABELS, [row]))[0]


def prediction(labels: list[str], rows: list[list[float]], silent: list[bool] | None = None) -> Prediction:
    return Prediction(
        labels=labels,
        thresholds=np.array([0.2], dtype=np.float32),
        spans_s=[(float(index), index + 1.0) for index in range(len(rows))],
        probabilities=np.array(rows, dtype=np.float32),
        silent=np.array(silent or [False] * len(rows)),
        embedding=np.zeros(512, dtype=np.float32),
    )


@pytest.mark.parametrize(
    ("heard", "kind"),
    [
        ({"music": 0.8, "guitar": 0.6}, Kind.MUSIC),
        ({"music": 0.6, "singing": 0.3}, Kind.SINGING),
        ({"music": 0.9, "singing": 0.1}, Kind.MUSIC),
        ({"speech": 0.7}, Kind.SPEECH),
        ({"speech": 0.4, "dog": 0.6}, Kind.SOUND),
        ({"speech": 0.5, "music": 0.5}, Kind.MUSIC),
        ({"speech": 0.6, "music": 0.5}, Kind.SPEECH),
        ({"speech": 0.6, "music": 0.5, "dog": 0.7}, Kind.MUSIC),
        ({"speech": 0.6, "music": 0.7, "singing": 0.4}, Kind.SINGING),
        ({"dog": 0.4}, Kind.SOUND),
        ({"vehicle": 0.9, "speech": 0.35}, Kind.SPEECH),
        ({"silence": 0.9}, Kind.SILENCE),
        ({}, Kind.SOUND),
    ],
)
def test_labels_of_the_ontology_make_a_kind(heard: dict[str, float], kind: Kind) -> None:
    """Music counts as heard from 0.3 on; a voice in it is singing from a quarter of its probability on.

    Speech that is more probable than music is speech, with music in the background.
    """
    assert kind_of(**heard) is kind


def test_a_model_of_kinds_says_them_itself() -> None:
    """And a window without sound is silent, whatever it says."""
    found = kinds_of(prediction(["music", "speech"], [[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]], [False, False, True]))
    assert found == [Kind.MUSIC, Kind.SPEECH, Kind.SILENCE]


@pytest.mark.parametrize(
    ("kinds", "overall"),
    [
        ("music music speech", Kind.MUSIC),
        ("music singing sound sound", Kind.MUSIC),
        ("singing singing singing singing speech", Kind.SINGING),
        ("silence silence speech", Kind.SPEECH),
        ("silence", Kind.SILENCE),
    ],
)
def test_the_whole_is_what_most_of_it_is(kinds: str, overall: Kind) -> None:
    """Singing and music are one domain; silence counts only alone."""
    assert overall_kind([Kind(word) for word in kinds.split()]) is overall
