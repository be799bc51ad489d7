"""Rules for links that share one recording."""

from __future__ import annotations

from datetime import timedelta

from phonoscope.contract import NewShare, SharedTrack, ShareRequest, TrackShare, TrackShares
from phonoscope.contract.labels import PlacedLabel
from phonoscope.db.library.annotations import labelled_tracks
from phonoscope.db.library.shown import failed_of
from phonoscope.db.library.tracks import get_track
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.shares import add_share, list_shares, revoke_share
from phonoscope.errors import NotFound
from phonoscope.logs import get_logger
from phonoscope.states import TaskName
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.view import describe_track, for_caller

_PAGE = "/shared"
"""The address of the page that shows a shared recording. The token is in its fragment, which no browser sends."""
_log = get_logger(__name__)


def make_share(state: State, caller: Caller, track_id: str, request: ShareRequest) -> NewShare:
    """Raises ``NotFound`` or ``TooManyShares``."""
    with state.database.transaction() as session:
        track = get_track(session, caller.owner_id, track_id, to_change=True)
        ends = state.links_end(caller)
        row, token = add_share(
            session, caller.actor, track.id, timedelta(seconds=request.expires_in_s), ends_with_key=ends
        )
        made = TrackShare.model_validate(row)
    _log.info("share.created", track_id=track_id, share_id=made.id)
    return NewShare(**made.model_dump(), token=token, url=f"{state.settings.root_path}{_PAGE}#{token}")


def open_share(state: State, caller: Caller) -> SharedTrack:
    """What a shared link shows. Raises ``NotFound`` for an API key."""
    if caller.track_id is None or caller.until is None:
        raise NotFound("the token of a shared link reads this, and no API key")
    with state.database.autocommit() as session:
        row = get_track(session, caller.owner_id, caller.track_id)
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        track = describe_track(state.signer_for(caller), session, row, known)
        said = labelled_tracks(session, {row.id: row})[row.id].rows
        labels = [PlacedLabel.model_validate(each) for each in said]
        failed = bool(failed_of(session, {row.id}, TaskName.DESCRIBE))
    shown = for_caller(track, caller)
    return SharedTrack(track=shown, labels=labels, measurement_failed=failed, expires_at=caller.until)


def read_shares(state: State, caller: Caller, track_id: str) -> TrackShares:
    """Raises ``NotFound``."""
    with state.database.autocommit() as session:
        get_track(session, caller.owner_id, track_id)
        items = [TrackShare.model_validate(row) for row in list_shares(session, track_id)]
    return TrackShares(track_id=track_id, items=items)


def revoke(state: State, caller: Caller, track_id: str, share_id: str) -> None:
    """Raises ``NotFound``."""
    with state.database.transaction() as session:
        track = get_track(session, caller.owner_id, track_id)
        revoke_share(session, caller.actor, track.id, share_id)
    _log.info("share.revoked", track_id=track_id, share_id=share_id)
