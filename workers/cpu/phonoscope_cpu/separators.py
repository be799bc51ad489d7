"""Which model takes a recording apart, loaded when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from phonoscope.catalogue import PULLABLE, Catalogue, StemManifest
from phonoscope.contract import Precision
from phonoscope.errors import ModelNotPulled, UnknownModel
from phonoscope.settings import Settings

if TYPE_CHECKING:
    import torch

    from phonoscope_ml.separation.adaptive import AdaptiveEstimator
    from phonoscope_ml.separation.ensemble import Ensemble


@dataclass
class Separators:
    """The models on this machine, one of them loaded: the one that was used last."""

    folders: tuple[Path, ...]
    cache: Path
    device: str
    _key: tuple[str, Precision, str] | None = None
    _loaded: Ensemble | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Separators:
        return cls((settings.more_models_dir, settings.models_dir), settings.cache_dir / "cores", settings.device)

    def get(self, name: str | None, precision: Precision) -> tuple[StemManifest, AdaptiveEstimator]:
        """The model asked for, else the best there is, for one recording.

        The folders are read anew: one may have been pulled meanwhile.

        Raises:
            UnknownModel: there is no such model.
            ModelNotPulled: it is not on this machine; the error says what to run.
            InvalidManifest, WeightsMismatch: it is, but cannot be served.
            OutOfMemory: it does not fit.
        """
        catalogue = Catalogue(*self.folders)
        there = catalogue.separators
        name = name or catalogue.best_separator
        if name not in there:
            if name in PULLABLE:
                raise ModelNotPulled(
                    f"{name} is not on the worker's machine; there, run: phonoscope models pull {name}"
                )
            raise UnknownModel(f"no model {name!r} that separates; there are: {', '.join(there) or 'none'}")
        # Networks take seconds and hundreds of megabytes, which a worker that only describes shall not spend.
        from phonoscope_ml.device import choose_device
        from phonoscope_ml.separation.adaptive import AdaptiveEstimator
        from phonoscope_ml.separation.ensemble import first_plan

        place = partial(self._load, catalogue.folder(name), there[name].digest, precision)
        return there[name], AdaptiveEstimator(there[name], place, first_plan(choose_device(self.device)))

    def _load(self, folder: Path, digest: str, precision: Precision, device: torch.device) -> Ensemble:
        from phonoscope_ml.separation.ensemble import load_ensemble

        key = (digest, precision, device.type)
        if self._loaded is None or self._key != key:
            self._loaded = None
            self._loaded = load_ensemble(folder, device, self.cache, precision)
            self._key = key
        return self._loaded
