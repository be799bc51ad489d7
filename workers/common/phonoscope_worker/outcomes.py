"""The outcomes of tasks: a handler's outcomes are checked, and every error becomes a problem."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from typing import Any

from phonoscope.errors import PhonoscopeError, TaskFailed, Unavailable, UnstorableResult
from phonoscope.logs import get_logger
from phonoscope.states import TaskName
from phonoscope.work import Claim, Outcome
from phonoscope_worker.resources import typed_resource_errors
from phonoscope_worker.work import Handler, Work

_NUL = "\x00"
_log = get_logger(__name__)


def outcomes_of(handler: Handler, work: Work) -> dict[TaskName, Outcome]:
    """The outcome of each claimed task; an error of the handler fails them all. Raises ``Unavailable``."""
    try:
        with typed_resource_errors():
            made = handler(work)
        return {name: _checked(name, made[name]) for name in work.claim.tasks}
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a recording does to a handler, the worker lives on
        return failed(work.claim, problem_of(error, work.claim))


def outcome_of(task: Callable[[], Outcome]) -> Outcome:
    """One task's outcome; its failure leaves the other tasks their results. Raises ``Unavailable``."""
    try:
        with typed_resource_errors():
            return task()
    except Unavailable:
        raise
    except PhonoscopeError as error:
        return Outcome(problem=error.as_problem())


def failed(claim: Claim, problem: dict[str, Any]) -> dict[TaskName, Outcome]:
    """The same problem for every claimed task."""
    return {name: Outcome(problem=problem) for name in claim.tasks}


def problem_of(error: Exception, claim: Claim) -> dict[str, Any]:
    """The problem for an error that ends tasks; an unexpected error is logged with its trace."""
    if isinstance(error, PhonoscopeError):
        problem = error.as_problem()
    else:
        _log.error("task.crashed", job_id=claim.job_id, exc_info=error)
        problem = TaskFailed("unexpected error; see the worker's log").as_problem()
    _log.warning("task.failed", job_id=claim.job_id, code=problem["code"])
    return problem


def _checked(task: TaskName, outcome: Outcome) -> Outcome:
    """The outcome, or a problem when the database could not hold it."""
    fault = _fault(outcome)
    if fault is None:
        return outcome
    for artifact in outcome.artifacts:
        artifact.open().close()
    return Outcome(problem=UnstorableResult(f"{task}: {fault}").as_problem())


def _fault(outcome: Outcome) -> str | None:
    vectors = {
        f"vectors[{stem!r}] of {space.model}": vector
        for space, by_stem in outcome.vectors.items()
        for stem, vector in by_stem.items()
        if vector is not None
    }
    points = {f"points[{track_id!r}]": point for track_id, point in outcome.points.items()}
    for name, numbers in chain(vectors.items(), points.items()):
        if not all(map(isfinite, numbers)):
            return f"{name} holds a number that is not finite"
    kept = {"result": outcome.body, "problem": outcome.problem}
    if outcome.teaching is not None:
        kept |= {"manifest": dict(outcome.teaching.manifest), "figures": dict(outcome.teaching.figures)}
    for name, value in kept.items():
        if not _is_json(value):
            found = next(_faults(name, value), None)
            if found is not None:
                return f"{found.path} {found.what}"
    return None


def _is_json(value: Any) -> bool:
    """Whether ``jsonb`` can hold the value; a quick test that may be false for a value that it can hold."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return r"\u0000" not in text


@dataclass(frozen=True)
class _Fault:
    path: str
    what: str


def _faults(path: str, value: Any) -> Iterator[_Fault]:
    """The positions in a value that JSON or PostgreSQL cannot hold."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _faults(f"a key of {path}", str(key))
            yield from _faults(f"{path}.{ascii(str(key))[1:-1]}", child)
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _faults(f"{path}[{index}]", child)
    elif isinstance(value, str):
        if _NUL in value or not _is_unicode(value):
            yield _Fault(path, "holds a character that PostgreSQL cannot store")
    elif isinstance(value, float):
        if not isfinite(value):
            yield _Fault(path, f"is {value}")
    elif not isinstance(value, int | None):
        yield _Fault(path, f"is a {type(value).__name__}, which JSON cannot hold")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
