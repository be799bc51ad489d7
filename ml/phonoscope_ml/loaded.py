"""The models that a worker holds in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import RLock, Thread
from time import monotonic

import psutil
import torch

from phonoscope.catalogue import Auto, BodyManifest, Catalogue, LiveCatalogue
from phonoscope.errors import ModelError, UnknownModel
from phonoscope.logs import get_logger
from phonoscope.text import ServedMeaning
from phonoscope.text.clap import LiveTextTower
from phonoscope_ml.bodies import Body
from phonoscope_ml.registry import Model, load_body, load_named

_log = get_logger(__name__)
_UNUSED_S = 600.0
_SHORT_BYTES = 1 << 30
"""Memory is short when less is available on the machine."""


@dataclass
class _Held:
    """A loaded model, or a body that was asked for by itself, and when it was last asked for."""

    identity: str
    loaded: Model | Body
    used_s: float


class LoadedModels:
    """Models by name: each is loaded when a task first names it, and again once its folder holds another.

    Heads share the bodies that they were taught on. Models that nobody asked for in the last ten minutes are dropped
    while less than 1 GiB of the machine's memory is available. Threads may share it.

    Args:
        unused_s: after so many seconds a model counts as unused.
        short_bytes: memory is short when less is available.
    """

    def __init__(
        self,
        catalogue: LiveCatalogue,
        device: torch.device,
        *,
        unused_s: float = _UNUSED_S,
        short_bytes: int = _SHORT_BYTES,
    ) -> None:
        self.device = device
        self.words = ServedMeaning(catalogue)
        self.text_tower = LiveTextTower(catalogue)
        self._catalogue = catalogue
        self._unused_s = unused_s
        self._short_bytes = short_bytes
        self._held: dict[str, _Held] = {}
        self._loading = RLock()

    def get(self, name: str) -> Model:
        """The model as its folder is now, warmed up; waits while another thread loads a model, unless it is loaded.

        Raises:
            UnknownModel: there is no such model on this machine.
            BodyAbsent: it is a head whose bodies are not on this machine.
            InvalidManifest, WeightsMismatch: it cannot be served.
        """
        catalogue = self._present()
        found = self._get(name, catalogue.get(name).identity, partial(self._load, catalogue, name))
        assert isinstance(found, Model)
        return found

    def body(self, name: str) -> Body:
        """A body by itself, warmed up; waits as ``get`` does.

        Raises:
            UnknownModel: it is not on this machine.
            ExtraAbsent: it needs packages that are not installed.
            InvalidManifest, WeightsMismatch: it cannot be used.
        """
        catalogue = self._present()
        if name not in catalogue.bodies:
            raise UnknownModel(f"no body {name!r}")
        manifest = catalogue.bodies[name]
        load = partial(self._load_body, manifest, catalogue.folder(name))
        found = self._get(name, manifest.identity, load)
        assert isinstance(found, Body)
        return found

    @property
    def with_text(self) -> BodyManifest | None:
        """The body in whose space sentences are too, as the folders are now; ``text_tower`` puts them there."""
        return self._catalogue.current.with_text

    def load_in_background(self, names: Iterable[str]) -> Thread:
        """Loads models and warms them up in a thread of its own; one that cannot be served is logged, and left out."""
        thread = Thread(target=self._load_all, args=(list(names),), name="models", daemon=True)
        thread.start()
        return thread

    @property
    def auto(self) -> Auto:
        """What ``auto`` chooses from, as the folders are now. Raises ``UnknownModel``."""
        return self._catalogue.current.auto

    def _present(self) -> Catalogue:
        """The catalogue as the folders are now; what is gone from it is dropped."""
        catalogue = self._catalogue.current
        self._drop_what_is_gone(catalogue)
        return catalogue

    def _get(self, name: str, identity: str, load: Callable[[], Model | Body]) -> Model | Body:
        held = self._held_as(name, identity) or self._load_once(name, identity, load)
        held.used_s = monotonic()
        self._drop_unused()
        return held.loaded

    def _load_all(self, names: list[str]) -> None:
        for name in names:
            try:
                self.get(name)
            except ModelError as error:
                _log.warning("model.not_loaded", model=name, reason=str(error))

    def _held_as(self, name: str, identity: str) -> _Held | None:
        held = self._held.get(name)
        return held if held is not None and held.identity == identity else None

    def _load_once(self, name: str, identity: str, load: Callable[[], Model | Body]) -> _Held:
        with self._loading:
            held = self._held_as(name, identity)
            if held is None:
                self._held.pop(name, None)
                self._drop_unused()
                held = _Held(identity, load(), monotonic())
                self._held[name] = held
                _log.info("model.loaded", model=name, identity=identity)
        return held

    def _load(self, catalogue: Catalogue, name: str) -> Model:
        model = load_named(catalogue, name, self._body, self.device)
        model.warm_up()
        return model

    def _load_body(self, manifest: BodyManifest, folder: Path) -> Body:
        body = self._body(manifest, folder)
        body.warm_up()
        return body

    def _body(self, manifest: BodyManifest, folder: Path) -> Body:
        """A body that a loaded head already uses, or one loaded from its folder."""
        loaded = [held.loaded for held in list(self._held.values())]
        bodies = (body for one in loaded for body in (one.bodies if isinstance(one, Model) else (one,)))
        same = (body for body in bodies if (body.name, body.identity) == (manifest.name, manifest.identity))
        return next(same, None) or load_body(manifest, folder, self.device)

    def _drop_what_is_gone(self, catalogue: Catalogue) -> None:
        for name in set(self._held) - catalogue.manifests.keys() - catalogue.bodies.keys():
            self._drop(name)

    def _drop_unused(self) -> None:
        now = monotonic()
        unused = [name for name, held in list(self._held.items()) if now - held.used_s > self._unused_s]
        if unused and available_bytes() < self._short_bytes:
            for name in unused:
                self._drop(name)

    def _drop(self, name: str) -> None:
        if self._held.pop(name, None) is not None:
            _log.info("model.dropped", model=name)


def available_bytes() -> int:
    """How much of the machine's memory can be given out without swapping."""
    return int(psutil.virtual_memory().available)
