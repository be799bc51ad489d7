"""The client's calls about spaces and window vectors."""

from __future__ import annotations

from typing import Literal

from phonoscope.client.connection import Connection
from phonoscope.contract import SpaceCard, Spaces, TrackVectors

_PATH = "/v1/spaces"


class SpaceCalls(Connection):
    """The calls about spaces: what they hold of the owner's, filling new ones and dropping old ones."""

    def spaces(self) -> list[SpaceCard]:
        """The spaces that hold something of the owner's, by model, the newest first."""
        return self._ask(Spaces, "GET", _PATH).items

    def reembed(self, model: str | None = None) -> list[SpaceCard]:
        """Has embedded in the background what the spaces of the served models lack, or that of one model."""
        return self._ask(Spaces, "POST", f"{_PATH}/reembed", params={"model": model} if model else {}).items

    def cancel_reembedding(self, space_id: int) -> None:
        """Cancels the filling of a space; what it has embedded stays."""
        self._send("DELETE", f"{_PATH}/{space_id}/reembedding")

    def drop_space(self, space_id: int) -> None:
        """Erases the owner's vectors in a space.

        Raises ``ApiError`` with the code ``space_in_use`` where it is served or read.
        """
        self._send("DELETE", f"{_PATH}/{space_id}")

    def vectors(
        self, track_id: str, *, space: int | None = None, model: str | None = None, stem: str | None = None
    ) -> TrackVectors:
        """The vectors of a track's windows, with their positions and times."""
        params = _given(space, model, stem)
        return self._ask(TrackVectors, "GET", f"/v1/tracks/{track_id}/vectors", params=params)

    def vectors_npy(
        self,
        track_id: str,
        part: Literal["vectors", "spans"] = "vectors",
        *,
        space: int | None = None,
        model: str | None = None,
        stem: str | None = None,
    ) -> bytes:
        """The same as an array for ``numpy.load``.

        Shape:
            - vectors: ``(windows, 512)``, float16
            - spans: ``(windows, 2)``, float32, in seconds
        """
        params = _given(space, model, stem) | {"format": "npy", "part": part}
        return self._send("GET", f"/v1/tracks/{track_id}/vectors", params=params).content


def _given(space: int | None, model: str | None, stem: str | None) -> dict[str, str | int]:
    found = {"space": space, "model": model, "stem": stem}
    return {name: value for name, value in found.items() if value is not None}
