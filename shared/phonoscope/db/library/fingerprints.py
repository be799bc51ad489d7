"""Acoustic fingerprints of tracks."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.work import AcousticFingerprint

_DURATIONS = text("SELECT track_id, duration_s FROM acoustic_fingerprints WHERE track_id = ANY(:tracks)")
_FINGERPRINTS = text("SELECT track_id, words, duration_s FROM acoustic_fingerprints WHERE track_id = ANY(:tracks)")


def fingerprints_of(session: Session, track_ids: Collection[str]) -> dict[str, AcousticFingerprint]:
    """The fingerprints of tracks by their ids; tracks that were embedded before there were any have none."""
    rows = session.execute(_FINGERPRINTS, {"tracks": list(track_ids)}) if track_ids else ()
    return {row.track_id: AcousticFingerprint(bytes(row.words), row.duration_s) for row in rows}


def durations_of(session: Session, track_ids: Collection[str]) -> dict[str, float]:
    """The seconds that were decoded of tracks, by their ids, of those that have a fingerprint."""
    rows = session.execute(_DURATIONS, {"tracks": list(track_ids)}) if track_ids else ()
    return {row.track_id: row.duration_s for row in rows}
