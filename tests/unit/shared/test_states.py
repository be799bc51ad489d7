"""States, pools and lanes as words."""

from __future__ import annotations

import inspect

import pytest

from phonoscope import states
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope.tasks import TASKS


def test_states_that_have_ended() -> None:
    """Three states are final."""
    assert [status for status in Status if status.ended] == [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED]


def test_tasks_know_their_pool() -> None:
    """Networks run in the GPU pool, the rest in the other."""
    assert {name: TASKS[name].pool for name in TaskName} == {
        TaskName.CLASSIFY: Pool.GPU,
        TaskName.EMBED: Pool.GPU,
        TaskName.EXPLAIN: Pool.GPU,
        TaskName.FEATURES: Pool.GPU,
        TaskName.DESCRIBE: Pool.CPU,
        TaskName.SEPARATE: Pool.CPU,
        TaskName.MIXDOWN: Pool.CPU,
        TaskName.MAP: Pool.CPU,
        TaskName.TEACH: Pool.CPU,
        TaskName.APPLY: Pool.CPU,
    }


@pytest.mark.parametrize("kind", [Status, Pool, Lane, TaskName])
def test_every_member_has_a_word(kind: type[Status | Pool | Lane | TaskName]) -> None:
    """Each member is followed by a sentence on what it means, and travels under its own name in lower case."""
    source = inspect.getsource(getattr(states, kind.__name__))
    for member in kind:
        assert member.value == member.name.lower()
        assert f'    {member.name} = "{member.value}"\n    """' in source
