"""The served models in their folders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from phonoscope.catalogue.auto import AUTO, Auto, Classifier, choose
from phonoscope.catalogue.bodies import BodyManifest, HeadedManifest, HeadManifest, headed
from phonoscope.catalogue.cards import AnyModelCard
from phonoscope.catalogue.manifests import MANIFEST, AnyManifest, Manifest, StemManifest, check_weights, read_manifest
from phonoscope.catalogue.pullable import GIVING
from phonoscope.errors import BodyAbsent, UnknownModel
from phonoscope.work import Space

_PREFERRED = ("htdemucs", "demucs-mini")


class Catalogue:
    """The models in folders, each in a folder of its own: ``<name>/{manifest.json,weights.safetensors}``.

    Args:
        folders: the first folder with a name counts; a folder that does not exist is empty.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    @cached_property
    def manifests(self) -> dict[str, Classifier]:
        """The classifying models that can be served, by name, without heads whose bodies are absent.

        Raises ``InvalidManifest``, naming the file and the field.
        """
        found = {name: self._classifier(manifest) for name, manifest in self.models.items()}
        return {name: manifest for name, manifest in found.items() if manifest is not None}

    @cached_property
    def bodies(self) -> dict[str, BodyManifest]:
        """The manifests of bodies, by name. Raises ``InvalidManifest``."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, BodyManifest)}

    @cached_property
    def separators(self) -> dict[str, StemManifest]:
        """The manifests of separation models, by name. Raises ``InvalidManifest``."""
        return {name: manifest for name, manifest in self.models.items() if isinstance(manifest, StemManifest)}

    @property
    def best_separator(self) -> str:
        """The name of the default separation model; of one to pull when there is none."""
        there = self.separators
        return next((known for known in (*_PREFERRED, *there) if known in there), _PREFERRED[0])

    @cached_property
    def models(self) -> dict[str, AnyManifest]:
        """All manifests, by name, also those of bodies. Raises ``InvalidManifest``."""
        return {name: read_manifest(folder / MANIFEST) for name, folder in sorted(self._places.items())}

    @cached_property
    def _places(self) -> dict[str, Path]:
        found = (path.parent for folder in reversed(self._folders) for path in folder.glob(f"*/{MANIFEST}"))
        return {place.name: place for place in found}

    @property
    def cards(self) -> dict[str, AnyModelCard]:
        """The cards of all models, by name, classifying models first. Raises ``InvalidManifest``."""
        served: list[Classifier | StemManifest] = [*self.manifests.values(), *self.separators.values()]
        return {manifest.name: manifest.card() for manifest in served}

    def folder(self, name: str) -> Path:
        """The folder of a model in the catalogue."""
        return self._places[name]

    def check(self, name: str) -> None:
        """Checks a model's weights, and those of a head's bodies where they are there.

        Raises ``WeightsMismatch`` when a file is missing or differs from the manifest.
        """
        served = self.manifests.get(name)
        needed = [body.name for body in served.bodies] if isinstance(served, HeadedManifest) else []
        for one in (name, *needed):
            check_weights(self.models[one], self.folder(one))

    def get(self, name: str) -> Classifier:
        """A classifying model.

        Raises:
            UnknownModel: there is none; the error lists the models there are, and how to pull this one.
            BodyAbsent: it is a head whose bodies are not there; the error names the command that fetches them.
        """
        if name in self.manifests:
            return self.manifests[name]
        head = self.models.get(name)
        if isinstance(head, HeadManifest):
            return headed(head, self.bodies)
        known = ", ".join(self.manifests) or "none"
        hint = f"; to pull it: {GIVING[name].command}" if name in GIVING else ""
        raise UnknownModel(f"no model {name!r}{hint}; served: {known}", errors=[{"field": "model", "message": known}])

    @cached_property
    def auto(self) -> Auto:
        """What ``auto`` chooses from. Raises ``UnknownModel`` when there is no model for sounds."""
        return choose(self.manifests, self.absent)

    @cached_property
    def absent(self) -> dict[str, str]:
        """Why heads cannot be served, by name: the bodies that are absent, and the command that fetches them."""
        found = {}
        for name, head in self.models.items():
            if isinstance(head, HeadManifest) and name not in self.manifests:
                try:
                    headed(head, self.bodies)
                except BodyAbsent as error:
                    found[name] = error.detail
        return found

    def among(self, names: Sequence[str]) -> tuple[Classifier, ...]:
        """The models that may answer when these names are asked for; ``auto`` stands for all that it chooses from.

        Raises as ``get`` and ``auto`` do.
        """
        return self.auto.models if list(names) == [AUTO] else tuple(self.get(name) for name in names)

    def spaces(self, name: str) -> tuple[Space, ...]:
        """The spaces of a model, of a body, or of all that ``auto`` chooses from: the general one first.

        Raises as ``among`` does.
        """
        if name in self.bodies:
            return (self.bodies[name].space,)
        return tuple(dict.fromkeys(model.space for model in self.among((name,))))

    def _classifier(self, manifest: AnyManifest) -> Classifier | None:
        if isinstance(manifest, Manifest):
            return manifest
        if not isinstance(manifest, HeadManifest):
            return None
        try:
            return headed(manifest, self.bodies)
        except BodyAbsent:
            return None
