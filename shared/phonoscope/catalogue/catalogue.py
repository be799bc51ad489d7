"""The served models in their folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeAlias

from phonoscope.catalogue.auto import AUTO, Auto, Classifier, Kind, choose
from phonoscope.catalogue.bodies import BodyManifest, HeadedManifest, HeadManifest, headed
from phonoscope.catalogue.cards import AnyModelCard
from phonoscope.catalogue.manifests import MANIFEST, AnyManifest, Manifest, StemManifest, check_weights, read_manifest
from phonoscope.catalogue.pullable import GIVING
from phonoscope.catalogue.texts import TextManifest
from phonoscope.errors import BodyAbsent, InvalidManifest, ModelError, UnknownModel
from phonoscope.work import Space


class Vocabulary(NamedTuple):
    """The labels of a model, and whether several of them can hold at once."""

    labels: frozenset[str]
    several: bool


Vocabularies: TypeAlias = Mapping[str, Vocabulary]
"""By the names of models."""
_PREFERRED = ("htdemucs", "demucs-mini")


class Catalogue:
    """The models in folders, each in a folder of its own: ``<name>/{manifest.json,weights.safetensors}``.

    A manifest that cannot be read takes no other model away.

    Args:
        folders: the first folder with a name counts; a folder that does not exist is empty.
        before: manifests by name, which stand for those that cannot be read now.
    """

    def __init__(self, *folders: Path, before: Mapping[str, AnyManifest] | None = None) -> None:
        self._folders = folders
        self._before = before or {}

    @cached_property
    def own(self) -> Mapping[str, HeadManifest]:
        """Heads that an owner taught, by name, which are beside the served models; none of a plain catalogue."""
        return {}

    @cached_property
    def manifests(self) -> dict[str, Classifier]:
        """The classifying models that can be served, by name, without heads whose bodies are absent."""
        found = {name: self._classifier(manifest) for name, manifest in self.models.items()}
        return {name: manifest for name, manifest in found.items() if manifest is not None}

    @cached_property
    def vocabularies(self) -> Vocabularies:
        """The labels of the models that classify."""
        return {name: Vocabulary(frozenset(each.labels), each.several) for name, each in self.manifests.items()}

    @cached_property
    def bodies(self) -> dict[str, BodyManifest]:
        """The manifests of bodies, by name."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, BodyManifest)}

    @property
    def with_text(self) -> BodyManifest | None:
        """The body in whose space sentences are too, such as CLAP; ``None`` where there is none."""
        return next((body for body in self.bodies.values() if body.text is not None), None)

    @cached_property
    def separators(self) -> dict[str, StemManifest]:
        """The manifests of separation models, by name."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, StemManifest)}

    @cached_property
    def texts(self) -> dict[str, TextManifest]:
        """The manifests of models that embed sentences, by name."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, TextManifest)}

    @property
    def best_separator(self) -> str:
        """The name of the default separation model; of one to pull when there is none."""
        there = self.separators
        return next((known for known in (*_PREFERRED, *there) if known in there), _PREFERRED[0])

    @cached_property
    def models(self) -> dict[str, AnyManifest]:
        """All manifests that can be read, by name, also those of bodies."""
        earlier = {name: self._before[name] for name in self.unreadable if name in self._before}
        return dict(sorted((earlier | self._read[0]).items()))

    @cached_property
    def unreadable(self) -> dict[str, InvalidManifest]:
        """Why manifests cannot be read, by name; each error names the file and the field."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[dict[str, AnyManifest], dict[str, InvalidManifest]]:
        found: dict[str, AnyManifest] = {}
        unreadable: dict[str, InvalidManifest] = {}
        for name, folder in self._places.items():
            try:
                found[name] = read_manifest(folder / MANIFEST)
            except InvalidManifest as error:
                unreadable[name] = error
        return found, unreadable

    @cached_property
    def _places(self) -> dict[str, Path]:
        found = (path.parent for folder in reversed(self._folders) for path in folder.glob(f"*/{MANIFEST}"))
        return {place.name: place for place in found}

    @property
    def cards(self) -> dict[str, AnyModelCard]:
        """The cards of all models, by name, classifying models first."""
        served: list[Classifier | StemManifest] = [*self.manifests.values(), *self.separators.values()]
        return {manifest.name: manifest.card() for manifest in served}

    def has(self, name: str) -> bool:
        """Whether a served model of any kind has the name, be it readable or not."""
        return name in self.models or name in self.unreadable

    def folder(self, name: str) -> Path:
        """The folder of a model in the catalogue."""
        return self._places[name]

    def check(self, name: str) -> None:
        """Checks a model's weights, and those of a head's bodies where they are there.

        Raises ``WeightsMismatch`` when a file is missing or differs from the manifest, and ``InvalidManifest``.
        """
        served = self.manifests.get(name)
        needed = [body.name for body in served.bodies] if isinstance(served, HeadedManifest) else []
        for one in (name, *needed):
            if one in self.unreadable:
                raise self.unreadable[one]
            check_weights(self.models[one], self.folder(one))

    def get(self, name: str) -> Classifier:
        """A classifying model.

        Raises:
            UnknownModel: there is none; the error lists the models there are, and how to pull this one.
            BodyAbsent: it is a head whose bodies are not there; the error names the command that fetches them.
            InvalidManifest: its manifest cannot be read.
        """
        if name in self.manifests:
            return self.manifests[name]
        if name in self.unreadable:
            raise self.unreadable[name]
        head = self.models.get(name)
        if isinstance(head, HeadManifest):
            return self._headed(head)
        known = ", ".join(self.manifests) or "none"
        hint = f"; to pull it: {GIVING[name].command}" if name in GIVING else ""
        raise UnknownModel(f"no model {name!r}{hint}; served: {known}", errors=[{"field": "model", "message": known}])

    @cached_property
    def auto(self) -> Auto:
        """What ``auto`` chooses from. Raises ``UnknownModel`` when there is no model for sounds."""
        return choose(self.manifests, self.absent)

    @cached_property
    def absent(self) -> dict[str, str]:
        """Why models cannot be served, by name: bodies that are absent with the command that fetches them, or manifests
        that cannot be read.
        """
        found = {name: error.detail for name, error in self.unreadable.items() if name not in self.models}
        for name, head in self.models.items():
            if isinstance(head, HeadManifest) and name not in self.manifests:
                try:
                    self._headed(head)
                except ModelError as error:
                    found[name] = error.detail
        return found

    def among(self, names: Sequence[str]) -> tuple[Classifier, ...]:
        """The models that may answer when these names are asked for; ``auto`` stands for all that it chooses from.

        Raises as ``get`` and ``auto`` do.
        """
        return self.auto.models if list(names) == [AUTO] else tuple(self.get(name) for name in names)

    def needed(self, name: str) -> tuple[Classifier, ...]:
        """What a default model cannot do without: of ``auto`` the models for sounds. Raises as ``among`` does."""
        return self.auto.answering[Kind.SOUND] if name == AUTO else (self.get(name),)

    def spaces(self, name: str) -> tuple[Space, ...]:
        """The spaces of a model, of a body, or of all that ``auto`` chooses from: the general one first.

        Raises as ``among`` does.
        """
        if name in self.bodies:
            return (self.bodies[name].space,)
        return tuple(dict.fromkeys(model.space for model in self.among((name,))))

    @cached_property
    def embedders(self) -> dict[Space, str]:
        """The spaces in which tracks can be embedded, each with the name of a model that does so."""
        return {manifest.space: name for name, manifest in reversed(self.manifests.items())}

    @property
    def served_spaces(self) -> frozenset[Space]:
        """The spaces of all bodies and models that are there."""
        return frozenset(self.embedders) | {body.space for body in self.bodies.values()}

    def _headed(self, head: HeadManifest) -> HeadedManifest:
        """A head on its bodies. Raises ``BodyAbsent``, and ``InvalidManifest`` when that of a body cannot be read."""
        try:
            return headed(head, self.bodies)
        except BodyAbsent:
            for body in head.on[0].bodies:
                if body.name in self.unreadable:
                    raise self.unreadable[body.name] from None
            raise

    def _classifier(self, manifest: AnyManifest) -> Classifier | None:
        if isinstance(manifest, Manifest):
            return manifest
        if not isinstance(manifest, HeadManifest):
            return None
        try:
            return headed(manifest, self.bodies)
        except BodyAbsent:
            return None
