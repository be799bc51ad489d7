"""The client's calls about collections."""

from __future__ import annotations

from collections.abc import Sequence

from phonoscope.client.connection import Connection
from phonoscope.contract.collections import Collection, CollectionRequest, Collections, CollectionTracks

_PATH = "/v1/collections"


class CollectionCalls(Connection):
    """The calls about collections: names under which an owner gathers recordings.

    ``tracks``, ``search`` (in its filters) and ``library_map`` take the id of one, and then find only what is in it.
    """

    def create_collection(self, name: str) -> Collection:
        """Makes an empty one; raises ``ApiError`` with the code ``name_taken`` where one is called so."""
        return self._ask(Collection, "POST", _PATH, json=_named(name))

    def collections(self) -> list[Collection]:
        """All of the owner's, by name."""
        return self._ask(Collections, "GET", _PATH).items

    def collection(self, collection_id: str) -> Collection:
        return self._ask(Collection, "GET", f"{_PATH}/{collection_id}")

    def rename_collection(self, collection_id: str, name: str) -> Collection:
        """Raises ``ApiError`` with the code ``name_taken`` where another one is called so."""
        return self._ask(Collection, "PATCH", f"{_PATH}/{collection_id}", json=_named(name))

    def delete_collection(self, collection_id: str) -> None:
        """Deletes it; its recordings stay."""
        self._send("DELETE", f"{_PATH}/{collection_id}")

    def add_to_collection(self, collection_id: str, track_ids: Sequence[str]) -> Collection:
        """Puts 1 to 1,000 recordings in it, all of them or none."""
        return self._ask(Collection, "PUT", f"{_PATH}/{collection_id}/tracks", json=_of(track_ids))

    def remove_from_collection(self, collection_id: str, track_ids: Sequence[str]) -> Collection:
        """Takes 1 to 1,000 recordings out of it; those that are not in it change nothing."""
        return self._ask(Collection, "DELETE", f"{_PATH}/{collection_id}/tracks", json=_of(track_ids))


def _named(name: str) -> dict[str, str]:
    return CollectionRequest(name=name).model_dump(mode="json")


def _of(track_ids: Sequence[str]) -> dict[str, list[str]]:
    return CollectionTracks(track_ids=list(track_ids)).model_dump(mode="json")
