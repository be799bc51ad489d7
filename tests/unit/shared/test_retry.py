"""Retry policies: the pauses they give, and what a repeated call does with them."""

from __future__ import annotations

from itertools import islice

import pytest

from phonoscope.client import Retry
from phonoscope.db.tasks.requeue import BACKOFF, MAX_ATTEMPTS
from phonoscope.retry import Backoff, retrying


class Flaky:
    """A call that fails some times before it succeeds."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error or ConnectionError("away")

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


def test_pauses_grow_up_to_the_longest() -> None:
    """Also after so many failures that the factor's power is no longer a float."""
    backoff = Backoff(first_s=0.5, factor=2.0, longest_s=3.0)
    assert list(islice(backoff.pauses(), 5)) == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.pause_s(100_000) == 3.0


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [
        (Backoff(attempts=1), []),
        (Backoff(first_s=1.0, attempts=3), [1.0, 2.0]),
        (Backoff(listed_s=(5.0, 1.0)), [5.0, 1.0]),
        (Backoff(first_s=1.0, until_s=6.9), [1.0, 2.0]),
        (Backoff(first_s=1.0, until_s=7.0), [1.0, 2.0, 4.0]),
        (Backoff(first_s=1.0, until_s=0.0), []),
    ],
)
def test_pauses_end_with_the_attempts_or_the_time(backoff: Backoff, pauses: list[float]) -> None:
    """One pause fewer than attempts, and no more seconds in all than there are."""
    assert list(backoff.pauses()) == pauses


def test_jitter_only_lengthens_a_pause() -> None:
    """By its share at most, and differently each time."""
    drawn = [Backoff(first_s=10.0, jitter=0.1).pause_s(1) for _ in range(200)]
    assert min(drawn) >= 10.0
    assert max(drawn) <= 11.0
    assert len(set(drawn)) > 100


def test_documented_schedules_hold() -> None:
    """A lost task waits 2 s, then 10 s; a client's request 0.5, 1, 2 and 4 s."""
    assert list(BACKOFF.pauses()) == [2.0, 10.0]
    assert BACKOFF.attempts == MAX_ATTEMPTS
    assert [Retry().pause_s(failures) for failures in range(1, Retry().attempts)] == [0.5, 1.0, 2.0, 4.0]
    assert (Retry().allows(4), Retry().allows(5)) == (True, False)


def test_a_call_is_repeated_until_it_succeeds() -> None:
    """Each pause is announced with the error before it."""
    announced: list[tuple[str, float]] = []
    call = Flaky(2)
    backoff = Backoff(first_s=0.01, attempts=3)
    assert retrying(call, backoff, ConnectionError, lambda error, s: announced.append((str(error), s))) == "done"
    assert announced == [("away", 0.01), ("away", 0.02)]


def test_a_call_is_given_up_after_its_attempts() -> None:
    """With the last error; another kind of error is not repeated at all."""
    call = Flaky(9)
    with pytest.raises(ConnectionError):
        retrying(call, Backoff(first_s=0.0, attempts=3), ConnectionError)
    assert call.calls == 3
    other = Flaky(9, KeyError("other"))
    with pytest.raises(KeyError):
        retrying(other, Backoff(first_s=0.0, attempts=3), ConnectionError)
    assert other.calls == 1


def test_no_attempt_begins_after_the_time_is_up() -> None:
    """The seconds that the calls themselves take count."""
    call = Flaky(9)
    with pytest.raises(ConnectionError):
        retrying(call, Backoff(first_s=0.04, factor=1.0, until_s=0.1), ConnectionError)
    assert call.calls in {2, 3}
