"""Collections over HTTP and as commands: made, filled, used as filters, and their owner's alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from phonoscope.client import ApiError, Client
from phonoscope.contract import Scope
from phonoscope.contract.collections import MOST_COLLECTIONS, MOST_TRACKS_AT_ONCE
from phonoscope.db.access.engine import Database
from phonoscope.db.library.collections import add_tracks, create_collection, list_collections, remove_tracks
from phonoscope.db.library.erase import delete_track
from phonoscope.db.service.audit import Actor
from phonoscope.errors import CollectionQuotaExceeded, NameTaken, NotFound
from phonoscope_cli.app import app
from tests.integration.life import new_track
from tests.support import RunningStack, tone_wav

PATH = "/v1/collections"


@pytest.fixture
def tracks(http: httpx.Client) -> list[str]:
    """Three recordings, the newest last."""
    return [new_recording(http, seed) for seed in (810, 811, 812)]


def new_recording(http: httpx.Client, seed: int) -> str:
    answer = http.post("/v1/tracks", files={"file": (f"{seed}.wav", tone_wav(0.2, rate_hz=8_000, seed=seed))})
    return str(answer.raise_for_status().json()["id"])


def made(http: httpx.Client, name: str = "birds") -> str:
    answer = http.post(PATH, json={"name": name})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{PATH}/{answer.json()['id']}"
    return str(answer.json()["id"])


def put(http: httpx.Client, collection_id: str, *track_ids: str, method: str = "PUT") -> httpx.Response:
    return http.request(method, f"{PATH}/{collection_id}/tracks", json={"track_ids": list(track_ids)})


def held(http: httpx.Client, collection_id: str) -> set[str]:
    found = http.get("/v1/tracks", params={"collection": collection_id}).raise_for_status().json()["items"]
    count = http.get(f"{PATH}/{collection_id}").json()["tracks"]
    assert count == len(found)
    return {track["id"] for track in found}


def refused(answer: httpx.Response) -> tuple[int, str, list[str]]:
    problem = answer.json()
    return answer.status_code, problem["code"], [each["field"] for each in problem.get("errors", [])]


def test_tracks_are_gathered_and_found(http: httpx.Client, tracks: list[str]) -> None:
    """Added twice they are in it once; what is taken out is found no more by it, and stays in the library."""
    birds, others = made(http), made(http, "Aves")
    assert put(http, birds, *tracks[:2]).json()["tracks"] == 2
    assert put(http, birds, tracks[1], tracks[1], tracks[2]).json()["tracks"] == 3
    assert held(http, others) == set()
    assert put(http, birds, tracks[0], method="DELETE").json()["tracks"] == 2
    assert put(http, birds, tracks[0], "trk_never", method="DELETE").json()["tracks"] == 2
    assert held(http, birds) == set(tracks[1:])
    listed = http.get(PATH).json()["items"]
    assert [(each["name"], each["tracks"]) for each in listed] == [("Aves", 0), ("birds", 2)]
    named = http.get("/v1/tracks", params={"collection": birds, "q": "811", "sort": "name"}).json()["items"]
    assert [track["id"] for track in named] == tracks[1:2]
    first = http.get("/v1/tracks", params={"collection": birds, "limit": 1}).json()
    second = http.get("/v1/tracks", params={"collection": birds, "limit": 1, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for page in (first, second) for each in page["items"]] == [tracks[2], tracks[1]]
    assert second["next_cursor"] is None
    assert len(http.get("/v1/tracks").json()["items"]) == 3


def test_erased_with_its_track_and_without_it(http: httpx.Client, tracks: list[str]) -> None:
    """An erased recording leaves its collections; a deleted collection leaves its recordings."""
    birds = made(http)
    put(http, birds, *tracks)
    http.delete(f"/v1/tracks/{tracks[0]}").raise_for_status()
    assert held(http, birds) == set(tracks[1:])
    assert http.delete(f"{PATH}/{birds}").status_code == 204
    for answer in (http.get(f"{PATH}/{birds}"), http.delete(f"{PATH}/{birds}"), put(http, birds, tracks[1])):
        assert refused(answer) == (404, "not_found", [])
    assert len(http.get("/v1/tracks").json()["items"]) == 2
    made(http)


def test_names_are_one_line_and_once(http: httpx.Client) -> None:
    """In Unicode's form NFC without spaces around; another one's name is taken, one's own is not."""
    birds, other = made(http, "  e\u0301te\u0301 "), made(http, "x" * 100)
    assert http.get(f"{PATH}/{birds}").json()["name"] == "été"
    assert refused(http.post(PATH, json={"name": "été"})) == (409, "name_taken", ["name"])
    assert refused(http.patch(f"{PATH}/{other}", json={"name": "été"})) == (409, "name_taken", ["name"])
    assert http.patch(f"{PATH}/{birds}", json={"name": "été"}).status_code == 200
    assert http.patch(f"{PATH}/{birds}", json={"name": "Birds"}).json()["name"] == "Birds"
    made(http, "birds")
    for name in ("", "  ", "a\nb", "a\x00", "\u200b", "\u202eabc", "x" * 101, "e\u0301" * 1000, 3, None):
        for answer in (http.post(PATH, json={"name": name}), http.patch(f"{PATH}/{birds}", json={"name": name})):
            assert refused(answer) == (422, "invalid_request", ["name"]), name
    assert refused(http.post(PATH, json={"name": "a", "tracks": []}))[2] == ["tracks"]
    assert refused(http.post(PATH, json={}))[2] == ["name"]


def test_all_or_none_are_added(http: httpx.Client, tracks: list[str]) -> None:
    """One recording that is not there refuses all, by its place; so do too many, none, and what is no id."""
    birds = made(http)
    assert refused(put(http, birds, tracks[0], "trk_never", tracks[1])) == (404, "not_found", ["track_ids.1"])
    assert held(http, birds) == set()
    path = f"{PATH}/{birds}/tracks"
    for ids, field in (
        ([], "track_ids"),
        (["trk_a"] * (MOST_TRACKS_AT_ONCE + 1), "track_ids"),
        (["a b"], "track_ids.0"),
        ([tracks[0], 3], "track_ids.1"),
        ("trk_a", "track_ids"),
    ):
        for method in ("PUT", "DELETE"):
            answer = http.request(method, path, json={"track_ids": ids})
            assert refused(answer) == (422, "invalid_request", [field])
    assert refused(http.request("PUT", path))[0] == 422
    assert refused(http.request("DELETE", path))[0] == 422
    assert put(http, birds, *(tracks[:1] * MOST_TRACKS_AT_ONCE)).json()["tracks"] == 1


def test_nobody_else_sees_or_fills_them(
    client: Client, stranger: Client, http: httpx.Client, tracks: list[str]
) -> None:
    """Another owner's collection does not exist, and another owner's recording is in none."""
    birds = made(http)
    put(http, birds, *tracks)
    theirs = stranger.create_collection("birds")
    assert [each.id for each in stranger.collections()] == [theirs.id]
    for call in (
        lambda: stranger.collection(birds),
        lambda: stranger.rename_collection(birds, "mine"),
        lambda: stranger.delete_collection(birds),
        lambda: stranger.add_to_collection(birds, tracks),
        lambda: stranger.remove_from_collection(birds, tracks),
        lambda: stranger.add_to_collection(theirs.id, tracks),
        lambda: stranger.tracks(collection=birds),
        lambda: stranger.library_map(collection=birds),
        lambda: stranger.search("rain", filters={"collection": birds}),
    ):
        with pytest.raises(ApiError) as error:
            call()
        assert (error.value.status_code, error.value.code) == (404, "not_found")
    assert stranger.remove_from_collection(theirs.id, tracks).tracks == 0
    assert held(http, birds) == set(tracks)
    for name in ("collection", "a/b", "' OR 1=1"):
        assert http.get("/v1/tracks", params={"collection": name}).status_code in {404, 422}


def test_a_key_that_reads_changes_nothing(stack: RunningStack) -> None:
    """It lists and filters."""
    owner = f"owner-{uuid4()}"
    with stack.client(owner) as writer, Client(stack.url, stack.new_key(owner, {Scope.READ})) as reader:
        birds = writer.create_collection("birds").id
        assert [each.name for each in reader.collections()] == ["birds"]
        assert reader.tracks(collection=birds).items == []
        for call in (
            lambda: reader.create_collection("more"),
            lambda: reader.rename_collection(birds, "more"),
            lambda: reader.add_to_collection(birds, ["trk_a"]),
            lambda: reader.remove_from_collection(birds, ["trk_a"]),
            lambda: reader.delete_collection(birds),
        ):
            with pytest.raises(ApiError, match="scope"):
                call()


def test_made_once_and_no_more_than_may_be(database: Database) -> None:
    """Of many that make the same one at the same moment one does; one more than the most is refused."""
    actor = Actor(new_track(database).owner_id)
    start = Barrier(4)

    def make() -> bool:
        start.wait()
        try:
            with database.transaction() as session:
                create_collection(session, actor, "birds")
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(future.result() for future in [pool.submit(make) for _ in range(4)]) == 1
    with database.transaction() as session:
        for number in range(MOST_COLLECTIONS - 1):
            create_collection(session, actor, f"{number}")
        with pytest.raises(CollectionQuotaExceeded):
            create_collection(session, actor, "one more")
        assert len(list_collections(session, actor.owner_id)) == MOST_COLLECTIONS


def test_filled_while_it_and_its_tracks_go(database: Database) -> None:
    """Adding beside a deletion either came first or finds no track; nothing else is answered, and nothing is left."""
    for _ in range(8):
        track = new_track(database)
        actor, start = Actor(track.owner_id), Barrier(2)
        with database.transaction() as session:
            birds = create_collection(session, actor, "birds").id

        def add() -> str:
            start.wait()  # noqa: B023 - it ends within the loop
            try:
                with database.transaction() as session:
                    add_tracks(session, actor, birds, [track.id])  # noqa: B023 - likewise
            except NotFound as error:
                return error.detail
            return "added"

        def erase() -> None:
            start.wait()  # noqa: B023 - likewise
            with database.transaction() as session:
                delete_track(session, actor, track.id)  # noqa: B023 - likewise

        with ThreadPoolExecutor(2) as pool:
            added, erased = pool.submit(add), pool.submit(erase)
            erased.result()
            assert added.result() in {"added", f"no track {track.id!r}"}
        with database.transaction() as session:
            assert list_collections(session, actor.owner_id)[0].tracks == 0
            assert remove_tracks(session, actor, birds, [track.id]).tracks == 0


def test_changes_are_in_the_audit_log(stack: RunningStack) -> None:
    """Made, renamed and deleted, with its name."""
    scopes = {Scope.READ, Scope.WRITE, Scope.ADMIN}
    with Client(stack.url, stack.new_key(f"owner-{uuid4()}", scopes)) as client:
        birds = client.create_collection("birds")
        client.rename_collection(birds.id, "owls")
        client.rename_collection(birds.id, "owls")
        client.delete_collection(birds.id)
        entries = [entry for entry in client.audit().items if entry.subject == birds.id]
    assert [(entry.action, entry.details.get("name")) for entry in entries] == [
        ("collection.deleted", None),
        ("collection.renamed", "owls"),
        ("collection.created", "birds"),
    ]


@pytest.fixture
def run(stack: RunningStack) -> Callable[..., Any]:
    """Runs a command, always for the same owner."""
    key = stack.new_key(f"owner-{uuid4()}")
    environ = {"PHONOSCOPE_URL": stack.url, "PHONOSCOPE_API_KEY": key, "COLUMNS": "160"}
    return lambda *words: CliRunner().invoke(app, [*map(str, words)], env=environ)


def test_commands(run: Callable[..., Any]) -> None:
    """By name or by id; a search in one that is not there says so."""
    assert "night [birds]: 0 recordings" in run("collections", "create", "night [birds]").output
    row = run("collections", "list").output
    assert "night [birds]" in row
    collection_id = next(word for word in row.split() if word.startswith("col_"))
    assert "owls: 0 recordings" in run("collections", "rename", "night [birds]", "owls").output
    assert run("collections", "add", "owls", "trk_never").exit_code != 0
    assert "owls: 0 recordings" in run("collections", "remove", collection_id, "trk_never").output
    assert run("search", "rain", "--collection", "owls", "--json").exit_code == 0
    assert run("search", "rain", "--collection", "none", "--json").exit_code != 0
    assert run("collections", "delete", "owls").exit_code == 0
    assert "owls" not in run("collections", "list").output
