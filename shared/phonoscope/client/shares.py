"""The client's calls about links that share one recording."""

from __future__ import annotations

from phonoscope.client.connection import Connection
from phonoscope.contract.shares import USUAL_SHARE_S, NewShare, SharedTrack, ShareRequest, TrackShares


class ShareCalls(Connection):
    """The calls about shared links. A ``Client`` with a link's token in place of a key reads that recording alone."""

    def share_track(self, track_id: str, expires_in_s: int = USUAL_SHARE_S) -> NewShare:
        """Makes a link to a recording; the answer has its token, once only."""
        body = ShareRequest(expires_in_s=expires_in_s).model_dump()
        return self._ask(NewShare, "POST", _of(track_id), json=body)

    def shares(self, track_id: str) -> TrackShares:
        """The links to a recording that are good, newest first."""
        return self._ask(TrackShares, "GET", _of(track_id))

    def shared(self) -> SharedTrack:
        """What a shared link shows: of a client with its token in place of a key."""
        return self._ask(SharedTrack, "GET", "/v1/shared")

    def revoke_share(self, track_id: str, share_id: str) -> None:
        """Ends a link at once and for good."""
        self._send("DELETE", f"{_of(track_id)}/{share_id}")


def _of(track_id: str) -> str:
    return f"/v1/tracks/{track_id}/shares"
