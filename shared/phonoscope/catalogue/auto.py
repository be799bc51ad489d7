"""What ``auto`` chooses from: the model that tells kinds of sound apart, and the models whose domain each kind is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from phonoscope.catalogue.bodies import HeadedManifest
from phonoscope.catalogue.manifests import Manifest
from phonoscope.errors import UnknownModel

AUTO = "auto"
"""The name under which the models are chosen by what is heard."""

Classifier: TypeAlias = Manifest | HeadedManifest
"""A model that classifies and embeds: body and head in one folder, or a head on its bodies."""


class Kind(StrEnum):
    """What a window is, before any model of a domain is asked."""

    MUSIC = "music"
    SINGING = "singing"
    SPEECH = "speech"
    SOUND = "sound"
    SILENCE = "silence"


_GENERAL = ("audioset-527", "kinds")
_NOT_TOLD_APART = "music and speech were not told from other sounds: run `phonoscope models pull mn04`"
_ANSWERS: dict[Kind, tuple[tuple[str, ...], ...]] = {
    Kind.MUSIC: (("genre-10",), ("music-100",)),
    Kind.SOUND: (("environment-50", "environment-10"),),
}
"""For each domain the models that answer: of each group the first that is there."""


def domain_of(kind: Kind) -> Kind:
    """The domain of a kind: a singing voice is music."""
    return Kind.MUSIC if kind is Kind.SINGING else kind


@dataclass(frozen=True)
class Auto:
    """The models that ``auto`` chooses from on this machine.

    Args:
        general: tells kinds apart, and answers for what no other model's domain is. ``None`` where no such model is
            there: then all that is heard is other sound.
        answering: by domain; a domain without a model is left to ``general``.
        absent: by domain, the models that would answer if their bodies were there, and how to fetch these.
    """

    general: Classifier | None
    answering: dict[Kind, tuple[Classifier, ...]]
    absent: dict[Kind, tuple[str, ...]] = field(default_factory=dict)

    def models_for(self, kind: Kind) -> tuple[Classifier, ...]:
        """The models that answer for a kind, the one that counts first."""
        general = (self.general,) if self.general else self.answering[Kind.SOUND]
        return self.answering.get(domain_of(kind), ()) or general

    @property
    def without_general(self) -> Auto:
        """The same without a model that tells kinds apart."""
        missing = {**self.absent, Kind.SOUND: (*self.absent.get(Kind.SOUND, ()), _NOT_TOLD_APART)}
        return replace(self, general=None, absent=missing)

    @cached_property
    def models(self) -> tuple[Classifier, ...]:
        """All of them, each once."""
        if self.general is None:
            return self.answering[Kind.SOUND]
        every = [self.general, *(model for models in self.answering.values() for model in models)]
        return tuple({model.name: model for model in every}.values())


def choose(there: Mapping[str, Classifier], absent: Mapping[str, str]) -> Auto:
    """What ``auto`` chooses from, of these models.

    Args:
        there: the classifying models that can be served, by name.
        absent: why the others cannot be, by name.

    Raises ``UnknownModel`` when there is no model for sounds.
    """
    general = _first(there, _GENERAL)
    answering = {
        domain: tuple(model for group in groups if (model := _first(there, group)) is not None)
        for domain, groups in _ANSWERS.items()
    }
    missing = {
        domain: tuple(absent[name] for group in groups if not _first(there, group) for name in group if name in absent)
        for domain, groups in _ANSWERS.items()
    }
    if not answering[Kind.SOUND]:
        raise UnknownModel(f"`auto` needs {' or '.join(_ANSWERS[Kind.SOUND][0])}, and neither is there")
    chosen = Auto(general, answering, missing)
    return chosen if general is not None else chosen.without_general


def _first(there: Mapping[str, Classifier], names: Iterable[str]) -> Classifier | None:
    return next((there[name] for name in names if name in there), None)
