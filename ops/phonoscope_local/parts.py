"""What a stack is made of, as values."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


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
class Backoff:
    """How long a part that died waits: longer each time, and short again once it has been steady. In seconds."""

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 30.0
    steady_s: float = 60.0

    def wait_s(self, deaths: int) -> float:
        """The wait after so many deaths before this one.

        >>> [Backoff().wait_s(deaths) for deaths in (0, 1, 2, 20)]
        [0.5, 1.0, 2.0, 30.0]
        """
        return min(self.longest_s, self.first_s * self.factor ** min(deaths, 32))


@dataclass(frozen=True)
class Stack:
    """Layers in the order of their start.

    ``servers`` names the parts that overwrite their environment, with the program and the folder each works in.
    """

    layers: tuple[Layer, ...]
    servers: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
