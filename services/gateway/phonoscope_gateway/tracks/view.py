"""Tracks as clients see them: rows with their labels, and a link to the recording."""

from __future__ import annotations

from collections.abc import Sequence
from time import time

from sqlalchemy.orm import Session

from phonoscope.contract import SignedLink, Track
from phonoscope.db.library.results import NO_LABELS, TrackLabels, labels_of
from phonoscope.db.schema.tables import TrackRow
from phonoscope_gateway.signing import Signer, audio_path

_DERIVED = {"label", "labels", "audio"}
_COLUMNS = [name for name in Track.model_fields if name not in _DERIVED]


def describe_tracks(signer: Signer, session: Session, rows: Sequence[TrackRow]) -> list[Track]:
    """Tracks with the labels that models gave them, and with links that are valid from now on."""
    known = labels_of(session, {row.id for row in rows})
    return [_describe(row, known.get(row.id, NO_LABELS), audio_link(signer.of(row.link_key), row.id)) for row in rows]


def describe_track(signer: Signer, session: Session, row: TrackRow) -> Track:
    """One track, as ``describe_tracks`` describes several."""
    return describe_tracks(signer, session, [row])[0]


def audio_link(signer: Signer, track_id: str) -> SignedLink:
    """A link to the recording that is valid from now on.

    Args:
        signer: of links to the track's objects.
    """
    return signer.link(audio_path(track_id), time())


def _describe(row: TrackRow, labels: TrackLabels, audio: SignedLink) -> Track:
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return Track(**columns, label=labels.newest, labels=labels.by_model, audio=audio)
