"""Access to a recording's bytes: for its owner, and for everyone with a signed link."""

from __future__ import annotations

from time import time

from phonoscope.db.library.tracks import get_track, get_track_of_any_owner
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.keys import Caller
from phonoscope_gateway.signing import audio_path
from phonoscope_gateway.state import State, known
from phonoscope_gateway.streaming import StoredObject


def find_audio(
    state: State,
    track_id: str,
    caller: Caller | None,
    expires: str | None,
    signature: str | None,
) -> StoredObject:
    """The recording, by a signed link or, without one, by its owner's key.

    Raises:
        Unauthorized: there is neither a signature nor a key.
        InvalidSignature, SignatureExpired: the link is not valid, or has expired; the key is ignored then.
        NotFound: the track is not this owner's, or was erased.
    """
    if expires is None and signature is None:
        owner_id = known(caller).owner_id
        with state.database.autocommit() as session:
            return _stored(state, get_track(session, owner_id, track_id), "private, no-cache")
    left_s = state.signer.check(audio_path(track_id), expires, signature, time())
    with state.database.autocommit() as session:
        return _stored(
            state, get_track_of_any_owner(session, track_id), f"private, max-age={left_s}, immutable", left_s
        )


def _stored(state: State, track: TrackRow, cache_control: str, left_s: int | None = None) -> StoredObject:
    return StoredObject(
        key=track.object_key,
        size_bytes=track.size_bytes,
        media_type=track.media_type,
        tag=track.sha256,
        filename=track.filename,
        cache_control=cache_control,
        link_s=state.settings.artifact_link_s if left_s is None else left_s,
    )
