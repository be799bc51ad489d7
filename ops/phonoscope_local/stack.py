"""Runs a stack in this process, from taking its lock to ending its last process."""

from __future__ import annotations

import contextlib
import os
import signal
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from phonoscope.errors import StackError
from phonoscope_local.damage import Keeper, mended, mended_state
from phonoscope_local.files import open_folder
from phonoscope_local.lock import stack_lock
from phonoscope_local.logs import rotate_all
from phonoscope_local.parts import Stack
from phonoscope_local.ports import require_port
from phonoscope_local.processes import ProcessGroup, ProcessId
from phonoscope_local.standard import plain_environment, standard_stack
from phonoscope_local.state import Credentials, Run, StackState
from phonoscope_local.supervisor import Say, StartInterrupted, Supervisor, end_layers

Design = Callable[[Path, StackState], Stack]


def run_stack(
    folder: Path,
    port: int | None,
    say: Say,
    ready: Callable[[str], None],
    design: Design = standard_stack,
    notice: Say | None = None,
) -> bool:
    """Starts the stack of a folder and supervises it until SIGINT, SIGTERM or SIGHUP; leaves no process.

    ``ready`` is called with the gateway's address once everything is healthy, ``notice`` (else ``say``) with what was
    damaged and is mended. Returns ``False``, having done nothing, when another process runs the stack.

    Raises:
        StackError: it cannot run.
    """
    open_folder(folder)
    with stack_lock(folder) as mine:
        if mine:
            # Clients in this process must not use settings meant for other servers either.
            _replace_environment(plain_environment())
            _run(folder, port, say, ready, design, notice or say)
        return mine


def end_leftovers(folder: Path, say: Say, design: Design = standard_stack) -> int:
    """Ends the processes of a stack whose supervisor was killed; returns how many there were. Needs the lock."""
    if not (StackState.file(folder).exists() or (folder / "postgres").exists()):
        return 0
    state, run = mended_state(folder, say), mended(Run, folder, say)
    stack = design(folder, state)
    leaders = run.parts if run else {}
    group = ProcessGroup(folder, state.id, stack.servers)
    living = sum(leader.find() is not None for leader in leaders.values())
    ended = max(living, end_layers(stack.layers, leaders, group, say))
    Run.file(folder).unlink(missing_ok=True)
    return ended


def _run(folder: Path, port: int | None, say: Say, ready: Callable[[str], None], design: Design, notice: Say) -> None:
    mended_state(folder, notice)
    mended(Run, folder, notice)
    mended(Credentials, folder, lambda moved: notice(f"{moved}; a new key is made, the old one stays valid"))
    if left := end_leftovers(folder, say, design):
        say(f"ended {left} processes that an earlier stack left")
    state = _claim_ports(folder, port)
    stack = design(folder, state)
    me = ProcessId.of(os.getpid())
    if me is None:
        raise StackError("the creation time of this process cannot be read")
    keeper = Keeper(folder, notice)
    keeper.keep(state)
    run_file = _RunFile(keeper, Run(supervisor=me, phase="starting", url=state.url))

    def chores() -> None:
        keeper.look()
        rotate_all(folder / "logs")

    supervisor = Supervisor(
        folder / "logs",
        ProcessGroup(folder, state.id, stack.servers),
        say,
        run_file.parts,
        notice=notice,
        chores=chores,
    )
    with _stopped_by_signals(supervisor):
        try:
            supervisor.preload(part for layer in stack.layers for part in layer.parts if part.preload)
            for layer in stack.layers:
                supervisor.start(layer)
            run_file.phase("running")
            ready(state.url)
            supervisor.watch()
        except StartInterrupted:
            say("asked to stop before everything had started")
        finally:
            run_file.phase("stopping")
            supervisor.stop()
            keeper.forget_run()


class _RunFile:
    """``run.json``: kept up to date while a stack runs."""

    def __init__(self, keeper: Keeper, run: Run) -> None:
        self._keeper = keeper
        self._run = run
        keeper.keep(run)

    def phase(self, phase: str) -> None:
        self._change(phase=phase)

    def parts(self, leaders: Mapping[str, ProcessId]) -> None:
        self._change(parts=dict(leaders))

    def _change(self, **changes: object) -> None:
        self._run = self._run.model_copy(update=changes)
        # A full disk must not stop the stack; its processes are found by their marks as well.
        with contextlib.suppress(OSError):
            self._keeper.keep(self._run)


def _claim_ports(folder: Path, port: int | None) -> StackState:
    state = StackState.read(folder) or StackState()
    ports = state.ports
    if port is not None:
        require_port(port)
        ports = ports.model_copy(update={"gateway": port})
    claimed = state.model_copy(update={"ports": ports.chosen()})
    claimed.write(folder)
    return claimed


@contextlib.contextmanager
def _stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    def stop(_number: int, _frame: types.FrameType | None) -> None:
        supervisor.ask_to_stop()

    # A process started with nohup ignores SIGHUP, and must continue to.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _replace_environment(environment: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
