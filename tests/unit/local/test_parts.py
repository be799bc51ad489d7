"""The values that a stack is made of."""

from pathlib import Path

from phonoscope_local.parts import Part, RestartPolicy


def test_waits_grow_to_a_limit() -> None:
    """Each death doubles the wait until the longest one, however many there were."""
    backoff = RestartPolicy().backoff
    waits = [backoff.pause_s(deaths) for deaths in (1, 2, 3, 4, 11, 10_000)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 30.0, 30.0]
    assert backoff.allows(10_000)


def test_a_part_does_not_show_its_environment() -> None:
    """Secrets travel in the environment, so it stays out of messages."""
    assert "hush" not in repr(Part("a", ("true",), Path("/"), {"PASSWORD": "hush"}))
