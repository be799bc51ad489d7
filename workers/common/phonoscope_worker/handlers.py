"""The handlers of a pool: one for each of its tasks, all with the prepared state of the pool's pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

from phonoscope.errors import InvalidResult
from phonoscope.states import Pool, TaskName
from phonoscope.tasks import TASKS, TaskSpec
from phonoscope.traces import current_span
from phonoscope.work import Outcome
from phonoscope_worker.outcomes import outcome_of
from phonoscope_worker.work import Work

Prepared = TypeVar("Prepared")


class Handlers(Generic[Prepared]):
    """The handlers of a pool, by task.

    Args:
        by_task: the handlers; each takes the work and what the pool prepared for all tasks of a pass.

    Raises ``ValueError`` for a task of another pool, and when one of this pool's has no handler.
    """

    def __init__(self, pool: Pool, by_task: Mapping[TaskName, Callable[[Work, Prepared], Outcome]]) -> None:
        own = {name for name, spec in TASKS.items() if spec.pool is pool}
        if set(by_task) != own:
            differing = ", ".join(sorted(set(by_task) ^ own))
            raise ValueError(f"the {pool} pool runs {', '.join(sorted(own))}; wrong: {differing}")
        self._by_task = dict(by_task)

    @property
    def tasks(self) -> frozenset[TaskName]:
        """The tasks that the pool runs."""
        return frozenset(self._by_task)

    def run(self, work: Work, prepared: Prepared) -> dict[TaskName, Outcome]:
        """Runs the claimed tasks; when one fails, the others keep their results."""
        return {name: outcome_of(partial(self._checked, name, work, prepared)) for name in work.claim.tasks}

    def _checked(self, name: TaskName, work: Work, prepared: Prepared) -> Outcome:
        with current_span().child(f"task {name}"):
            outcome = self._by_task[name](work, prepared)
            spec: TaskSpec[Any, Any] = TASKS[name]
            if outcome.body is not None:
                with _closing_unless_valid(outcome):
                    spec.check_body(outcome.body)
            return outcome


@contextmanager
def _closing_unless_valid(outcome: Outcome) -> Iterator[None]:
    """Closes the files of an invalid result, which are not stored."""
    try:
        yield
    except InvalidResult:
        for artifact in outcome.artifacts:
            artifact.open().close()
        raise
