"""The review queue over HTTP: windows with links that play just them."""

from __future__ import annotations

from phonoscope.contract.classifiers import QueuedWindow, ReviewQueue
from phonoscope.db.classifiers.queue import to_ask
from phonoscope.db.classifiers.teaching import find_classifier
from phonoscope.db.library.tracks import tracks_by_id
from phonoscope.db.service.keys import Caller
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.view import audio_link, moment_link


def read_queue(state: State, caller: Caller, name: str, most: int) -> ReviewQueue:
    """The windows that would teach a classifier most. Raises ``NotFound``."""
    signer = state.signer_for(caller)
    with state.database.transaction() as session:
        row = find_classifier(session, caller.owner_id, name)
        asked, left = to_ask(session, row, most)
        tracks = {track.id: track for track in tracks_by_id(session, {each.track_id for each in asked})}
    items = []
    for each in asked:
        track = tracks.get(each.track_id)
        if track is None:
            continue
        start_s, end_s = (round(min(second, track.duration_s), 3) for second in (each.start_s, each.end_s))
        link = moment_link(audio_link(signer.of(track.link_key), track.id), start_s, end_s)
        items.append(
            QueuedWindow(
                track_id=track.id,
                filename=track.shown_filename,
                start_s=start_s,
                end_s=end_s,
                label=each.label,
                probability=each.probability,
                reason=each.reason,
                audio_url=link.url,
                expires_at=link.expires_at,
            )
        )
    return ReviewQueue(classifier=name, version=row.version, items=items, left=left)
