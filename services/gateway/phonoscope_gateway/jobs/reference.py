"""Descriptions held against their genre's reference profile, whenever a job is read.

That is not done by the worker that describes: what is heard becomes known in another pool, maybe later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from phonoscope.audio.profiles import compare, reference_profiles
from phonoscope.db.schema.tables import JobRow
from phonoscope.errors import InvalidRequest
from phonoscope.states import TaskName


def check_genre(genre: str) -> None:
    """Raises ``InvalidRequest`` when there is no profile for it."""
    known = reference_profiles().genres
    if genre not in known:
        raise InvalidRequest.choice("options.describe.genre", genre, known)


def reference(row: JobRow, body: Mapping[str, Any], labels: Iterable[str]) -> dict[str, Any] | None:
    """Compares a description's levels with the genre named, else the one that its job recognised, else a label.

    Args:
        row: the job that asked for the description.
        body: of the description.
        labels: the track's, the newest first; the first with a profile counts.

    ``None`` in silence, and when there is no profile for any of them.
    """
    named = row.options.get(TaskName.DESCRIBE, {}).get("genre")
    known = reference_profiles().genres
    for genre in (named, _heard(row), *labels):
        if genre is not None and genre in known:
            return compare(body.get("levels", []), genre, named=genre == named)
    return None


def _heard(row: JobRow) -> str | None:
    body = _body(row, TaskName.CLASSIFY)
    return None if body is None or body["unknown"] else body["top"][0]["label"]


def _body(row: JobRow, name: TaskName) -> dict[str, Any] | None:
    return next((task.result.body for task in row.tasks if task.name is name and task.result), None)
