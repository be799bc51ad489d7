"""The models that a worker holds in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psutil
import torch

from phonoscope.catalogue import Auto, BodyManifest, Catalogue, LiveCatalogue
from phonoscope.logs import get_logger
from phonoscope_ml.bodies import Body
from phonoscope_ml.registry import Model, load_body, load_named

_log = get_logger(__name__)
_UNUSED_S = 600.0
_SHORT_BYTES = 1 << 30
"""Memory is short when less is available on the machine."""


@dataclass
class _Held:
    """A loaded model, and when it was last asked for."""

    identity: str
    model: Model
    used_s: float


class LoadedModels:
    """Models by name: each is loaded when a task first names it, and again once its folder holds another.

    Heads share the bodies that they were taught on. Models that nobody asked for in the last ten minutes are dropped
    while less than 1 GiB of the machine's memory is available.
    """

    def __init__(self, catalogue: LiveCatalogue, device: torch.device) -> None:
        self.device = device
        self._catalogue = catalogue
        self._held: dict[str, _Held] = {}

    def get(self, name: str) -> Model:
        """The model as its folder is now, warmed up.

        Raises:
            UnknownModel: there is no such model on this machine.
            BodyAbsent: it is a head whose bodies are not on this machine.
            InvalidManifest, WeightsMismatch: it cannot be served.
        """
        catalogue = self._catalogue.current
        self._drop_what_is_gone(catalogue)
        manifest = catalogue.get(name)
        held = self._held.get(name)
        if held is None or held.identity != manifest.identity:
            self._held.pop(name, None)
            self._drop_unused()
            held = self._held[name] = _Held(manifest.identity, self._load(catalogue, name), monotonic())
            _log.info("model.loaded", model=name, digest=held.model.digest)
        held.used_s = monotonic()
        return held.model

    @property
    def auto(self) -> Auto:
        """What ``auto`` chooses from, as the folders are now. Raises ``UnknownModel``."""
        return self._catalogue.current.auto

    def _load(self, catalogue: Catalogue, name: str) -> Model:
        model = load_named(catalogue, name, self._body, self.device)
        model.warm_up()
        return model

    def _body(self, manifest: BodyManifest, folder: Path) -> Body:
        """A body that a loaded head already uses, or one loaded from its folder."""
        bodies = (body for held in self._held.values() for body in held.model.bodies)
        same = (body for body in bodies if (body.name, body.identity) == (manifest.name, manifest.identity))
        return next(same, None) or load_body(manifest, folder, self.device)

    def _drop_what_is_gone(self, catalogue: Catalogue) -> None:
        for name in [name for name in self._held if name not in catalogue.manifests]:
            self._drop(name)

    def _drop_unused(self) -> None:
        if available_bytes() >= _SHORT_BYTES:
            return
        for name in [name for name, held in self._held.items() if monotonic() - held.used_s > _UNUSED_S]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        del self._held[name]
        _log.info("model.dropped", model=name)


def available_bytes() -> int:
    """How much of the machine's memory can be given out without swapping."""
    return int(psutil.virtual_memory().available)
