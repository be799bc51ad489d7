"""The heads that an owner taught, beside the served models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from phonoscope.catalogue.auto import Auto, Classifier
from phonoscope.catalogue.bodies import BodyManifest, HeadManifest
from phonoscope.catalogue.cards import AnyModelCard
from phonoscope.catalogue.catalogue import Catalogue, Vocabularies, Vocabulary
from phonoscope.catalogue.manifests import AnyManifest
from phonoscope.errors import BodyAbsent, InvalidManifest
from phonoscope.work import Space


@dataclass(frozen=True)
class OwnHead:
    """A version of a classifier that an owner taught.

    Args:
        weights: reads them, in the format of safetensors.
    """

    classifier_id: str
    version: int
    manifest: HeadManifest
    weights: Callable[[], bytes]


class OwnersCatalogue(Catalogue):
    """The served models, and beside them the heads of one owner; a served name wins.

    ``auto``, and all that fills spaces, knows the served models alone.

    Args:
        served: the served models.
        read: reads the owner's heads, by name, when something is first asked for that is not served.
    """

    def __init__(self, served: Catalogue, read: Callable[[], Mapping[str, HeadManifest]]) -> None:
        super().__init__()
        self._served = served
        self._read_own = read

    @cached_property
    def own(self) -> Mapping[str, HeadManifest]:
        return {name: head for name, head in sorted(self._read_own().items()) if not self._served.has(name)}

    @cached_property
    def manifests(self) -> dict[str, Classifier]:
        found: dict[str, Classifier] = dict(self._served.manifests)
        for name, head in self.own.items():
            try:
                found[name] = self._headed(head)
            except (BodyAbsent, InvalidManifest):
                continue
        return found

    @cached_property
    def vocabularies(self) -> Vocabularies:
        return _Vocabularies(self._served.vocabularies, self)

    @property
    def cards(self) -> dict[str, AnyModelCard]:
        own = {name: self.manifests[name].card() for name in self.own if name in self.manifests}
        return self._served.cards | {name: card.model_copy(update={"yours": True}) for name, card in own.items()}

    def get(self, name: str) -> Classifier:
        if self._served.has(name):
            return self._served.get(name)
        return self._headed(self.own[name]) if name in self.own else super().get(name)

    def folder(self, name: str) -> Path:
        return self._served.folder(name)

    @cached_property
    def models(self) -> dict[str, AnyManifest]:
        return self._served.models

    @cached_property
    def bodies(self) -> dict[str, BodyManifest]:
        return self._served.bodies

    @cached_property
    def unreadable(self) -> dict[str, InvalidManifest]:
        return self._served.unreadable

    @cached_property
    def auto(self) -> Auto:
        return self._served.auto

    @cached_property
    def absent(self) -> dict[str, str]:
        return self._served.absent

    @cached_property
    def embedders(self) -> dict[Space, str]:
        return self._served.embedders


class _Vocabularies(Mapping[str, Vocabulary]):
    """The labels of served models, and of an owner's heads: these are read for a name that is not served."""

    def __init__(self, served: Vocabularies, catalogue: OwnersCatalogue) -> None:
        self._served = served
        self._catalogue = catalogue

    def __getitem__(self, name: str) -> Vocabulary:
        return self._served[name] if name in self._served else self._own[name]

    def __iter__(self) -> Iterator[str]:
        return chain(self._served, self._own)

    def __len__(self) -> int:
        return len(self._served) + len(self._own)

    @cached_property
    def _own(self) -> dict[str, Vocabulary]:
        return {name: Vocabulary(frozenset(head.labels), head.several) for name, head in self._catalogue.own.items()}
