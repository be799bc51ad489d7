"""What a pool's handlers give is checked before it is stored."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import pytest

from phonoscope.contract import JobOptions
from phonoscope.states import Pool, TaskName
from phonoscope.tasks import TASKS
from phonoscope.work import Artifact, Claim, ClaimedTrack, Outcome
from phonoscope_worker import Handlers, Work

EMBEDDED = {"model": {"name": "environment-50", "digest": "sha256:0"}, "dim": 512}
NAMES = {name for name, spec in TASKS.items() if spec.pool is Pool.GPU}


def work_on(*tasks: TaskName) -> Work:
    claim = Claim("lse_1", "job_1", ClaimedTrack("trk_1", "own_1", "k", 1.0), {task: task for task in tasks}, {}, 1)
    return Work(claim, JobOptions(), io.BytesIO(), lambda *_: None)


def _given(name: TaskName, _: Work, outcomes: dict[TaskName, Outcome]) -> Outcome:
    return outcomes[name]


@pytest.mark.parametrize("wrong", [{}, EMBEDDED | {"vector": [float("nan")]}], ids=["incomplete", "not a number"])
def test_a_result_that_no_client_could_read_fails_its_task_alone(wrong: dict[str, Any]) -> None:
    """Its files are closed, since nobody stores them; the other task of the pass keeps its result."""
    file = io.BytesIO(b"content")
    outcomes = {
        TaskName.EMBED: Outcome(EMBEDDED),
        TaskName.EXPLAIN: Outcome(wrong, artifacts=(Artifact("a.npz", "heatmap", "application/x-npz", file),)),
    }
    handlers = Handlers(Pool.GPU, {name: partial(_given, name) for name in NAMES})
    found = handlers.run(work_on(*outcomes), outcomes)
    assert found[TaskName.EMBED] == outcomes[TaskName.EMBED]
    problem = found[TaskName.EXPLAIN].problem
    assert problem is not None
    assert (problem["code"], problem["detail"].startswith("explain: ")) == ("invalid_result", True)
    assert found[TaskName.EXPLAIN].artifacts == ()
    assert file.closed
