"""Owners' own heads in a worker's memory."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from phonoscope.catalogue import LiveCatalogue, OwnHead
from phonoscope.errors import BodyAbsent, UnknownModel, WeightsMismatch
from phonoscope.paths import bundled
from phonoscope_ml import loaded
from phonoscope_ml.loaded import LoadedModels
from tests.own_heads import general_body, own_head


@pytest.fixture
def models() -> LoadedModels:
    """The shipped ones; nothing is loaded yet."""
    return LoadedModels(LiveCatalogue(bundled("models")), torch.device("cpu"))


class Kept:
    """A classifier in the database, and how often its weights were read."""

    def __init__(self, classifier_id: str = "cls_1", version: int = 1, **changes: object) -> None:
        manifest, self.content = own_head(version=version, **changes)  # type: ignore[arg-type]
        self.reads = 0
        self.head = OwnHead(classifier_id, version, manifest, self._read)

    def _read(self) -> bytes:
        self.reads += 1
        return self.content


def test_a_head_is_loaded_once_for_each_version(models: LoadedModels) -> None:
    """The newer one takes the place of the older, which is loaded again when it is asked for."""
    first, second = Kept(), Kept(version=2)
    before = models.own(first.head)
    assert models.own(first.head) is before
    after = models.own(second.head)
    assert after.digest != before.digest
    assert models.own(second.head) is after
    assert (first.reads, second.reads) == (1, 1)
    models.own(first.head)
    assert first.reads == 2


def test_heads_share_the_body_of_served_ones(models: LoadedModels) -> None:
    """It is in memory once, whichever was loaded first."""
    own = models.own(Kept().head)
    assert own.body is models.get("kinds").body is models.own(Kept("cls_2", name="other").head).body


def test_classifiers_of_one_name_are_kept_apart(models: LoadedModels) -> None:
    """They are of several owners; each answers by its own weights."""
    mine, theirs = Kept("cls_1", bias=[9.0, 0.0, 0.0]), Kept("cls_2", bias=[0.0, 9.0, 0.0])
    vectors = torch.from_numpy(np.zeros((1, 512), np.float32))
    for _ in range(2):
        best = [int(models.own(each.head).network.classify(vectors).argmax()) for each in (mine, theirs)]
        assert best == [0, 1]


def test_the_heads_that_were_used_last_are_kept(models: LoadedModels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the one goes that was asked for longest ago."""
    monkeypatch.setattr(loaded, "_MOST_OWN", 2)
    one, two, three = (Kept(f"cls_{number}") for number in range(3))
    for each in (one, two, one, three, one, two):
        models.own(each.head)
    assert [each.reads for each in (one, two, three)] == [1, 2, 1]


def test_unused_heads_are_dropped_where_memory_is_short() -> None:
    """As served models are."""
    folder = LiveCatalogue(bundled("models"))
    models = LoadedModels(folder, torch.device("cpu"), unused_s=-1.0, short_bytes=sys.maxsize)
    kept = Kept()
    for _ in range(2):
        models.own(kept.head)
    assert kept.reads == 2


def test_a_head_that_cannot_be_used_is_a_typed_error(models: LoadedModels) -> None:
    """Without its body, with other weights, or removed meanwhile; nothing of it stays."""
    with pytest.raises(BodyAbsent):
        models.own(Kept(body=general_body().model_copy(update={"name": "elsewhere"})).head)
    damaged = Kept()
    damaged.content = damaged.content[:-1]
    with pytest.raises(WeightsMismatch):
        models.own(damaged.head)

    def gone() -> bytes:
        raise UnknownModel("removed")

    with pytest.raises(UnknownModel):
        models.own(replace(damaged.head, weights=gone))
    assert models.own(Kept().head).manifest.version == 1


def test_served_names_are_told_apart(models: LoadedModels) -> None:
    """Whatever kind of model has one."""
    assert [models.serves(name) for name in ("kinds", "mobilenet", "demucs-mini", "shades")] == [
        True,
        True,
        True,
        False,
    ]
