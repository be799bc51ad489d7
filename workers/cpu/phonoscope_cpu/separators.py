"""Loads the models that separate recordings, at their first use."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from phonoscope.catalogue import PULLABLE, SEPARATION, Catalogue, StemManifest
from phonoscope.contract import Precision
from phonoscope.errors import ModelNotPulled, UnknownModel
from phonoscope.settings import Settings

if TYPE_CHECKING:
    import torch

    from phonoscope_ml.separation.adaptive import AdaptiveEstimator
    from phonoscope_ml.separation.ensemble import Ensemble


@dataclass
class Separators:
    """The separation models on this machine; the one that was used last stays loaded."""

    folders: tuple[Path, ...]
    cache: Path
    device: str
    _key: tuple[str, Precision, str] | None = None
    _loaded: Ensemble | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Separators:
        return cls((settings.more_models_dir, settings.models_dir), settings.cache_dir / "cores", settings.device)

    def get(self, name: str | None, precision: Precision) -> tuple[StemManifest, AdaptiveEstimator]:
        """A model's manifest, and its estimator for one recording; the best model there is when ``name`` is ``None``.

        The folders are read again, since a model may have been pulled meanwhile.

        Raises:
            UnknownModel: the model does not exist.
            ModelNotPulled: the model is not on this machine; the error says what to run.
            InvalidManifest, WeightsMismatch: the model cannot be served.
            OutOfMemory: the model does not fit into memory.
        """
        catalogue = Catalogue(*self.folders)
        known = catalogue.separators
        name = name or catalogue.best_separator
        if name not in known:
            pullable = PULLABLE.get(name)
            if pullable is not None and pullable.kind == SEPARATION:
                raise ModelNotPulled(f"{name} is not on the worker's machine; there, run: {pullable.command}")
            raise UnknownModel(f"no model {name!r} that separates; there are: {', '.join(known) or 'none'}")
        # Networks take seconds and hundreds of megabytes, which a worker that only describes must not spend.
        from phonoscope_ml.device import choose_device
        from phonoscope_ml.separation.adaptive import AdaptiveEstimator
        from phonoscope_ml.separation.ensemble import first_plan

        load = partial(self._load, catalogue.folder(name), known[name].digest, precision)
        return known[name], AdaptiveEstimator(known[name], load, first_plan(choose_device(self.device)))

    def _load(self, folder: Path, digest: str, precision: Precision, device: torch.device) -> Ensemble:
        from phonoscope_ml.separation.ensemble import load_ensemble

        key = (digest, precision, device.type)
        if self._loaded is None or self._key != key:
            self._loaded = None
            self._loaded = load_ensemble(folder, device, self.cache, precision)
            self._key = key
        return self._loaded
