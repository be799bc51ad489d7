"""Jobs as clients see them: rows, waiting times, and links to artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy.orm import Session

from phonoscope.contract import Job, Task, Waiting
from phonoscope.db.library.labels import NO_LABELS, TrackLabels, labels_of
from phonoscope.db.library.tracks import link_keys_of
from phonoscope.db.schema.tables import JobRow, TaskRow
from phonoscope.db.tasks.running import as_task
from phonoscope.db.tasks.waiting import Ahead, count_ahead
from phonoscope.errors import OutdatedResult
from phonoscope.logs import get_logger
from phonoscope.states import Pool, Status, TaskName, TaskQueue
from phonoscope.tasks import TASKS
from phonoscope.tasks.classify import ClassifyResult
from phonoscope.tasks.describe import DescribeResult
from phonoscope.tasks.spec import TaskResult
from phonoscope_gateway.jobs.reference import reference
from phonoscope_gateway.jobs.results import read_result
from phonoscope_gateway.signing import Signer

_log = get_logger(__name__)


def describe_jobs(signer: Signer, session: Session, rows: Sequence[JobRow]) -> list[Job]:
    """Jobs as clients see them, with links to their artifacts that are valid from now on."""
    ahead = count_ahead(session, rows)
    labels = labels_of(session, {row.track_id for row in rows if row.track_id and _is_described(row)})
    link_keys = link_keys_of(session, {row.track_id for row in rows if row.track_id and _has_results(row)})
    return [
        _describe_job(
            signer.of(link_keys.get(row.track_id or "", "")),
            row,
            ahead,
            labels.get(row.track_id or "", NO_LABELS) if _is_described(row) else NO_LABELS,
        )
        for row in rows
    ]


def _options_of(row: JobRow) -> dict[str, dict[str, Any]]:
    names = {task.name for task in row.tasks}
    if any(task.pool is Pool.GPU for task in row.tasks):
        names.add(TaskName.CLASSIFY)
    return {name: row.options[name] for name in TaskName if name in names and name in row.options}


def _is_described(row: JobRow) -> bool:
    """Whether the track's labels matter to the job: they are those of its own audio track."""
    described = any(task.name is TaskName.DESCRIBE and task.result is not None for task in row.tasks)
    return described and row.options.get("audio_track") is None


def _has_results(row: JobRow) -> bool:
    return any(task.result is not None for task in row.tasks)


def _describe_job(
    signer: Signer, row: JobRow, ahead: Mapping[tuple[str, TaskQueue], Ahead], labels: TrackLabels
) -> Job:
    found = results_of(signer, row, labels)
    return Job(
        id=row.id,
        track_id=row.track_id,
        audio_track=row.options.get("audio_track"),
        status=row.status,
        created_at=row.created_at,
        finished_at=row.finished_at,
        metadata=row.client_metadata,
        options=_options_of(row),
        tasks=[
            describe_task(task, ahead.get((row.id, TaskQueue(task.pool, task.lane))), found.get(task.name))
            for task in row.tasks
        ],
    )


def results_of(signer: Signer, row: JobRow, labels: TrackLabels) -> dict[TaskName, TaskResult | OutdatedResult]:
    """The results of the job's tasks, with links; the error for a result that cannot be read.

    Args:
        signer: of links to the track's objects.
        labels: the track's labels, for a description's reference profile.
    """
    found = {task.name: _read(signer, task, task.result.body) for task in row.tasks if task.result is not None}
    heard, described = found.get(TaskName.CLASSIFY), found.get(TaskName.DESCRIBE)
    if isinstance(described, DescribeResult):
        recognised = heard.labels if isinstance(heard, ClassifyResult) else []
        compared = reference(row, described.levels, labels.reviewed(recognised), labels.all_of(None))
        found[TaskName.DESCRIBE] = described.model_copy(update={"reference": compared})
    return found


def _read(signer: Signer, task: TaskRow, body: Any) -> TaskResult | OutdatedResult:
    try:
        result: TaskResult = read_result(signer, TASKS[task.name], body)
    except OutdatedResult as error:
        _log.warning("result.outdated", task_id=task.id, task=task.name)
        return error
    return result


def describe_task(row: TaskRow, ahead: Ahead | None, found: TaskResult | OutdatedResult | None) -> Task:
    """A task as clients see it, with its result, or with the reason why that cannot be read."""
    outdated = found if isinstance(found, OutdatedResult) else None
    said = {
        "waiting": _waiting(row, ahead),
        "result": found if outdated is None else None,
        "error": row.error if outdated is None else outdated.as_problem(),
    }
    return as_task(row).model_copy(update=said)


def _waiting(row: TaskRow, ahead: Ahead | None) -> Waiting | None:
    if row.status is not Status.QUEUED:
        return None
    if row.waits_for is not None:
        return Waiting(reason="after", after=row.waits_for)
    if ahead is None:
        return None
    reason: Literal["queued", "retrying"] = "retrying" if row.attempt else "queued"
    return Waiting(
        reason=reason if ahead.workers else "no_worker",
        ahead=ahead.jobs,
        workers=ahead.workers,
        estimate_s=ahead.estimate_s,
    )
