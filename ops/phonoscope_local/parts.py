"""What a stack is made of, as values."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from phonoscope.retry import Backoff

_PAUSES = Backoff(first_s=0.5, factor=2.0, longest_s=30.0)


def always(_since: datetime) -> bool:
    """Healthy as soon as it runs."""
    return True


def nothing() -> None:
    """No preparation."""


@dataclass(frozen=True)
class Part:
    """A process to start, to keep alive and to stop.

    ``healthy`` is asked with the moment of the process's start, every ``poll_s`` seconds, until it says yes;
    ``prepare`` runs before each start and may raise ``StackError``. One that loads ``ahead`` is started with the whole
    stack, and told by the end of its standard input that its layer's turn has come. Seconds: ``start_limit_s`` until it
    must be healthy, ``grace_s`` between ``stop_signal`` and its end by force.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    prepare: Callable[[], None] = nothing
    healthy: Callable[[datetime], bool] = always
    poll_s: float = 0.05
    ahead: bool = False
    start_limit_s: float = 180.0
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0


@dataclass(frozen=True)
class Layer:
    """Parts that start side by side, and what is done once all of them are healthy, before the next layer."""

    parts: tuple[Part, ...]
    then: Callable[[], None] = nothing


@dataclass(frozen=True)
class RestartPolicy:
    """How long a part that died waits before it starts again: longer after each death in a row.

    A part that has run for ``steady_s`` seconds starts the row afresh.

    >>> [RestartPolicy().backoff.pause_s(deaths) for deaths in (1, 2, 3, 20)]
    [0.5, 1.0, 2.0, 30.0]
    """

    backoff: Backoff = _PAUSES
    steady_s: float = 60.0


@dataclass(frozen=True)
class Stack:
    """Layers in the order of their start.

    ``servers`` names the parts that overwrite their environment, with the program and the folder each works in.
    """

    layers: tuple[Layer, ...]
    servers: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
