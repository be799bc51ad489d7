"""The parts of a stack, as values."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from phonoscope.retry import Backoff

_PAUSES = Backoff(first_s=0.5, factor=2.0, longest_s=30.0)


def always(_since: datetime) -> bool:
    """A part's health check that passes as soon as the part runs."""
    return True


def nothing() -> None:
    """Does nothing, mends nothing and excuses nothing."""


@dataclass(frozen=True)
class Part:
    """A process to start, to keep alive and to stop.

    Args:
        prepare: runs before each start; may raise ``StackError``.
        healthy: called with the time of the process's start, every ``poll_s`` seconds, until it returns true.
        mend: called when a start failed; what it mended, after which the part starts again at once, or ``None``.
        excuse: why it cannot become healthy now although the rest can run; asked once, when its layer starts.
        preload: whether the process starts with the whole stack and loads while its layer's turn has not come; the end
            of its standard input says that it has.
        start_limit_s: seconds until it must be healthy.
        grace_s: seconds between ``stop_signal`` and SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    prepare: Callable[[], None] = nothing
    mend: Callable[[], str | None] = nothing
    excuse: Callable[[], str | None] = nothing
    healthy: Callable[[datetime], bool] = always
    poll_s: float = 0.05
    preload: bool = False
    start_limit_s: float = 180.0
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0


@dataclass(frozen=True)
class Layer:
    """Parts that start together; ``then`` runs once all of them are healthy, before the next layer starts."""

    parts: tuple[Part, ...]
    then: Callable[[], None] = nothing


@dataclass(frozen=True)
class RestartPolicy:
    """How long a part that died waits before it starts again: longer after each death in a row.

    After ``steady_s`` healthy seconds the count starts again.

    >>> [RestartPolicy().backoff.pause_s(deaths) for deaths in (1, 2, 3, 20)]
    [0.5, 1.0, 2.0, 30.0]
    """

    backoff: Backoff = _PAUSES
    steady_s: float = 60.0


@dataclass(frozen=True)
class Stack:
    """Layers in the order of their start.

    Args:
        servers: the program and the working folder of each part that overwrites its environment, by the part's name.
    """

    layers: tuple[Layer, ...]
    servers: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
