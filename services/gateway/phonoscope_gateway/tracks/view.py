"""Tracks as clients see them: rows with their labels, and links to the recording and its cover."""

from __future__ import annotations

from collections.abc import Sequence
from time import time

from sqlalchemy.orm import Session

from phonoscope.catalogue import Vocabularies
from phonoscope.contract import ArtifactLink, SignedLink, Track, TrackFacts
from phonoscope.db.library.facts import Facts, facts_of
from phonoscope.db.library.shown import Cover, Shown, shown_of
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.keys import Caller
from phonoscope_gateway.signing import Signer, artifact_path, audio_path

_LABELS = {
    "label",
    "label_confirmed",
    "labels",
    "probabilities",
    "classified_by",
    "classification_failed",
    "facts",
    "confirmed",
    "rejected",
    "confirmed_in_parts",
}
_DERIVED = _LABELS | {"audio", "cover"}
_COLUMNS = [name for name in Track.model_fields if name not in _DERIVED]


def describe_tracks(
    signer: Signer, session: Session, rows: Sequence[TrackRow], vocabularies: Vocabularies, *, facts: bool = False
) -> list[Track]:
    """Tracks with the labels that count for them, and with links that are valid from now on.

    Args:
        vocabularies: of the served models.
        facts: whether to say their kinds, tempos and keys too.
    """
    ids = {row.id for row in rows}
    shown = shown_of(session, ids, vocabularies)
    known = facts_of(session, ids) if facts else {}
    described = [_describe(signer.of(row.link_key), row, shown.get(row.id, Shown())) for row in rows]
    if facts:
        for track in described:
            track.facts = TrackFacts(**known.get(track.id, Facts())._asdict())
    return described


def describe_track(signer: Signer, session: Session, row: TrackRow, vocabularies: Vocabularies) -> Track:
    """One track, as ``describe_tracks`` describes several."""
    return describe_tracks(signer, session, [row], vocabularies)[0]


def for_caller(track: Track, caller: Caller) -> Track:
    """A track as this client may see it: what its owner noted is not shared."""
    return track if caller.track_id is None else track.model_copy(update={"notes": "", "revision": 0})


def audio_link(signer: Signer, track_id: str) -> SignedLink:
    """A link to the recording that is valid from now on.

    Args:
        signer: of links to the track's objects.
    """
    return signer.link(audio_path(track_id), time())


def moment_link(audio: SignedLink, start_s: float, end_s: float) -> SignedLink:
    """A link that plays a part of a recording, by milliseconds: the recording's, with a media fragment (W3C, 2012)."""
    start, end = (f"{second:.3f}".rstrip("0").rstrip(".") for second in (start_s, end_s))
    return audio.model_copy(update={"url": f"{audio.url}#t={start},{end}"})


def cover_link(signer: Signer, cover: Cover) -> ArtifactLink:
    """A link to a cover that is valid from now on.

    Args:
        signer: of links to the track's objects.
    """
    link = signer.link(artifact_path(cover.id), time())
    facts = {"id": cover.id, "name": cover.object_key.rpartition("/")[2], "size_bytes": cover.size_bytes}
    return ArtifactLink.model_validate({**facts, "media_type": cover.media_type, **link.model_dump()})


def _describe(signer: Signer, row: TrackRow, shown: Shown) -> Track:
    labels, models, cover, probabilities, failed = shown
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return Track(
        **columns,
        label=labels.newest,
        label_confirmed=labels.is_confirmed(labels.newest),
        labels=labels.by_model,
        probabilities=dict(probabilities),
        classified_by=list(models),
        classification_failed=failed,
        confirmed=list(labels.confirmed),
        rejected=list(labels.rejected),
        confirmed_in_parts=list(labels.in_parts),
        audio=audio_link(signer, row.id),
        cover=None if cover is None else cover_link(signer, cover),
    )
