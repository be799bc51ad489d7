"""Labels that owners confirm and reject, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import LabelFormat, LabelRequest, LabelState, Scope
from tests.support import RunningStack, id_of, tone_wav

NO, YES = LabelState.REJECTED, LabelState.CONFIRMED
OPPOSITE = {"label": "a", "state": "rejected"}


@pytest.fixture
def track_id(http: httpx.Client) -> str:
    return new_track(http, 700)


def new_track(http: httpx.Client, seed: int, name: str = "tone.wav") -> str:
    """Of two seconds."""
    answer = http.post("/v1/tracks", files={"file": (name, tone_wav(2.0, rate_hz=8_000, seed=seed))})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def put(http: httpx.Client, track_id: str, *labels: dict[str, Any], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.put(f"/v1/tracks/{track_id}/labels", json={"labels": list(labels)}, headers=named)


def send(http: httpx.Client, path: str, content: str | bytes, kind: str, **asked: str) -> httpx.Response:
    """Imports a file."""
    return http.post(f"/v1{path}/import", params={"format": kind, **asked}, files={"file": ("labels", content)})


def said(http: httpx.Client, track_id: str) -> list[tuple[Any, ...]]:
    items = http.get(f"/v1/tracks/{track_id}/labels").json()["labels"]
    return [(each["label"], each["state"], each["start_s"], each["end_s"]) for each in items]


def test_labels_are_put_and_read(http: httpx.Client, track_id: str) -> None:
    """With who and when; the ETag is the revision; the track shows the confirmed one and says so."""
    nothing = http.get(f"/v1/tracks/{track_id}/labels")
    assert (nothing.headers["ETag"], nothing.json()["labels"]) == ('"0"', [])
    spans = [{"label": "beep", "start_s": 0.5, "end_s": 1}, {"label": "click", "state": "rejected", "start_s": 1.5}]
    made = put(http, track_id, *spans, {"label": "tone"}, {"label": "noise", "state": "rejected"})
    assert (made.status_code, made.headers["ETag"]) == (200, '"1"')
    assert said(http, track_id) == [
        ("tone", "confirmed", None, None),
        ("noise", "rejected", None, None),
        ("beep", "confirmed", 0.5, 1.0),
        ("click", "rejected", 1.5, None),
    ]
    first = made.json()["labels"][0]
    assert first["predicted"] is False
    assert first["key_id"] == id_of(http.headers["Authorization"].removeprefix("Bearer "))
    track = http.get(f"/v1/tracks/{track_id}").json()
    assert (track["label"], track["label_confirmed"], track["labels"]) == ("tone", True, {})
    assert (track["confirmed"], track["rejected"], track["confirmed_in_parts"]) == (["tone"], ["noise"], ["beep"])
    put(http, track_id, *spans, {"label": "tone"}, {"label": "e\u0301tude"}, {"label": "noise", "state": "rejected"})
    for label, count in (("tone", 1), ("beep", 1), ("e\u0301tude", 1), ("étude", 1), ("noise", 0), ("click", 0)):
        assert len(http.get("/v1/tracks", params={"label": label}).json()["items"]) == count


def test_one_label_is_said_and_undone(http: httpx.Client, track_id: str) -> None:
    """A second state replaces the first; undo brings it back, and again takes it away; the history says all."""
    path = f"/v1/tracks/{track_id}/labels"
    assert http.post(f"{path}/undo").json()["code"] == "nothing_to_undo"
    for state in ("confirmed", "rejected"):
        assert http.post(path, json={"label": "tone", "state": state}).status_code == 200
    assert said(http, track_id) == [("tone", "rejected", None, None)]
    for state in ("confirmed", "rejected"):
        assert http.post(f"{path}/undo").status_code == 200
        assert said(http, track_id) == [("tone", state, None, None)]
    assert http.get(f"{path}/history", params={"limit": 11}).status_code == 422
    page = http.get(f"{path}/history", params={"limit": 3}).json()
    assert [(each["revision"], each["action"]) for each in page["items"]] == [(4, "undone"), (3, "undone"), (2, "said")]
    rest = http.get(f"{path}/history", params={"cursor": page["next_cursor"]}).json()
    assert [each["added"][0]["state"] for each in rest["items"]] == ["confirmed"]


def test_nobody_overwrites_what_they_have_not_seen(http: httpx.Client, track_id: str) -> None:
    """With ``If-Match`` one of many changes is made, the others are 412 and change nothing; weak tags never match."""
    assert put(http, track_id, {"label": "first"}, If_Match='"0"').status_code == 200

    def change(number: int) -> int:
        return put(http, track_id, {"label": f"label {number}"}, If_Match='"1"').status_code

    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(change, range(4)))
    assert sorted(codes) == [200, 412, 412, 412]
    assert said(http, track_id) == [(f"label {codes.index(200)}", "confirmed", None, None)]
    tried = {'W/"2"': 412, '"1", "7"': 412, '"2"': 200, '"1" , "3"': 200, '"9"': 412, "*": 200, "2": 422, '"': 422}
    for tags, code in tried.items():
        assert put(http, track_id, {"label": "a"}, If_Match=tags).status_code == code, tags
    stale = http.post(f"/v1/tracks/{track_id}/labels/undo", headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("labels", "code", "field"),
    [
        ([{"label": ""}], "invalid_request", "labels.0.label"),
        ([{"label": "a\nb"}], "invalid_request", "labels.0.label"),
        ([{"label": "x" * 101}], "invalid_request", "labels.0.label"),
        ([{"label": "a"}, {"label": "b", "state": "maybe"}], "invalid_request", "labels.1.state"),
        ([{"label": "a", "start_s": -0.1}], "invalid_request", "labels.0.start_s"),
        ([{"label": "a", "end_s": 1.0}], "invalid_request", "labels.0.end_s"),
        ([{"label": "a", "start_s": 1.0, "end_s": 1.0}], "invalid_request", "labels.0.end_s"),
        ([{"label": "a", "start_s": 1.0, "end_s": 2.5}], "invalid_request", "labels.0.end_s"),
        ([{"label": "a", "start_s": 1e308}], "invalid_request", "labels.0.start_s"),
        ([{"label": "a", "start_s": "1"}], "invalid_request", "labels.0.start_s"),
        ([{"label": "a", "more": 1}], "invalid_request", "labels.0.more"),
        ([{"label": "a"}, {"label": " a "}], "invalid_request", "labels.1"),
        ([{"label": "a"}, OPPOSITE], "contradictory_labels", "labels.1"),
        ([{"label": "a"}, OPPOSITE | {"start_s": 0.0, "end_s": 2}], "contradictory_labels", "labels.1"),
        ([{"label": f"{'犬' * 96}{at}"} for at in range(1_001)], "too_many_labels", "labels"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(
    http: httpx.Client, track_id: str, labels: list[dict[str, Any]], code: str, field: str
) -> None:
    """422 with the field, and nothing changes."""
    content = json.dumps({"labels": labels}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    answer = http.put(f"/v1/tracks/{track_id}/labels", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert said(http, track_id) == []


def test_a_track_has_a_thousand_labels(http: httpx.Client, track_id: str) -> None:
    """Of a hundred characters each; one more is refused, a second state for one of them is not."""
    labels = [{"label": f"{'犬' * 96}{at:04d}"} for at in range(1_000)]
    assert put(http, track_id, *labels).status_code == 200
    path = f"/v1/tracks/{track_id}/labels"
    assert http.post(path, json={"label": "one more"}).json()["code"] == "too_many_labels"
    assert http.post(path, json=labels[0] | {"state": "rejected"}).status_code == 200


def test_nobody_sees_or_changes_another_owners_labels(
    http: httpx.Client, stranger: Client, track_id: str, stack: RunningStack
) -> None:
    """404 for all calls; neither counts nor exports have them, and an import does not know the recording."""
    put(http, track_id, {"label": "secret"})
    before = http.get(f"/v1/tracks/{track_id}/labels").json()
    calls: list[Callable[[], object]] = [
        lambda: stranger.labels(track_id),
        lambda: stranger.label_history(track_id),
        lambda: stranger.say_label(track_id, "mine"),
        lambda: stranger.replace_labels(track_id, []),
        lambda: stranger.undo_labels(track_id),
        lambda: stranger.export_labels(LabelFormat.RAVEN, track_id),
        lambda: stranger.import_labels(b"label\nmine\n", track_id=track_id),
    ]
    for call in calls:
        with pytest.raises(ApiError) as refusal:
            call()
        assert refusal.value.status_code == 404
    assert stranger.all_labels().items == []
    assert "secret" not in stranger.export_labels()
    sha256 = http.get(f"/v1/tracks/{track_id}").json()["sha256"]
    for name in (f"track_id\n{track_id}", f"sha256\n{sha256}", "filename\ntone.wav"):
        column, value = name.split("\n")
        with pytest.raises(ApiError, match="no such recording"):
            stranger.import_labels(f"label,{column}\nmine,{value}\n".encode())
    assert http.get(f"/v1/tracks/{track_id}/labels").json() == before


def test_keys_need_their_scopes(http: httpx.Client, stack: RunningStack, track_id: str) -> None:
    """Reading needs ``read``, every change ``write``."""
    with Client(stack.url, stack.new_key("of-labels", [Scope.READ])) as reader:
        assert reader.all_labels().items == []
        with pytest.raises(ApiError) as refusal:
            reader.import_labels(b"label,filename\na,b\n")
    assert refusal.value.code == "missing_scope"


def test_changes_are_in_the_audit_log(stack: RunningStack, http: httpx.Client, track_id: str) -> None:
    """With the key and counts; an import of many recordings is one entry."""
    with stack.client("owner-of-audited-labels") as client, stack.http("owner-of-audited-labels") as own:
        track = new_track(own, 701)
        client.say_label(track, "tone")
        client.import_labels(f"label,track_id\nnoise,{track}\n".encode())
    with Client(stack.url, stack.new_key("owner-of-audited-labels", [Scope.ADMIN])) as admin:
        imported, changed = admin.audit(action="labels").items[:2]
    assert (changed.action, changed.subject, changed.details["how"]) == ("labels.changed", track, "said")
    assert (imported.action, imported.details) == ("labels.imported", {"tracks": 1, "added": 1, "removed": 0})
    assert changed.key_id is not None


def test_files_of_a_track_come_back_as_they_were(http: httpx.Client, track_id: str) -> None:
    """CSV, JSON lines and Raven whole; Audacity's by state; with names and types for downloads."""
    labels: list[dict[str, Any]] = [
        {"label": "=1+1"},
        {"label": "dog", "state": "rejected"},
        {"label": "dog", "start_s": 0.25, "end_s": 1.5},
        {"label": "click", "start_s": 0.000001},
    ]
    put(http, track_id, *labels)
    whole = said(http, track_id)
    path = f"/v1/tracks/{track_id}/labels"
    for kind, media_type in (("csv", "text/csv"), ("jsonl", "application/jsonl"), ("raven", "text/tab-separated")):
        file = http.get(path, params={"format": kind})
        assert file.headers["Content-Type"].startswith(media_type)
        assert "tone - labels." in file.headers["Content-Disposition"]
        put(http, track_id)
        report = send(http, f"/tracks/{track_id}/labels", file.content, kind).json()
        assert (report["added"], report["tracks"], report["dry_run"]) == (4, 1, False), report
        assert said(http, track_id) == whole
    files = {
        state: http.get(path, params={"format": "audacity", "state": state}).text for state in ("confirmed", "rejected")
    }
    put(http, track_id)
    for state, content in files.items():
        send(http, f"/tracks/{track_id}/labels", content, "audacity", state=state, replace="true")
    assert said(http, track_id) == whole


def test_the_library_comes_back_as_it_was(http: httpx.Client) -> None:
    """By ids, by SHA-256 where ids are others, by names that are unique; a second time nothing changes."""
    tracks = [new_track(http, seed, f"{seed}.wav") for seed in (710, 711)]
    for track in tracks:
        put(http, track, {"label": "tone"}, {"label": 'a, "b"', "start_s": 0.5, "end_s": 1.0, "state": "rejected"})
    before = [said(http, track) for track in tracks]
    csv = http.get("/v1/labels/export").text
    lines = http.get("/v1/labels/export", params={"format": "jsonl"}).text
    head = http.head("/v1/labels/export")
    assert (head.status_code, head.content) == (200, b"")
    files = [(csv, "csv"), (lines, "jsonl")]
    files += [(csv.replace("trk_", "other_"), "csv"), ("filename;label\n710.wav;tone\n711.wav;tone\n", "csv")]
    for content, kind in files:
        for track in tracks:
            put(http, track)
        report = send(http, "/labels", content, kind).json()
        assert report["tracks"] == 2, report
        if "filename;label" not in content:
            assert [said(http, track) for track in tracks] == before
        assert send(http, "/labels", content, kind).json()["unchanged"] == report["labels"]


def test_an_import_is_all_or_nothing(http: httpx.Client) -> None:
    """Each wrong line is named; neither these nor the right ones change anything, and neither does a dry run."""
    first, second = (new_track(http, seed, "same.wav") for seed in (720, 721))
    put(http, first, {"label": "kept"})
    content = "\n".join(
        [
            "track_id,filename,label,state,start_s,end_s",
            f"{first},,good,,,",
            "trk_unknown,,bad,,,",
            ",same.wav,bad,,,",
            ",,bad,,,",
            f"{first},,bad,,1.0,9.0",
            f"{second},,twice,,,",
            f"{second},,twice,,,",
            f"{second},,twice,rejected,0.0,2.0",
        ]
    )
    answer = send(http, "/labels", content, "csv")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_import")
    assert [each["field"] for each in answer.json()["errors"]] == ["line 3", "line 4", "line 5"]
    rest = "\n".join(line for at, line in enumerate(content.split("\n")) if at not in (2, 3, 4))
    answer = send(http, "/labels", rest, "csv")
    assert [each["field"] for each in answer.json()["errors"]] == ["line 3", "line 5", "line 6"]
    assert "contradicts line 4" in answer.text
    report = send(http, "/labels", "\n".join(rest.split("\n")[:2]), "csv", dry_run="true", replace="true").json()
    counts = {"labels": 1, "tracks": 1, "added": 1, "changed": 0, "removed": 1, "unchanged": 0}
    assert report == {"dry_run": True, **counts}
    assert (said(http, first), said(http, second)) == ([("kept", "confirmed", None, None)], [])
    done = send(http, "/labels", "\n".join(rest.split("\n")[:2]), "csv", replace="true").json()
    assert done == {"dry_run": False, **counts}
    assert said(http, first) == [("good", "confirmed", None, None)]


@pytest.mark.parametrize("path", ["/labels", "/tracks/{}/labels"])
def test_what_is_no_file_of_labels_is_refused(http: httpx.Client, track_id: str, path: str) -> None:
    """Typed, whatever it is."""
    place = path.format(track_id)
    for content in (b"", b"\xff\xfe", tone_wav(0.1), b"label\n"):
        answer = send(http, place, content, "csv")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_import"), answer.text
    assert send(http, place, "label\na\n", "xlsx").status_code == 422
    assert http.post(f"/v1{place}/import", params={"format": "csv"}, json={}).status_code == 422
    assert http.post(f"/v1{place}/import", params={"format": "csv"}, files={"other": b"x"}).status_code == 422
    many = "label\n" + "".join(f"label {at}\n" for at in range(1_001))
    answer = send(http, f"/tracks/{track_id}/labels", many, "csv")
    assert "at most 1,000" in answer.json()["detail"]


def test_the_client_knows_all_calls(client: Client, tmp_path: Any) -> None:
    """What it sends and reads is what the service answers."""
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(2.0, rate_hz=8_000, seed=730))
    track = client.upload(path).id
    made = client.replace_labels(
        track, [LabelRequest(label="tone"), LabelRequest(label="hum", state=NO, start_s=1.0)], 0
    )
    assert client.replace_labels(track, [each.request() for each in made.labels], made.revision) == made
    assert [(each.label, each.confirmed, each.spans) for each in client.all_labels().items] == [
        ("hum", 0, 1),
        ("tone", 1, 0),
    ]
    assert client.say_label(track, "tone", NO, revision=1).revision == 2
    with pytest.raises(ApiError) as refusal:
        client.undo_labels(track, revision=1)
    assert refusal.value.code == "precondition_failed"
    assert client.undo_labels(track).labels[0].state is YES
    assert client.label_history(track).items[0].action == "undone"
    assert client.export_labels(LabelFormat.AUDACITY, track) == "0.000000\t2.000000\ttone\n"


def test_results_have_another_tag_once_labels_change(http: httpx.Client, track_id: str) -> None:
    """A description in them may be compared with another genre."""
    tags = []
    for label in ("rock", "rock", "jazz"):
        put(http, track_id, {"label": label})
        tags.append(http.get(f"/v1/tracks/{track_id}/results").headers["ETag"])
    assert tags[0] == tags[1] != tags[2]
