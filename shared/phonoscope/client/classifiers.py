"""The client's calls about classifiers of the owner's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO

from phonoscope.client.connection import Connection
from phonoscope.contract.classifiers import (
    ClassifierCard,
    ClassifierRequest,
    Classifiers,
    ClassifierState,
    ClassifierVersion,
    ClassifierVersions,
    ReviewQueue,
    TeachRequest,
)
from phonoscope.contract.jobs import Job

_PATH = "/v1/classifiers"
_POLL_S = 0.5


class ClassifierCalls(Connection):
    """The calls about classifiers: heads that are taught from labels and examples on vectors that are stored."""

    def create_classifier(self, request: ClassifierRequest, idempotency_key: str | None = None) -> ClassifierCard:
        """Makes a classifier and has it taught; ``taught`` waits for that.

        Raises ``ApiError``, with the code ``name_taken`` where a model or a classifier has its name.
        """
        return self._ask_once(
            ClassifierCard, _PATH, idempotency_key, json=request.model_dump(mode="json", exclude_unset=True)
        )

    def classifiers(self) -> list[ClassifierCard]:
        """All of the owner's, by name, each with its first labels; ``classifier`` gives one whole."""
        return self._ask(Classifiers, "GET", _PATH).items

    def classifier(self, name: str) -> ClassifierCard:
        return self._ask(ClassifierCard, "GET", _of(name))

    def teach_again(
        self, name: str, request: TeachRequest | None = None, idempotency_key: str | None = None
    ) -> ClassifierCard:
        """Has it taught again from the labels as they are now.

        What ``request`` says takes the place of what was asked for before; what it leaves out stays.
        """
        body = {} if request is None else {"json": request.model_dump(mode="json", exclude_unset=True)}
        return self._ask_once(ClassifierCard, f"{_of(name)}/teach", idempotency_key, **body)

    def taught(
        self, name: str, on_change: Callable[[ClassifierCard], None] = lambda _: None, poll_s: float = _POLL_S
    ) -> ClassifierCard:
        """The classifier once its newest teaching has ended, well or not, however long that takes."""
        while True:
            card = self.classifier(name)
            on_change(card)
            if card.state in {ClassifierState.READY, ClassifierState.FAILED}:
                return card
            time.sleep(poll_s)

    def delete_classifier(self, name: str) -> None:
        """Removes it with all its versions and the labels that it gave."""
        self._send("DELETE", _of(name))

    def classifier_versions(self, name: str) -> list[ClassifierVersion]:
        """Its versions, the newest first."""
        return self._ask(ClassifierVersions, "GET", f"{_of(name)}/versions").items

    def review_queue(self, name: str, limit: int = 10) -> ReviewQueue:
        """The windows whose labels would teach most; ``say_label`` answers."""
        return self._ask(ReviewQueue, "GET", f"{_of(name)}/queue", params={"limit": limit})

    def apply_classifier(self, name: str, idempotency_key: str | None = None) -> Job:
        """Has it label the whole library, from stored vectors."""
        return self._ask_once(Job, f"{_of(name)}/apply", idempotency_key)

    def export_classifier(self, name: str, version: int | None = None) -> bytes:
        """A ZIP file with the manifest and the weights of a version, by default the newest."""
        params = {} if version is None else {"version": version}
        return self._send("GET", f"{_of(name)}/export", params=params).content

    def import_classifier(self, name: str, file: BinaryIO | bytes) -> ClassifierCard:
        """Makes a classifier, or a version of one, of what ``export_classifier`` gave."""
        return self._ask(ClassifierCard, "PUT", _of(name), files={"file": ("classifier.zip", file)})


def _of(name: str) -> str:
    return f"{_PATH}/{name}"
