"""Which model takes a recording apart, loaded when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from phonoscope.catalogue import PULLABLE, Catalogue, StemManifest
from phonoscope.contract import Precision
from phonoscope.errors import ModelNotPulled, UnknownModel
from phonoscope.settings import Settings

if TYPE_CHECKING:
    from phonoscope.ml.separation.estimators import Ensemble

_PREFERRED = ("htdemucs", "demucs-mini")


@dataclass
class Separators:
    """The models on this machine, one of them loaded: the one that was used last."""

    folders: tuple[Path, ...]
    cache: Path
    device: str
    _key: tuple[str, Precision] | None = None
    _loaded: Ensemble | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Separators:
        return cls((settings.more_models_dir, settings.models_dir), settings.cache_dir / "cores", settings.device)

    def get(self, name: str | None, precision: Precision) -> tuple[StemManifest, Ensemble]:
        """The model asked for, else the best there is. The folders are read anew: one may have been pulled meanwhile.

        Raises:
            UnknownModel: there is no such model.
            ModelNotPulled: it is not on this machine; the error says what to run.
            InvalidManifest, WeightsMismatch: it is, but cannot be served.
        """
        catalogue = Catalogue(*self.folders)
        there = catalogue.separators
        if name is None:
            name = next((known for known in (*_PREFERRED, *there) if known in there), PULLABLE[0])
        if name not in there:
            if name in PULLABLE:
                raise ModelNotPulled(
                    f"{name} is not on the worker's machine; there, run: phonoscope models pull {name}"
                )
            raise UnknownModel(f"no model {name!r} that separates; there are: {', '.join(there) or 'none'}")
        return there[name], self._load(catalogue.folder(name), (name, precision))

    def _load(self, folder: Path, key: tuple[str, Precision]) -> Ensemble:
        if self._loaded is None or self._key != key:
            # Networks take seconds and hundreds of megabytes, which a worker that only describes shall not spend.
            from phonoscope.ml.device import choose_device
            from phonoscope.ml.separation.estimators import load_ensemble

            self._loaded = None
            self._loaded = load_ensemble(folder, choose_device(self.device), self.cache, key[1])
            self._key = key
        return self._loaded
