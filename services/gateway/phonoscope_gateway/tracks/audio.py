"""Access to a recording's bytes: for its owner, and for everyone with a signed link."""

from __future__ import annotations

from phonoscope.db.library.tracks import get_track, get_track_of_any_owner
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.keys import Caller
from phonoscope_gateway.links import LinkRequest
from phonoscope_gateway.signing import audio_path
from phonoscope_gateway.state import State, known
from phonoscope_gateway.streaming import StoredObject


def find_audio(
    state: State,
    track_id: str,
    caller: Caller | None,
    link: LinkRequest,
) -> StoredObject:
    """The recording, by a signed link or, without one, by its owner's key.

    Raises:
        Unauthorized: there is neither a signature nor a key.
        InvalidSignature, SignatureExpired: the link is not valid, was revoked or has expired; the key is ignored then.
        NotFound: the track is not this owner's, or was erased.
    """
    if not link.is_link:
        owner_id = known(caller).owner_id
        with state.database.autocommit() as session:
            return _stored(state, get_track(session, owner_id, track_id), "private, no-cache")
    left_s = link.check(state.signer, audio_path(track_id))
    with state.database.autocommit() as session:
        track = get_track_of_any_owner(session, track_id)
        link.check_revocation(session, track.link_key)
    return _stored(state, track, link.cache_control(left_s), left_s)


def _stored(state: State, track: TrackRow, cache_control: str, left_s: int | None = None) -> StoredObject:
    return StoredObject(
        key=track.object_key,
        size_bytes=track.size_bytes,
        media_type=track.media_type,
        tag=track.sha256,
        filename=track.shown_filename,
        cache_control=cache_control,
        link_s=state.settings.artifact_link_s if left_s is None else left_s,
    )
