"""What words mean as labels of the models that are served at this moment."""

from __future__ import annotations

from threading import Lock

from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.text import Meaning, Meant, labels_of


class LiveWords:
    """Understands words by the labels of the served models; threads may share it."""

    def __init__(self, models: LiveCatalogue) -> None:
        self._models = models
        self._lock = Lock()
        self._known: tuple[Catalogue, Meaning] | None = None

    def of(self, text: str) -> Meant:
        """What a sentence asks for."""
        return self._meaning().of(text)

    def _meaning(self) -> Meaning:
        catalogue = self._models.current
        with self._lock:
            if self._known is None or self._known[0] is not catalogue:
                self._known = catalogue, Meaning(labels_of(catalogue))
            return self._known[1]
