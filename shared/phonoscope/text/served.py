"""What words mean to the models that are served at this moment."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock, Thread

from phonoscope.catalogue import Catalogue, LiveCatalogue, TextManifest, check_file
from phonoscope.errors import ModelError
from phonoscope.logs import get_logger
from phonoscope.text.encoder import Encoder, read_tensors
from phonoscope.text.labels import labels_of
from phonoscope.text.meaning import Meaning, Phrases
from phonoscope.text.sentences import SentenceModel
from phonoscope.text.tokens import Tokens

SENTENCES = "minilm"
"""The model that embeds sentences."""
_log = get_logger(__name__)


class ServedMeaning:
    """The labels of the served heads by meaning, followed as models are added and replaced. Threads may share it.

    The model that embeds sentences takes 110 MB of memory once it is needed. Where it was not pulled or cannot be read,
    words are compared by their spelling; why is logged once.

    Args:
        catalogue: of the served models.
    """

    def __init__(self, catalogue: LiveCatalogue) -> None:
        self._catalogue = catalogue
        self._lock = Lock()
        self._read: Catalogue | None = None
        self._meaning = Meaning(())
        self._phrases: tuple[str, Phrases | None] = ("", None)

    @property
    def current(self) -> Meaning:
        """What words mean now; waits while the model is loaded."""
        with self._lock:
            catalogue = self._catalogue.current
            if catalogue is not self._read:
                self._meaning = Meaning(labels_of(catalogue), self._sentences(catalogue))
                self._read = catalogue
            return self._meaning

    def among(self, models: Collection[str]) -> Meaning:
        """What words mean to some of the models."""
        return self.current.among(models)

    def warm_up_in_background(self) -> Thread:
        """Loads the model and embeds all labels in a thread of its own, which takes seconds."""
        thread = Thread(target=self._warm_up, name="words", daemon=True)
        thread.start()
        return thread

    def _warm_up(self) -> None:
        self.current.warm_up()

    def _sentences(self, catalogue: Catalogue) -> Phrases | None:
        manifest = catalogue.texts.get(SENTENCES)
        identity = manifest.identity if manifest else ""
        if identity != self._phrases[0]:
            self._phrases = (identity, _loaded(catalogue, manifest) if manifest else None)
        return self._phrases[1]


def _loaded(catalogue: Catalogue, manifest: TextManifest) -> Phrases | None:
    folder = catalogue.folder(manifest.name)
    try:
        weights, tokenizer = (check_file(checked, folder) for checked in manifest.files)
        encoder = Encoder(read_tensors(weights), manifest.heads, manifest.epsilon)
        return Phrases(SentenceModel(Tokens(tokenizer, manifest.longest), encoder))
    except ModelError as error:
        _log.warning("words.by_spelling", reason=error.detail)
        return None
