"""The client's calls about labels that owners confirm and reject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from phonoscope.client.connection import Connection, matching
from phonoscope.contract.labels import (
    ImportReport,
    LabelChange,
    LabelCount,
    LabelFormat,
    LabelRequest,
    LabelSet,
    LabelSetRequest,
    LabelState,
)
from phonoscope.contract.tracks import Page


class LabelCalls(Connection):
    """The calls about labels.

    Those that change a recording's labels take the ``revision`` that the caller knows; they then raise ``ApiError``
    with the code ``precondition_failed`` where another change came first. Without it the last change counts.
    """

    def labels(self, track_id: str) -> LabelSet:
        """What the owner confirmed and rejected of a recording."""
        return self._ask(LabelSet, "GET", _of(track_id))

    def replace_labels(self, track_id: str, labels: Iterable[LabelRequest], revision: int | None = None) -> LabelSet:
        """Confirms and rejects exactly these labels, in place of all others."""
        body = LabelSetRequest(labels=list(labels)).model_dump(mode="json")
        return self._ask(LabelSet, "PUT", _of(track_id), json=body, headers=matching(revision))

    def say_label(
        self,
        track_id: str,
        label: str,
        state: LabelState = LabelState.CONFIRMED,
        start_s: float | None = None,
        end_s: float | None = None,
        revision: int | None = None,
    ) -> LabelSet:
        """Confirms or rejects a label of the whole recording, of a span, or without ``end_s`` of a point."""
        said = LabelRequest(label=label, state=state, start_s=start_s, end_s=end_s)
        headers = matching(revision)
        return self._ask(LabelSet, "POST", _of(track_id), json=said.model_dump(mode="json"), headers=headers)

    def undo_labels(self, track_id: str, revision: int | None = None) -> LabelSet:
        """Undoes the last change; raises ``ApiError`` with the code ``nothing_to_undo`` before the first."""
        return self._ask(LabelSet, "POST", f"{_of(track_id)}/undo", headers=matching(revision))

    def label_history(self, track_id: str, **filters: str | int) -> Page[LabelChange]:
        """A page of the changes of a recording's labels; filters are ``limit``, at most 10, and ``cursor``."""
        return self._ask(Page[LabelChange], "GET", f"{_of(track_id)}/history", params=filters)

    def all_labels(self, **filters: str | int) -> Page[LabelCount]:
        """A page of all labels with counts; filters are ``limit`` and ``cursor``."""
        return self._ask(Page[LabelCount], "GET", "/v1/labels", params=filters)

    def export_labels(
        self,
        kind: LabelFormat = LabelFormat.CSV,
        track_id: str | None = None,
        state: LabelState = LabelState.CONFIRMED,
        *,
        predicted: bool = False,
    ) -> str:
        """A file with the labels of one recording; without one of all.

        Args:
            kind: for all recordings CSV or JSON lines.
            state: which labels a format without states has.
            predicted: of one recording, whether what models predict is added, and what was rejected left out.
        """
        if track_id is None:
            return self._send("GET", "/v1/labels/export", params={"format": kind.value}).content.decode()
        params = {"format": kind.value, "state": state.value, "predicted": str(predicted).lower()}
        return self._send("GET", _of(track_id), params=params).content.decode()

    def import_labels(
        self,
        file: BinaryIO | bytes,
        kind: LabelFormat = LabelFormat.CSV,
        track_id: str | None = None,
        state: LabelState = LabelState.CONFIRMED,
        *,
        dry_run: bool = False,
        replace: bool = False,
    ) -> ImportReport:
        """Imports a file, all of it or nothing; raises ``ApiError`` with the code ``invalid_import``.

        Args:
            track_id: the recording that all lines are of; without one each line names its own.
            state: of lines that say none.
            dry_run: whether only to report what would change.
            replace: whether labels that are not in the file are removed from the recordings that it names.
        """
        path = "/v1/labels/import" if track_id is None else f"{_of(track_id)}/import"
        flags = {"dry_run": str(dry_run).lower(), "replace": str(replace).lower()}
        params = {"format": kind.value, "state": state.value, **flags}
        return self._ask(ImportReport, "POST", path, params=params, files={"file": ("labels", file)})


def _of(track_id: str) -> str:
    return f"/v1/tracks/{track_id}/labels"
