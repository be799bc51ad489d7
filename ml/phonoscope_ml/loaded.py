"""The classifiers that a worker holds in memory."""

from __future__ import annotations

from pathlib import Path

import torch

from phonoscope.catalogue import Catalogue, LiveCatalogue, Manifest
from phonoscope.logs import get_logger
from phonoscope_ml.registry import Model, load_model

_log = get_logger(__name__)


class LoadedModels:
    """Models by name: each is loaded when a task first names it, and again once its folder holds another."""

    def __init__(self, catalogue: LiveCatalogue, device: torch.device) -> None:
        self.device = device
        self._catalogue = catalogue
        self._loaded: dict[str, tuple[str, Model]] = {}

    def get(self, name: str) -> Model:
        """The model as its folder is now, warmed up.

        Raises:
            UnknownModel: there is no such model on this machine.
            InvalidManifest, WeightsMismatch: it cannot be served.
        """
        catalogue = self._catalogue.current
        self._drop_what_is_gone(catalogue)
        manifest = catalogue.get(name)
        known = self._loaded.get(name)
        if known is not None and known[0] == manifest.identity:
            return known[1]
        self._loaded.pop(name, None)
        model = _loaded(catalogue.folder(name), self.device)
        self._loaded[name] = (manifest.identity, model)
        _log.info("model.loaded", model=name, digest=model.digest)
        return model

    def _drop_what_is_gone(self, catalogue: Catalogue) -> None:
        there: dict[str, Manifest] = catalogue.manifests
        for name in [name for name in self._loaded if name not in there]:
            del self._loaded[name]
            _log.info("model.dropped", model=name)


def _loaded(folder: Path, device: torch.device) -> Model:
    model = load_model(folder, device)
    model.warm_up()
    return model
