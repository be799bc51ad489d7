"""Starts layers of parts, keeps the parts alive and stops them in reverse order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil

from phonoscope.errors import StackError
from phonoscope_local.parts import Layer, Part, RestartPolicy, nothing
from phonoscope_local.processes import ProcessGroup, ProcessId, kill_all, send_signal
from phonoscope_local.unit import Unit

Say = Callable[[str], None]
_START_POLL_S = 0.05
_WATCH_POLL_S = 0.1
_STOP_POLL_S = 0.02
_CHORES_S = 1.0


class StartInterrupted(Exception):
    """The stack was asked to stop while it started."""


class Supervisor:
    """Owns the processes of one stack.

    Args:
        record: called with each new set of processes before the supervisor relies on it.
        restarts: how long a part that died waits.
        notice: called, in place of ``say``, with what was damaged and is mended.
        chores: called about once a second.
    """

    def __init__(
        self,
        logs: Path,
        group: ProcessGroup,
        say: Say,
        record: Callable[[Mapping[str, ProcessId]], None],
        restarts: RestartPolicy = RestartPolicy(),
        *,
        notice: Say | None = None,
        chores: Callable[[], None] = nothing,
    ) -> None:
        self._logs = logs
        self._group = group
        self._say = say
        self._record = record
        self._restarts = restarts
        self._notice = notice or say
        self._chores = chores
        self._next_chores = 0.0
        self._layers: list[Layer] = []
        self._units: list[Unit] = []
        self._asked_to_stop = False

    def ask_to_stop(self) -> None:
        """Ends ``start`` and ``watch`` soon; may be called from a signal handler."""
        self._asked_to_stop = True

    @property
    def leaders(self) -> dict[str, ProcessId]:
        """The parts' own processes, without their children."""
        return {unit.part.name: unit.id for unit in self._units if unit.id}

    def preload(self, parts: Iterable[Part]) -> None:
        """Starts parts that load and then wait for their layer's turn. Raises ``StackError``."""
        for part in parts:
            self._first_spawn(self._unit(part), held=True)

    def start(self, layer: Layer) -> None:
        """Starts a layer's parts together; returns once all are healthy and the layer's ``then`` is done.

        A part with an excuse is not waited for: it is started again with pauses until it is healthy.

        Raises:
            StackError: a part ended or was not healthy in time; it names the part and quotes its log.
            StartInterrupted: the stack was asked to stop.
        """
        loaded = {unit.part.name: unit for unit in self._units}
        units = [loaded.get(part.name) or self._unit(part) for part in layer.parts]
        self._layers.append(layer)
        for unit in units:
            if unit.process is None:
                self._first_spawn(unit)
            else:
                unit.release()
            self._excuse(unit)
        while waiting := [unit for unit in units if not (unit.proven or unit.excused)]:
            for unit in waiting:
                self._expect(unit)
            self._wait(_START_POLL_S)
        layer.then()
        self._wait(0.0)

    def watch(self) -> None:
        """Restarts parts that die, until the stack is asked to stop."""
        while not self._asked_to_stop:
            self.tick()
            time.sleep(_WATCH_POLL_S)

    def tick(self) -> None:
        """Checks each part that has been healthy once, or is not waited for.

        Notices its death and restarts it when its pause is over.
        """
        if time.monotonic() >= self._next_chores:
            self._next_chores = time.monotonic() + _CHORES_S
            self._chores()
        for unit in self._units:
            if unit.proven or unit.excused:
                self._supervise(unit)

    def stop(self) -> None:
        """Stops every part, the last layer first, and leaves no process. Raises ``StackError`` when one stays."""
        begun = {part.name for layer in self._layers for part in layer.parts}
        held = Layer(tuple(unit.part for unit in self._units if unit.part.name not in begun))
        end_layers([*self._layers, held], self.leaders, self._group, self._say)
        for unit in self._units:
            unit.reap()

    def _wait(self, seconds: float) -> None:
        self.tick()
        if self._asked_to_stop:
            raise StartInterrupted
        time.sleep(seconds)

    def _unit(self, part: Part) -> Unit:
        return Unit(part, self._logs, self._group.mark(part.name))

    def _first_spawn(self, unit: Unit, *, held: bool = False) -> None:
        if unit not in self._units:
            self._units.append(unit)
        try:
            self._spawn(unit, held=held)
        except StackError as error:
            raise unit.failure(error.detail) from error
        self._record(self.leaders)

    def _expect(self, unit: Unit) -> None:
        if end := unit.ended():
            if not self._mended(unit):
                raise unit.failure(f"it {end} before it was ready")
            self._first_spawn(unit)
        elif unit.check():
            self._say(f"{unit.part.name} is ready after {unit.age_s:.1f} s")
        elif unit.age_s > unit.part.start_limit_s:
            raise unit.failure(f"it was not ready within {unit.part.start_limit_s:.0f} s")

    def _supervise(self, unit: Unit) -> None:
        if unit.restart_at is not None:
            if time.monotonic() >= unit.restart_at:
                self._respawn(unit)
        elif end := unit.ended():
            mended = not unit.healthy and self._mended(unit)
            self._respawn(unit) if mended else self._schedule(unit, end)
        elif unit.healthy:
            unit.deaths = 0 if unit.age_s > self._restarts.steady_s else unit.deaths
        elif unit.check():
            self._say(f"{unit.part.name} is ready again after {unit.age_s:.1f} s")

    def _schedule(self, unit: Unit, how: str) -> None:
        unit.deaths += 1
        wait_s = self._restarts.backoff.pause_s(unit.deaths)
        self._say(f"{unit.part.name} {how}; it starts again in {wait_s:.1f} s (log: {unit.log})")
        unit.restart_at = time.monotonic() + wait_s

    def _respawn(self, unit: Unit) -> None:
        try:
            kill_all(lambda: self._group.members([unit.part.name]))
            self._spawn(unit)
        except StackError as error:
            self._schedule(unit, f"did not start ({error.detail})")
        self._record(self.leaders)

    def _excuse(self, unit: Unit) -> None:
        if reason := unit.part.excuse():
            unit.excused = True
            self._notice(f"{unit.part.name} cannot work yet, everything else runs: {reason}")

    def _spawn(self, unit: Unit, *, held: bool = False) -> None:
        try:
            unit.spawn(held=held)
        except StackError:
            if not self._mended(unit):
                raise
            unit.spawn(held=held)

    def _mended(self, unit: Unit) -> bool:
        with contextlib.suppress(OSError):
            if mended := unit.mend():
                self._notice(mended)
                return True
        return False


def end_layers(layers: Sequence[Layer], leaders: Mapping[str, ProcessId], group: ProcessGroup, say: Say) -> int:
    """Ends every process of a stack, the last layer first: signals the leaders, then kills what is left.

    Returns how many processes had to be killed. Raises ``StackError`` when one cannot be.
    """
    killed = 0
    for layer in reversed(layers):
        living = [(part, leader) for part in layer.parts if (leader := leaders.get(part.name)) and leader.find()]
        for part, leader in living:
            send_signal(leader.find(), part.stop_signal)
        _await_end(living, say)
        killed += kill_all(partial(_left, layer, [leader for _, leader in living], group))
    return killed + kill_all(group.members)


def _await_end(living: Sequence[tuple[Part, ProcessId]], say: Say) -> None:
    started, waiting = time.monotonic(), dict(enumerate(living))
    while waiting:
        passed_s = time.monotonic() - started
        for index, (part, leader) in list(waiting.items()):
            if leader.find() is None:
                say(f"{part.name} has stopped after {passed_s:.1f} s")
                del waiting[index]
            elif passed_s > part.grace_s:
                say(f"{part.name} did not stop within {part.grace_s:.0f} s and is killed")
                del waiting[index]
        time.sleep(_STOP_POLL_S)


def _left(layer: Layer, leaders: list[ProcessId], group: ProcessGroup) -> list[psutil.Process]:
    found = {process for leader in leaders if (process := leader.find())}
    return [*found.union(group.members([part.name for part in layer.parts]))]
