"""Classifiers of one's own, over HTTP on a whole stack: taught, read, taught again, reviewed, removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope_cli.teach import request_of
from tests.support import RunningStack, phonoscope, tone_wav
from tests.unit.ml.headed import write_body, write_head

LOW_HZ, HIGH_HZ = (220.0, 233.0, 247.0), (2_960.0, 3_100.0, 3_300.0)


def uploaded(http: httpx.Client, hertz: float, seconds: float = 1.0) -> str:
    """The id of a new track of one tone."""
    name = f"{hertz:g} Hz.wav"
    content = tone_wav(seconds, hertz=hertz, rate_hz=16_000, seed=int(hertz))
    answer = http.post("/v1/tracks", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def embedded(http: httpx.Client, track_id: str, model: str | None = None) -> str:
    body = {"track_id": track_id, "tasks": ["embed"], "options": {"classify": {"model": model}} if model else {}}
    job = http.post("/v1/jobs", json=body).json()
    assert http.get(f"/v1/jobs/{job['id']}", params={"wait": 60}).json()["status"] == "succeeded"
    return track_id


def confirmed(http: httpx.Client, track_id: str, label: str, **span: float) -> None:
    said = http.post(f"/v1/tracks/{track_id}/labels", json={"label": label, **span})
    assert said.status_code == 200, said.text


def asked(http: httpx.Client, name: str, **changes: Any) -> httpx.Response:
    return http.post("/v1/classifiers", json={"name": name, **changes})


def until(http: httpx.Client, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The card, once something holds of it."""
    deadline = time.monotonic() + 120.0
    while True:
        card: dict[str, Any] = http.get(f"/v1/classifiers/{name}").json()
        if holds(card):
            return card
        assert time.monotonic() < deadline, card
        time.sleep(0.2)


def taught(http: httpx.Client, name: str, version: int = 1) -> dict[str, Any]:
    return until(http, name, lambda card: card["state"] == "ready" and card["version"] == version)


@pytest.mark.long
def test_a_classifier_is_taught_from_labels(http: httpx.Client, stack: RunningStack) -> None:
    """Recordings without vectors are embedded first; another owner sees none of it."""
    for hertz in LOW_HZ:
        confirmed(http, embedded(http, uploaded(http, hertz)), "low")
    for hertz in HIGH_HZ:
        confirmed(http, uploaded(http, hertz), "high")
    other = embedded(http, uploaded(http, 900.0, 3.0))
    made = asked(http, "pitch")
    assert made.status_code == 202, made.text
    assert made.headers["Location"] == "/v1/classifiers/pitch"
    assert (made.json()["state"], made.json()["version"], made.json()["figures"]) == ("embedding", 0, None)
    card = taught(http, "pitch")
    assert card["labels"] == ["high", "low"]
    assert card["figures"]["recordings"] == 6
    assert all(label["too_few"] for label in card["figures"]["labels"])
    assert card["figures"]["left_out"] == []
    assert card["space"]["id"] > 0
    job = http.get(f"/v1/jobs/{card['job_id']}").json()
    (task,) = job["tasks"]
    assert (task["name"], task["result"]["version"], task["result"]["labels"]) == ("teach", 1, ["high", "low"])
    assert {"gather_s", "group_s", "teach_s", "choose_s"} <= task["timings"].keys()
    queue = http.get("/v1/classifiers/pitch/queue", params={"limit": 3}).json()
    assert queue["version"] == 1
    assert {item["track_id"] for item in queue["items"]} == {other}
    assert http.head(queue["items"][0]["audio_url"].partition("#")[0]).status_code == 200
    assert card["figures"]["held_out"] == 6
    assert card["figures"]["macro_f1"] is not None
    (version,) = http.get("/v1/classifiers/pitch/versions").json()["items"]
    assert (version["version"], version["digest"]) == (1, task["result"]["digest"])
    with stack.http("somebody-else") as stranger:
        assert stranger.get("/v1/classifiers").json() == {"items": []}
        for path in ("", "/versions", "/queue"):
            assert stranger.get(f"/v1/classifiers/pitch{path}").status_code == 404
        assert stranger.post("/v1/classifiers/pitch/teach").status_code == 404
        assert stranger.delete("/v1/classifiers/pitch").status_code == 404
    confirmed(http, other, "low", start_s=0.0, end_s=3.0)
    assert http.get("/v1/classifiers/pitch/queue").json()["items"] == []
    assert http.post("/v1/classifiers/pitch/teach").status_code == 202
    assert taught(http, "pitch", 2)["figures"]["recordings"] == 7
    assert [each["version"] for each in http.get("/v1/classifiers/pitch/versions").json()["items"]] == [2, 1]
    assert http.delete("/v1/classifiers/pitch").status_code == 204
    assert http.get("/v1/classifiers/pitch").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"name": "Bad Name"}, 422, "invalid_request", "name"),
        ({"name": "mobilenet"}, 409, "name_taken", None),
        ({"name": "environment-50"}, 409, "name_taken", None),
        ({"name": "auto"}, 409, "name_taken", None),
        ({"name": "c"}, 422, "too_few_examples", "labels"),
        ({"name": "c", "labels": []}, 422, "invalid_request", "labels"),
        ({"name": "c", "labels": [f"l{n}" for n in range(10_001)]}, 422, "too_many_labels", "labels"),
        ({"name": "c", "space": "nowhere"}, 422, "invalid_request", "space"),
        ({"name": "c", "space": "demucs-mini"}, 422, "invalid_request", "space"),
        ({"name": "c", "examples": {"a": []}}, 422, "invalid_request", "examples.a"),
        ({"name": "c", "examples": {"a": ["trk_none"], "b": ["trk_none"]}}, 422, "invalid_request", "examples.a.0"),
        ({"name": "c", "examples": {"\x00": ["trk_none"]}}, 422, "invalid_request", None),
        ({"name": "c", "examples": {"a": [{"track_id": "t", "end_s": 1.0}]}}, 422, "invalid_request", None),
        (
            {"name": "c", "examples": {"a": [{"track_id": "t", "start_s": 2, "end_s": 1}]}},
            422,
            "invalid_request",
            None,
        ),
        ({"name": "c", "rubbish": 1}, 422, "invalid_request", "rubbish"),
    ],
)
def test_what_is_refused(http: httpx.Client, body: dict[str, Any], status: int, code: str, field: str | None) -> None:
    """By a code and the field; no classifier is made."""
    answer = http.post("/v1/classifiers", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field
    assert http.get("/v1/classifiers").json() == {"items": []}


def test_requests_about_what_is_not_there(http: httpx.Client) -> None:
    """Each is answered 404, and a wrong limit 422; a job for it is asked for by its own call alone."""
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/teach"), ("GET", "/versions"), ("GET", "/queue")):
        assert http.request(method, f"/v1/classifiers/none{path}").status_code == 404
    assert http.get("/v1/classifiers/none/queue", params={"limit": 201}).status_code == 422
    assert http.get("/v1/classifiers/No Name").status_code == 422
    refused = http.post("/v1/jobs", json={"tasks": ["teach"], "options": {"teach": {"classifier": "none"}}})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tasks")
    assert "POST /v1/classifiers/{name}/teach" in refused.json()["detail"]


def test_examples_are_changed_and_requests_repeated(http: httpx.Client) -> None:
    """A repeated request is answered as the first one; what a further teaching leaves out stays as it was."""
    low, high = (embedded(http, uploaded(http, hertz, 7.0)) for hertz in (LOW_HZ[0], HIGH_HZ[0]))
    span = {"track_id": high, "start_s": 0.0, "end_s": 5.0}
    body = {"name": "given", "confirmed": False, "examples": {"low": [low], "high": [span]}}
    key = {"Idempotency-Key": "once"}
    first, again = (http.post("/v1/classifiers", json=body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (202, 202, "true")
    assert first.json() == again.json()
    taken = http.post("/v1/classifiers", json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    card = taught(http, "given")
    assert (card["examples"], card["confirmed"], card["multi_label"], card["reteach"]) == (2, False, False, False)
    assert http.post("/v1/classifiers/given/teach", json={"reteach": True}).status_code == 202
    card = taught(http, "given", 2)
    assert (card["examples"], card["confirmed"], card["reteach"]) == (2, False, True)
    too_long = {"examples": {"low": [{"track_id": low, "start_s": 1.0, "end_s": 99.0}], "high": [high]}}
    refused = http.post("/v1/classifiers/given/teach", json=too_long)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "examples.low.0.end_s")
    twice = http.post("/v1/classifiers/given/teach", json={"examples": {"low": [low], "high": [low]}})
    assert (twice.status_code, twice.json()["code"]) == (422, "contradictory_labels")
    assert http.get("/v1/classifiers/given").json()["examples"] == 2


@pytest.mark.long
def test_answers_teach_a_classifier_of_a_folder(http: httpx.Client) -> None:
    """As the command line makes it: what the review asks about, and is answered, is in the next version."""
    given = {
        label: [embedded(http, uploaded(http, hertz)) for hertz in some]
        for label, some in (("low", LOW_HZ), ("high", HIGH_HZ))
    }
    outside = embedded(http, uploaded(http, 900.0))
    made = asked(http, "yard", **request_of(given).model_dump(mode="json", exclude_unset=True))
    assert made.status_code == 202, made.text
    assert taught(http, "yard")["figures"]["recordings"] == 6
    (window,) = http.get("/v1/classifiers/yard/queue").json()["items"]
    assert window["track_id"] == outside
    confirmed(http, outside, "low", start_s=window["start_s"], end_s=window["end_s"])
    assert http.get("/v1/classifiers/yard/queue").json()["items"] == []
    assert http.post("/v1/classifiers/yard/teach").status_code == 202
    card = taught(http, "yard", 2)
    assert (card["figures"]["recordings"], card["confirmed"], card["examples"]) == (7, False, 6)


def test_examples_of_a_label_that_it_does_not_have(http: httpx.Client) -> None:
    """They are refused, and not forgotten, unless the request names the label too."""
    tracks = {
        label: embedded(http, uploaded(http, hertz)) for label, hertz in (("a", 220.0), ("b", 900.0), ("c", 2_960.0))
    }
    two, three = ({label: [tracks[label]] for label in labels} for labels in ("ab", "abc"))
    assert asked(http, "tones", labels=["a", "b"], examples=two).status_code == 202
    taught(http, "tones")
    refused = http.post("/v1/classifiers/tones/teach", json={"examples": three})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["field"] == "examples.c"
    named = http.post("/v1/classifiers/tones/teach", json={"examples": three, "labels": ["a", "b", "c"]})
    assert named.status_code == 202, named.text
    assert taught(http, "tones", 2)["labels"] == ["a", "b", "c"]
    fewer = http.post("/v1/classifiers/tones/teach", json={"labels": ["a", "b"]})
    assert fewer.status_code == 202, fewer.text
    assert taught(http, "tones", 3)["labels"] == ["a", "b"]


@pytest.mark.long
def test_a_card_says_which_labels_were_named(http: httpx.Client) -> None:
    """What was named, also before it is taught; one of all labels goes on with those that are confirmed later."""
    for label, hertz in (("low", LOW_HZ[0]), ("high", HIGH_HZ[0])):
        confirmed(http, embedded(http, uploaded(http, hertz)), label)
    assert asked(http, "all").json()["named_labels"] is None
    assert asked(http, "two", labels=["low", "high"]).json()["named_labels"] == ["low", "high"]
    taught(http, "all")
    taught(http, "two")
    confirmed(http, embedded(http, uploaded(http, 900.0)), "middle")
    assert http.post("/v1/classifiers/all/teach", json={}).json()["named_labels"] is None
    three = ["low", "high", "middle"]
    again = http.post("/v1/classifiers/two/teach", json={"labels": three}).json()
    assert (again["labels"], again["named_labels"]) == (["high", "low"], three)
    for name, named in (("all", None), ("two", three)):
        card = taught(http, name, 2)
        assert (card["labels"], card["named_labels"]) == (["high", "low", "middle"], named)


def test_a_folder_of_several_labels_is_taught_again(http: httpx.Client, stack: RunningStack, tmp_path: Path) -> None:
    """With the kind that the classifier has, unless another one is said; a new one has one label of each recording."""
    for label, tones in (("low", (220.0, 900.0)), ("high", (900.0, 2_960.0))):
        (tmp_path / label).mkdir()
        for hertz in tones:
            (tmp_path / label / f"{hertz:g}.wav").write_bytes(tone_wav(1.0, hertz=hertz, rate_hz=16_000))

    def teach(name: str, *words: str) -> str:
        key = http.headers["Authorization"].split()[1]
        at = ("--url", stack.url, "--api-key", key)
        done = phonoscope("teach", tmp_path, "--name", name, *words, *at, settings={"COLUMNS": "1000"})
        return "" if done.returncode == 0 else done.stdout + done.stderr

    assert teach("chords", "--multi-label") == ""
    assert teach("chords") == ""
    card = http.get("/v1/classifiers/chords").json()
    assert (card["version"], card["multi_label"]) == (2, True)
    assert "the same recording" in teach("chords", "--one-label")
    assert "the same recording" in teach("others")
    assert [each["name"] for each in http.get("/v1/classifiers").json()["items"]] == ["chords"]


@pytest.mark.long
def test_a_space_that_is_gone(http: httpx.Client, stack: RunningStack) -> None:
    """A named one is taught again only where the request names another one; one that chooses begins anew."""
    given = {label: [embedded(http, uploaded(http, hertz))] for label, hertz in (("low", 220.0), ("high", 2_960.0))}
    asked(http, "left", examples=given, space="mobilenet")
    asked(http, "choosy", examples=given)
    ids = [taught(http, name)["id"] for name in ("left", "choosy")]
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        session.execute(text("UPDATE classifiers SET model = 'gone' WHERE id = ANY(:ids)"), {"ids": ids})
    database.close()
    assert http.post("/v1/classifiers/choosy/teach").json()["space"]["model"] == "mobilenet"
    assert taught(http, "choosy", 2)["space"]["model"] == "mobilenet"
    refused = http.post("/v1/classifiers/left/teach")
    assert (refused.status_code, refused.json()["code"]) == (422, "space_gone")
    assert refused.json()["errors"][0]["field"] == "space"
    assert http.post("/v1/classifiers/left/teach", json={"space": "mobilenet"}).status_code == 202
    assert taught(http, "left", 2)["space"]["model"] == "mobilenet"


@pytest.fixture
def ear(stack: RunningStack, http: httpx.Client) -> Iterator[str]:
    """A model on a further body, which the running stack serves meanwhile."""
    folder = stack.pulled_models
    folder.mkdir(exist_ok=True)
    write_head(folder / "eared", {"ear": write_body(folder / "ear", "mobilenet")}, 896)
    yield "eared"
    for name in ("eared", "ear"):
        shutil.rmtree(folder / name)


@pytest.mark.long
def test_a_classifier_chooses_its_space_until_one_is_named(http: httpx.Client, ear: str) -> None:
    """The card says who chooses, and among which; a name ends that, and ``auto`` begins it again."""
    given: dict[str, list[str]] = {}
    for label, lowest_hz in (("low", 200.0), ("high", 2_500.0)):
        given[label] = [embedded(http, uploaded(http, lowest_hz * 1.06**number)) for number in range(6)]
        for track in given[label]:
            embedded(http, track, ear)
    assert asked(http, "choosy", examples=given, confirmed=False).json()["space_chosen_by"] == "itself"
    card = taught(http, "choosy")
    (version,) = http.get("/v1/classifiers/choosy/versions").json()["items"]
    chosen = card["figures"]["space"]
    assert (chosen["chosen_by"], chosen["model"]) == ("itself", card["space"]["model"])
    assert version["space"] == card["space"]["model"]
    assert [(one["model"], one["recordings"]) for one in chosen["tried"]] == [("mobilenet", 12), ("ear", 12)]
    assert http.post("/v1/classifiers/choosy/teach", json={"space": ear}).json()["space_chosen_by"] == "maker"
    card = taught(http, "choosy", 2)
    assert (card["space"]["model"], card["figures"]["space"]["tried"]) == ("ear", [])
    assert http.post("/v1/classifiers/choosy/teach").json()["space_chosen_by"] == "maker"
    assert taught(http, "choosy", 3)["space"]["model"] == "ear"
    again = http.post("/v1/classifiers/choosy/teach", json={"space": "auto"}).json()
    assert (again["space_chosen_by"], again["space"]["model"]) == ("itself", "mobilenet")
    assert [one["model"] for one in taught(http, "choosy", 4)["figures"]["space"]["tried"]] == ["mobilenet", "ear"]


def test_one_of_many_that_make_one_name(http: httpx.Client) -> None:
    """Of requests at the same time one makes the classifier; the others are told that the name is taken."""
    given = {label: [embedded(http, uploaded(http, hertz))] for label, hertz in (("low", 220.0), ("high", 2_960.0))}
    together = Barrier(4)

    def make(_: int) -> httpx.Response:
        together.wait()
        return asked(http, "once", examples=given)

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(make, range(4)), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [202, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers[1:]} == {"name_taken"}
    assert len(http.get("/v1/classifiers").json()["items"]) == 1


@pytest.mark.long
def test_lists_are_short(http: httpx.Client, stack: RunningStack) -> None:
    """A list has the first labels of each and says how many there are; the card of one has all."""
    track = embedded(http, uploaded(http, LOW_HZ[0]))
    names = [f"l{number:02}" for number in range(25)]
    for name in names:
        confirmed(http, track, name)
    made = asked(http, "many", labels=names, multi_label=True)
    assert (made.status_code, made.json()["label_count"], made.json()["labels"]) == (202, 25, names[:20])
    card = taught(http, "many")
    assert (card["labels"], len(card["figures"]["labels"]), card["erased"]) == (names, 25, False)
    (listed,) = http.get("/v1/classifiers").json()["items"]
    assert (card["named_labels"], listed["named_labels"]) == (names, names[:20])
    (version,) = http.get("/v1/classifiers/many/versions").json()["items"]
    for short in (listed, version):
        assert (short["labels"], short["label_count"]) == (names[:20], 25)
        assert [each["label"] for each in short["figures"]["labels"]] == names[:20]
    assert "manifest" not in version
    used = {quota["name"]: quota for quota in http.get("/v1/usage").json()["quotas"]}["classifiers"]
    assert (used["used"], used["limit"]) == (1, 100)
    assert http.delete(f"/v1/tracks/{track}").status_code == 204
    assert http.get("/v1/classifiers/many").json()["erased"] is True
