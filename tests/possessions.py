"""An owner with one of each kind that a release stores, and all that the API says of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, sleep
from typing import Any

import httpx

from phonoscope.states import TaskName
from tests.support import authorities, tone_wav

OF_A_TRACK = (
    TaskName.CLASSIFY,
    TaskName.EMBED,
    TaskName.EXPLAIN,
    TaskName.FEATURES,
    TaskName.DESCRIBE,
    TaskName.SEPARATE,
    TaskName.MIXDOWN,
)
CLASSIFIER = "pitch"
_LABELS = {"low": (220.0, 247.0), "high": (2_960.0, 3_300.0)}
_LIMIT_S = 600.0
_AUDIT = "/v1/audit"
_MOVING = {"expires_at", "last_used_at"}
"""Of links that are made anew in each answer, and of every request."""
_PASSING = (
    # Processes that run now, streams, what is counted, and what a release brings along.
    *("/health/live", "/health/ready", "/v1/queues", "/v1/jobs/{job_id}/events", "/v1/usage"),
    *("/v1/models", "/v1/examples", "/v1/examples/{name}"),
    # Opened by other means than the owner's key, which ``answers`` and ``artifacts`` try too.
    *("/v1/shared", "/v1/artifacts/{artifact_id}"),
)


@dataclass
class Possessions:
    """What an owner has, by the names of the document's parameters; jobs by how they ended."""

    ids: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    share: str = ""
    ended: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """Jobs, one that is bound to fail, and a classifier that is to be taught."""

    jobs: list[str]
    failing: str
    classifier: str

    def finish(self, http: httpx.Client) -> set[str]:
        """Waits for all of it, and for the events of it; returns the names of the tasks, which have succeeded."""
        jobs = [*self.jobs, taught(http, self.classifier)]
        names = {name for job_id in jobs for name in finish(http, job_id)}
        fail(http, self.failing)
        for job_id in (*jobs, self.failing):
            until(partial(_deliveries, http, job_id), _delivered)
        return names


def upload(http: httpx.Client, name: str, hertz: float, seconds: float = 1.0) -> str:
    """The id of a new track of one tone in noise."""
    content = tone_wav(seconds, hertz=hertz, rate_hz=16_000, seed=round(hertz * 100))
    return str(done(http.post("/v1/tracks", files={"file": (name, content)}))["id"])


def ask(http: httpx.Client, track_id: str | None, tasks: Collection[str] = OF_A_TRACK, **more: Any) -> str:
    """The id of a new job."""
    about = {} if track_id is None else {"track_id": track_id}
    return str(done(http.post("/v1/jobs", json={**about, "tasks": list(tasks), **more}))["id"])


def finish(http: httpx.Client, job_id: str) -> set[str]:
    """Waits for a job, all of whose tasks must succeed; returns their names."""
    job = _ended(http, job_id)
    failed = {task["name"]: task["error"] for task in job["tasks"] if task["status"] != "succeeded"}
    assert not failed, failed
    return {task["name"] for task in job["tasks"]}


def ask_in_vain(http: httpx.Client, track_id: str) -> str:
    """The id of a new job that is taken, and bound to fail: the track has no stems."""
    return ask(http, track_id, [TaskName.MIXDOWN], options={"no_cache": True})


def fail(http: httpx.Client, job_id: str) -> None:
    """Waits for such a job."""
    job = _ended(http, job_id)
    assert (job["status"], [task["error"]["code"] for task in job["tasks"]]) == ("failed", ["no_stems"])


def cancel(http: httpx.Client, job_id: str) -> None:
    """Cancels a job that no worker has begun."""
    assert done(http.post(f"/v1/jobs/{job_id}/cancel"))["status"] == "cancelled"


def done(answer: httpx.Response) -> Any:
    """What a successful answer says."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def until(read: Callable[[], Any], holds: Callable[[Any], object]) -> Any:
    """What is read, once something holds of it."""
    deadline = monotonic() + _LIMIT_S
    while not holds(found := read()):
        assert monotonic() < deadline, found
        sleep(0.1)
    return found


def taught(http: httpx.Client, name: str) -> str:
    """Waits for a classifier's newest version; returns the job that taught it."""
    card = until(lambda: done(http.get(f"/v1/classifiers/{name}")), lambda card: card["state"] in ("ready", "failed"))
    assert card["state"] == "ready", card["problem"]
    return str(card["job_id"])


def cancelled_before(http: httpx.Client) -> str:
    """The id of a job that was cancelled; no worker is there yet."""
    job_id = ask(http, upload(http, "dropped.wav", 523.0))
    cancel(http, job_id)
    return job_id


def everything(http: httpx.Client, hook: str, cancelled: str) -> Possessions:
    """One of each kind, through the API alone; every job has ended.

    Args:
        hook: where events are sent.
        cancelled: a job that was cancelled before there were workers.
    """
    has = Possessions(cancelled=[cancelled])
    webhook = add_webhook(http, hook)
    song = upload(http, "song.wav", 440.0, 3.0)
    job = ask(http, song, metadata={"take": 7})
    for label, pitches in _LABELS.items():
        for hertz in pitches:
            has.others.append(upload(http, f"{hertz:g}.wav", hertz))
            done(http.post(f"/v1/tracks/{has.others[-1]}/labels", json={"label": label}))
    _say(http, song)
    once = {"Idempotency-Key": "once"}
    body = {"track_id": has.others[0], "tasks": ["describe"]}
    has.ids["again"] = done(http.post("/v1/jobs", json=body, headers=once))["id"]
    finish(http, job)
    done(http.post("/v1/classifiers", json={"name": CLASSIFIER, "labels": list(_LABELS)}))
    taught_by = taught(http, CLASSIFIER)
    has.ended = [job, has.ids["again"], taught_by, _apply(http), ask(http, None, ["map"])]
    for each in has.ended:
        finish(http, each)
    has.failed = [ask_in_vain(http, has.others[1])]
    fail(http, has.failed[0])
    _keep(http, has, song, webhook)
    has.ids |= {"track_id": song, "job_id": job, "name": CLASSIFIER, "webhook_id": webhook["id"]}
    sent = f"/v1/webhooks/{webhook['id']}/deliveries"
    delivered = until(
        lambda: done(http.get(sent))["items"], lambda items: len(items) > len(has.ended) and _delivered(items)
    )
    has.ids["delivery_id"] = delivered[0]["id"]
    return has


def add_webhook(http: httpx.Client, hook: str) -> dict[str, Any]:
    """Has events sent to an address from now on."""
    events = ["job.succeeded", "job.failed", "job.cancelled"]
    made: dict[str, Any] = done(http.post("/v1/webhooks", json={"url": hook, "events": events}))
    return made


def add_classifier(http: httpx.Client, exported: bytes) -> None:
    """Gives an owner a classifier of another one, whose task to apply can then be asked for at once."""
    done(http.put(f"/v1/classifiers/{CLASSIFIER}", files={"file": ("classifier.zip", exported)}))


def asked_for(http: httpx.Client, seed: int) -> Asked:
    """Jobs with every task that there is, none of which was done before; the classifier exists.

    A teaching becomes a job once its examples are embedded.
    """
    low, high = (upload(http, f"{hertz:g} {seed}.wav", hertz + seed) for hertz in (300.0, 3_000.0))
    jobs = [ask(http, low), _apply(http), ask(http, None, [TaskName.MAP], options={"no_cache": True})]
    name = f"late-{seed}"
    done(http.post("/v1/classifiers", json={"name": name, "examples": {"low": [low], "high": [high]}}))
    return Asked(jobs, ask_in_vain(http, high), name)


def answers(http: httpx.Client, document: Mapping[str, Any], has: Possessions) -> dict[str, Any]:
    """What each readable path of a release's document says of what an owner has; bytes by their digest."""
    found: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        if "get" in methods and path not in _PASSING:
            tile = _tile(http, path, has) if "/tiles/" in path else {}
            address = _filled(path, has.ids | tile)
            answer = http.get(address, params=_asked(path, has.ids), follow_redirects=True)
            assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text}"
            # Some reading is noted there as well.
            found[address] = _by_id(answer.json()["items"]) if path == _AUDIT else _content(answer)
    for job_id in (*has.failed, *has.cancelled):
        found[f"job {job_id}"] = lasting(done(http.get(f"/v1/jobs/{job_id}")))
    for name, body in _SEARCHES.items():
        asked = body | ({"track_id": has.ids["track_id"]} if name == "by a track" else {})
        found[f"search {name}"] = lasting(done(http.post("/v1/search", json=asked)))
    shared = http.get("/v1/shared", headers={"Authorization": f"Bearer {has.share}"})
    found["the shared link"] = lasting(done(shared))
    return found


def artifacts(http: httpx.Client, has: Possessions) -> dict[str, str]:
    """The digest of every object that the owner's jobs made, through the links in them."""
    found: dict[str, str] = {}
    with httpx.Client(base_url=http.base_url, timeout=http.timeout, verify=authorities()) as anybody:
        for job_id in has.ended:
            for link in _links(done(http.get(f"/v1/jobs/{job_id}"))):
                answer = anybody.get(link)
                assert answer.status_code == 200, f"{link}: {answer.status_code} {answer.text}"
                found[_path(link)] = hashlib.sha256(answer.content).hexdigest()
    assert found
    return found


def lasting(value: Any) -> Any:
    """An answer without what is different in each: signatures of links, times of their end."""
    if isinstance(value, dict):
        return {name: lasting(each) for name, each in value.items() if name not in _MOVING}
    if isinstance(value, list):
        return [lasting(each) for each in value]
    return _path(value) if isinstance(value, str) and "signature=" in value else value


def differences(old: Any, new: Any, at: str = "") -> list[str]:
    """Where an answer of before is not in an answer of now, which may have fields besides."""
    if isinstance(old, dict) and isinstance(new, dict):
        lost = [f"{at}.{name} is gone" for name in old.keys() - new.keys()]
        return lost + [
            each for name in old.keys() & new.keys() for each in differences(old[name], new[name], f"{at}.{name}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [each for number, (one, other) in pairs for each in differences(one, other, f"{at}[{number}]")]
    return [] if old == new else [f"{at} was {old!r}, is {new!r}"]


_SEARCHES: dict[str, dict[str, Any]] = {
    "by words": {"text": "a dog"},
    "by a track": {},
    "for moments": {"text": "engine", "unit": "moment"},
}


def _say(http: httpx.Client, song: str) -> None:
    for label in (
        {"label": "hum", "start_s": 0.5, "end_s": 1.5},
        {"label": "hiss", "state": "rejected"},
        {"label": "click", "start_s": 1.0},
    ):
        done(http.post(f"/v1/tracks/{song}/labels", json=label))


def _apply(http: httpx.Client) -> str:
    return str(done(http.post(f"/v1/classifiers/{CLASSIFIER}/apply"))["id"])


def _keep(http: httpx.Client, has: Possessions, song: str, webhook: dict[str, Any]) -> None:
    """What needs no worker."""
    done(http.patch(f"/v1/tracks/{song}", json={"name": "A song", "notes": "Of before."}))
    collection = done(http.post("/v1/collections", json={"name": "kept"}))
    done(http.put(f"/v1/collections/{collection['id']}/tracks", json={"track_ids": [song, has.others[0]]}))
    has.ids["collection_id"] = collection["id"]
    has.share = done(http.post(f"/v1/tracks/{song}/shares", json={}))["token"]
    has.ids["key_id"] = done(http.post("/v1/keys", json={"name": "another", "scopes": ["read"]}))["id"]
    done(http.post(f"/v1/webhooks/{webhook['id']}/rotate-secret", json={}))
    done(http.post(f"/v1/webhooks/{webhook['id']}/test"))
    done(http.post("/v1/webhooks/default-secret", json={}))


def _ended(http: httpx.Client, job_id: str) -> Any:
    return until(lambda: done(http.get(f"/v1/jobs/{job_id}", params={"wait": 30})), _has_ended)


def _deliveries(http: httpx.Client, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done(http.get("/v1/deliveries", params={"job_id": job_id}))["items"]
    return found


def _delivered(items: list[dict[str, Any]]) -> bool:
    return bool(items) and all(item["status"] == "delivered" for item in items)


def _has_ended(job: dict[str, Any]) -> bool:
    return job["status"] in ("succeeded", "failed", "cancelled")


def _tile(http: httpx.Client, path: str, has: Possessions) -> dict[str, str]:
    """The first tile of the finest level that is kept of all of the track."""
    levels = http.get(_filled(path.partition("/tiles/")[0], has.ids) + "/levels")
    return {"level": str(done(levels)["kept_level"]), "number": "0"}


def _filled(path: str, ids: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)


def _asked(path: str, ids: Mapping[str, str]) -> dict[str, str]:
    return {"/v1/deliveries": {"job_id": ids["job_id"]}, _AUDIT: {"limit": "100"}}.get(path, {})


def _content(answer: httpx.Response) -> Any:
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return lasting(answer.json())
    return f"{kind} {hashlib.sha256(answer.content).hexdigest()}"


def _by_id(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["id"]: lasting(item) for item in items}


def _links(value: Any) -> list[str]:
    text = json.dumps(value)
    return re.findall(r'"([^"]*/v1/artifacts/[^"]*)"', text)


def _path(link: str) -> str:
    return link.partition("?")[0]
