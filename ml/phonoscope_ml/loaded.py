"""The models that a worker holds in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import RLock, Thread
from time import monotonic

import psutil
import torch

from phonoscope.catalogue import Auto, BodyManifest, Catalogue, HeadedManifest, LiveCatalogue, OwnHead, headed
from phonoscope.errors import ModelError, UnknownModel
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.text import ServedMeaning
from phonoscope.text.clap import LiveTextTower
from phonoscope_ml.bodies import Body
from phonoscope_ml.registry import Model, load_body, load_head, load_named

_log = get_logger(__name__)
_UNUSED_S = 600.0
_SHORT_BYTES = 1 << 30
"""Memory is short when less is available on the machine."""
_MOST_OWN = 16
"""Of owners' heads, which have 20 MB at most, those that were asked for last."""


@dataclass
class _Held:
    """A loaded model, or a body that was asked for by itself, and when it was last asked for."""

    identity: str
    loaded: Model | Body
    used_s: float


class LoadedModels:
    """Models by name: each is loaded when a task first names it, and again once its folder holds another.

    Heads share the bodies that they were taught on. Models that nobody asked for in the last ten minutes are dropped
    while less than 1 GiB of the machine's memory is available. Of owners' own heads those that were used last are kept,
    one of each classifier. Threads may share it.

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
        self._own: dict[str, _Held] = {}
        self._loading = RLock()

    def get(self, name: str) -> Model:
        """The model as its folder is now, warmed up; waits while another thread loads a model, unless it is loaded.

        Raises:
            UnknownModel: there is no such model on this machine.
            BodyAbsent: it is a head whose bodies are not on this machine.
            InvalidManifest, WeightsMismatch: it cannot be served.
        """
        catalogue = self._present()
        found = self._get(self._held, name, catalogue.get(name).identity, partial(self._load, catalogue, name))
        assert isinstance(found, Model)
        return found

    def serves(self, name: str) -> bool:
        """Whether a model of this name is in the folders, be it usable or not: then ``get`` is asked for it."""
        return self._catalogue.current.has(name)

    def own(self, head: OwnHead) -> Model:
        """An owner's own head on the body as its folder is now; waits as ``get`` does.

        Raises:
            BodyAbsent: its body is not on this machine.
            UnknownModel: its classifier was removed meanwhile.
            InvalidManifest, WeightsMismatch: it cannot be used.
        """
        catalogue = self._present()
        manifest = headed(head.manifest, catalogue.bodies)
        load = partial(self._load_own, catalogue, manifest, head)
        found = self._get(self._own, head.classifier_id, manifest.identity, load)
        assert isinstance(found, Model)
        self._keep_last_used(head.classifier_id)
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
        found = self._get(self._held, name, manifest.identity, load)
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

    def _get(self, among: dict[str, _Held], name: str, identity: str, load: Callable[[], Model | Body]) -> Model | Body:
        held = _held_as(among, name, identity) or self._load_once(among, name, identity, load)
        held.used_s = monotonic()
        self._drop_unused()
        return held.loaded

    def _load_all(self, names: list[str]) -> None:
        for name in names:
            try:
                self.get(name)
            except ModelError as error:
                _log.warning("model.not_loaded", model=name, reason=str(error))

    def _load_once(self, among: dict[str, _Held], name: str, identity: str, load: Callable[[], Model | Body]) -> _Held:
        with self._loading:
            held = _held_as(among, name, identity)
            if held is None:
                among.pop(name, None)
                self._drop_unused()
                held = _Held(identity, load(), monotonic())
                among[name] = held
                _log.info("model.loaded", model=name, identity=identity)
                self._count()
        return held

    def _load(self, catalogue: Catalogue, name: str) -> Model:
        model = load_named(catalogue, name, self._body, self.device)
        model.warm_up()
        return model

    def _load_own(self, catalogue: Catalogue, manifest: HeadedManifest, head: OwnHead) -> Model:
        bodies = [self._body(body, catalogue.folder(body.name)) for body in manifest.bodies]
        model = replace(load_head(manifest, head.weights(), bodies), own=True)
        model.warm_up()
        return model

    def _load_body(self, manifest: BodyManifest, folder: Path) -> Body:
        body = self._body(manifest, folder)
        body.warm_up()
        return body

    def _body(self, manifest: BodyManifest, folder: Path) -> Body:
        """A body that a loaded head already uses, or one loaded from its folder."""
        loaded = [held.loaded for held in [*self._held.values(), *self._own.values()]]
        bodies = (body for one in loaded for body in (one.bodies if isinstance(one, Model) else (one,)))
        same = (body for body in bodies if (body.name, body.identity) == (manifest.name, manifest.identity))
        return next(same, None) or load_body(manifest, folder, self.device)

    def _drop_what_is_gone(self, catalogue: Catalogue) -> None:
        for name in set(self._held) - catalogue.manifests.keys() - catalogue.bodies.keys():
            self._drop(self._held, name)

    def _keep_last_used(self, classifier_id: str) -> None:
        held = self._own.pop(classifier_id, None)
        if held is not None:
            self._own[classifier_id] = held
        for longest_ago in list(self._own)[:-_MOST_OWN]:
            self._drop(self._own, longest_ago)

    def _drop_unused(self) -> None:
        now = monotonic()
        every = [(among, name, held) for among in (self._held, self._own) for name, held in list(among.items())]
        unused = [(among, name) for among, name, held in every if now - held.used_s > self._unused_s]
        if unused and available_bytes() < self._short_bytes:
            for among, name in unused:
                self._drop(among, name)

    def _drop(self, among: dict[str, _Held], name: str) -> None:
        if among.pop(name, None) is not None:
            _log.info("model.dropped", model=name)
            self._count()

    def _count(self) -> None:
        recorder().models_loaded(len(self._held) + len(self._own))


def _held_as(among: dict[str, _Held], name: str, identity: str) -> _Held | None:
    held = among.get(name)
    return held if held is not None and held.identity == identity else None


def available_bytes() -> int:
    """How much of the machine's memory can be given out without swapping."""
    return int(psutil.virtual_memory().available)
