"""Acoustic fingerprints of tracks."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import AcousticFingerprintRow
from phonoscope.work import AcousticFingerprint


def fingerprints_of(session: Session, track_ids: Collection[str]) -> dict[str, AcousticFingerprint]:
    """The fingerprints of tracks by their ids; tracks that were embedded before there were any have none."""
    columns = AcousticFingerprintRow.track_id, AcousticFingerprintRow.words, AcousticFingerprintRow.duration_s
    rows = session.execute(select(*columns).where(AcousticFingerprintRow.track_id.in_(track_ids)))
    return {track_id: AcousticFingerprint(words, duration_s) for track_id, words, duration_s in rows}


def durations_of(session: Session, track_ids: Collection[str]) -> dict[str, float]:
    """The seconds that were decoded of tracks, by their ids, of those that have a fingerprint."""
    columns = AcousticFingerprintRow.track_id, AcousticFingerprintRow.duration_s
    rows = session.execute(select(*columns).where(AcousticFingerprintRow.track_id.in_(track_ids)))
    return dict(iter(rows))
