"""A job's life as its client sees it: called off, waiting, repeated, erased; on the real stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Explain
from tests.integration.test_separate import tiny
from tests.support import RunningStack, tone_wav

__all__ = ["tiny"]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that takes any task some time."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    path.write_bytes(tone_wav(600.0, rate_hz=44_100, seed=700))
    return path


def clip(folder: Path, seed: int, seconds: float = 1.0) -> Path:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(seconds, seed=seed))
    return path


def until(client: Client, job: Job, true: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + 240.0
    while not true(now := client.job(job.id)):
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    return now


def is_at_work(job: Job, task: str) -> bool:
    return job.task(task).status is Status.RUNNING and job.task(task).progress > 0.0


@pytest.mark.long
@pytest.mark.parametrize("task", ["separate", "classify", "explain"])
def test_a_running_task_that_is_cancelled_stops_soon(client: Client, tiny: str, long: Path, task: str) -> None:
    """Its worker goes on with the next job long before this one would have ended; nothing of it is left."""
    options = {"separate": {"model": tiny}, "no_cache": True}
    track, next_track = client.upload(long), client.upload(clip(long.parent, 701))
    job = client.create_job(track.id, [task], options)
    next_ = client.create_job(next_track.id, [task], options)
    left_s = until(client, job, lambda now: is_at_work(now, task)).task(task).left_s or 0.0
    cancelled = client.cancel(job.id)
    assert cancelled.status is Status.CANCELLED
    done = client.wait(next_)
    assert done.status is Status.SUCCEEDED
    assert _gap_s(cancelled, done, task) < left_s / 2
    again = client.job(job.id)
    assert (again.status, again.task(task).result) == (Status.CANCELLED, None)
    with pytest.raises(ApiError, match="has ended") as caught:
        client.cancel(job.id)
    assert (caught.value.status_code, caught.value.code) == (409, "job_ended")


def _gap_s(cancelled: Job, after: Job, task: str) -> float:
    """From the moment in which a job was called off until its worker began with another."""
    started_at = after.task(task).started_at
    assert cancelled.finished_at is not None
    assert started_at is not None
    return (started_at - cancelled.finished_at).total_seconds()


def test_a_stranger_cannot_cancel(client: Client, stranger: Client, tmp_path: Path) -> None:
    """To him there is no such job."""
    job = client.analyze(clip(tmp_path, 703))
    with pytest.raises(ApiError) as caught:
        stranger.cancel(job.id)
    assert caught.value.status_code == 404
    assert client.wait(job).status is Status.SUCCEEDED


def test_a_repeat_is_cached_and_quick(client: Client, tmp_path: Path) -> None:
    """The same on the same bytes has ended at once, with the same result and artifacts; other options have not."""
    track = client.upload(clip(tmp_path, 704))
    tasks = ["classify", "embed", "describe", "explain"]
    first = client.wait(client.create_job(track.id, tasks))
    again = client.create_job(track.id, tasks)
    assert (again.status, {task.cached for task in again.tasks}) == (Status.SUCCEEDED, {True})
    assert not any(task.cached for task in first.tasks)
    heatmaps = [_heatmap(client, job) for job in (first, again)]
    assert heatmaps[0] == heatmaps[1]
    other = client.create_job(track.id, ["classify", "embed"], {"classify": {"top_k": 1}})
    assert (other.options["classify"]["top_k"], sorted(other.options)) == (1, ["classify", "embed"])
    assert {task.name: task.cached for task in other.tasks} == {TaskName.CLASSIFY: False, TaskName.EMBED: True}
    anew = client.create_job(track.id, ["classify"], {"no_cache": True})
    assert not anew.task("classify").cached
    for job in (other, anew):
        assert client.wait(job).status is Status.SUCCEEDED


def _heatmap(client: Client, job: Job) -> bytes:
    link = job.result(Explain).heatmap
    assert link is not None
    return client.download(link)


def test_owners_share_no_results(client: Client, stranger: Client, tmp_path: Path) -> None:
    """Another owner's same bytes are another recording: computed for him, though they are known."""
    path = clip(tmp_path, 705)
    client.wait(client.create_job(client.upload(path).id, ["classify"]))
    job = stranger.create_job(stranger.upload(path).id, ["classify"])
    assert not job.task("classify").cached
    assert stranger.wait(job).status is Status.SUCCEEDED


def test_the_same_at_once_is_computed_once(client: Client, tmp_path: Path) -> None:
    """Of several jobs one is computed; the others end with it, and say so."""
    track = client.upload(clip(tmp_path, 706, 20.0))
    jobs = [client.create_job(track.id, ["describe"]) for _ in range(4)]
    done = [client.wait(job) for job in jobs]
    assert {job.status for job in done} == {Status.SUCCEEDED}
    assert sorted(job.task("describe").cached for job in done) == [False, True, True, True]


@pytest.mark.long
def test_what_needs_the_stems_waits_for_them(client: Client, tiny: str, tmp_path: Path) -> None:
    """One job takes apart, mixes, asks each stem and embeds it; whoever waits says for what."""
    track = client.upload(clip(tmp_path, 707, 2.5))
    tasks = ["classify", "separate", "mixdown", "explain", "embed"]
    options = {"separate": {"model": tiny}, "embed": {"stems": True}, "explain": {"artifacts": []}}
    job = client.create_job(track.id, tasks, options)
    waiting = {task.name: task.waiting for task in job.tasks if task.waiting and task.waiting.reason == "after"}
    assert set(waiting) == {TaskName.MIXDOWN, TaskName.EXPLAIN, TaskName.EMBED}
    assert {each.after for each in waiting.values() if each} == {TaskName.SEPARATE}
    done = client.wait(job)
    assert done.status is Status.SUCCEEDED, done
    assert done.result(Explain).stems is not None


def test_without_stems_what_needs_them_fails_too(client: Client, tmp_path: Path) -> None:
    """For the separation's own reason; what needs none goes on."""
    track = client.upload(clip(tmp_path, 708))
    options = {"separate": {"model": "htdemucs_ft"}}
    done = client.wait(client.create_job(track.id, ["describe", "separate", "mixdown"], options))
    codes = {task.name: (task.error or {}).get("code") for task in done.tasks}
    assert codes == {
        TaskName.DESCRIBE: None,
        TaskName.SEPARATE: "model_not_pulled",
        TaskName.MIXDOWN: "model_not_pulled",
    }


@pytest.mark.long
def test_a_short_clip_passes_a_separation(client: Client, tiny: str, long: Path, tmp_path: Path) -> None:
    """While the CPU pool takes long recordings apart, it measures a clip."""
    options = {"separate": {"model": tiny}, "no_cache": True}
    clip_, tracks = client.upload(clip(tmp_path, 709)), [client.upload(long) for _ in range(3)]
    slow = [client.create_job(track.id, ["separate"], options) for track in tracks]
    done = client.wait(client.create_job(clip_.id, ["classify", "describe"]))
    assert done.status is Status.SUCCEEDED
    assert not client.job(slow[-1].id).status.ended
    for job in slow:
        if not client.job(job.id).status.ended:
            client.cancel(job.id)


@pytest.mark.long
def test_a_track_that_is_erased_ends_its_jobs(stack: RunningStack, client: Client, long: Path) -> None:
    """While it is being measured: the job is gone with it, the worker stops, and no object is left."""
    track = client.upload(long)
    job = client.create_job(track.id, ["describe"], {"no_cache": True})
    until(client, job, lambda now: is_at_work(now, "describe"))
    client.delete_track(track.id)
    with pytest.raises(ApiError) as caught:
        client.job(job.id)
    assert caught.value.status_code == 404
    short = client.upload(clip(long.parent, 710))
    assert client.wait(client.create_job(short.id, ["describe"])).status is Status.SUCCEEDED


@pytest.mark.long
@pytest.mark.timeout(900)
def test_hours_hold_up_nobody_s_clip(client: Client, stranger: Client, tmp_path: Path) -> None:
    """While the GPU pool is at work for minutes, another owner's clip is heard; more minutes are told what is ahead."""
    path = tmp_path / "minutes.wav"
    path.write_bytes(tone_wav(1_200.0, rate_hz=8_000, seed=720))
    tasks = ["classify", "explain", "features"]
    running = client.analyze(path, tasks)
    until(client, running, lambda now: now.task("classify").progress > 0.05)
    done = stranger.wait(stranger.analyze(clip(tmp_path, 721), ["classify"]))
    assert done.status is Status.SUCCEEDED
    late = stranger.analyze(path, tasks)
    waits = late.task("classify").waiting
    left_s = client.job(running.id).task("classify").left_s
    assert client.cancel(running.id).status is Status.CANCELLED, "it was still running"
    stranger.cancel(late.id)
    assert left_s is not None
    assert waits is not None
    assert (waits.ahead, waits.workers) == (1, 1)
    assert waits.estimate_s is not None
    # Told at two times, of a machine that has other work at each.
    assert left_s / 3 - 5.0 < waits.estimate_s < 3 * left_s + 5.0


def test_the_queues_tell_who_works(http: httpx.Client) -> None:
    """Each queue has a worker, the CPU pool's short one two; nobody without a key is told."""
    found = http.get("/v1/queues").json()
    workers = {(queue["pool"], queue["lane"]): queue["workers"] for queue in found["queues"]}
    assert workers == {("gpu", "short"): 1, ("gpu", "long"): 1, ("cpu", "short"): 2, ("cpu", "long"): 1}
    assert all(worker["device"] and worker["heartbeat_at"] for worker in found["workers"])
    assert http.get("/v1/queues", headers={"Authorization": ""}).status_code == 401
