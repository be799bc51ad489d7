"""Retry policies as values: how long to pause after each failure, and when to give up."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from math import inf
from time import monotonic, sleep
from typing import TypeVar

Result = TypeVar("Result")
Error = TypeVar("Error", bound=Exception)

_MOST_DOUBLINGS = 32


@dataclass(frozen=True)
class Backoff:
    """The pauses between attempts, in seconds: each is ``factor`` times as long as the one before.

    Args:
        first_s: the pause after the first failure.
        longest_s: no pause is longer, jitter apart.
        attempts: in all; ``None`` for no end.
        until_s: no attempt begins later than this after the first one began.
        jitter: the share of a pause by which it may be longer, so that clients that failed together come back apart.
        listed_s: the pauses one by one, in place of ``first_s`` and ``factor``; they also set ``attempts``.

    >>> list(Backoff(first_s=2.0, factor=5.0, attempts=3).pauses())
    [2.0, 10.0]
    """

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = inf
    attempts: int | None = None
    until_s: float = inf
    jitter: float = 0.0
    listed_s: tuple[float, ...] = ()

    def pause_s(self, failures: int) -> float:
        """The pause after so many failures, whether or not another attempt follows; 0 before the first.

        >>> [Backoff(longest_s=8.0).pause_s(failures) for failures in (0, 1, 2, 3, 20)]
        [0.0, 0.5, 1.0, 2.0, 8.0]
        """
        if failures < 1:
            return 0.0
        if self.listed_s:
            pause_s = self.listed_s[min(failures, len(self.listed_s)) - 1]
        else:
            pause_s = self.first_s * self.factor ** min(failures - 1, _MOST_DOUBLINGS)
        return min(self.longest_s, pause_s) * (1.0 + self.jitter * random.random())  # noqa: S311 - spreads load

    def allows(self, failures: int) -> bool:
        """Whether another attempt follows so many failures.

        >>> Backoff(attempts=3).allows(2), Backoff(attempts=3).allows(3)
        (True, False)
        """
        attempts = len(self.listed_s) + 1 if self.listed_s else self.attempts
        return attempts is None or failures < attempts

    def pauses(self) -> Iterator[float]:
        """The pause after each failure, for as many as are followed by another attempt; together at most ``until_s``.

        >>> list(Backoff(first_s=1.0, until_s=4.0).pauses())
        [1.0, 2.0]
        """
        passed_s = 0.0
        for failures in count(1):
            pause_s = self.pause_s(failures)
            passed_s += pause_s
            if not self.allows(failures) or passed_s > self.until_s:
                return
            yield pause_s


def retrying(
    call: Callable[[], Result],
    backoff: Backoff,
    errors: type[Error],
    on_pause: Callable[[Error, float], None] = lambda *_: None,
) -> Result:
    """Calls until there is no such error; the calls themselves count towards ``until_s`` too.

    Args:
        errors: the kind of error that a later call may not meet; the last one is raised.
        on_pause: called before each pause with the error and the pause in seconds.
    """
    started = monotonic()
    for pause_s in backoff.pauses():
        try:
            return call()
        except errors as error:
            if monotonic() - started + pause_s > backoff.until_s:
                raise
            on_pause(error, pause_s)
        sleep(pause_s)
    return call()
