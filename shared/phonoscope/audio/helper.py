"""The helper process of ``phonoscope.audio.sandbox``: it forks the children that call the function.

Its arguments: the socket's descriptor, the function as ``module:name``, the memory limit of a child in bytes, and in
hexadecimal a sample file. The function is called with the sample first, so that its memory is prepared.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from socket import recv_fds, send_fds, socket, socketpair
from time import monotonic

import psutil

from phonoscope.audio.child import rehearse, serve_files
from phonoscope.audio.messages import Request
from phonoscope.audio.sandbox import CRASHED, OUT_OF_PROCESSOR_TIME, OUT_OF_TIME, SandboxedFunction
from phonoscope.confinement import leave_network

_IDLE_S = 1.0
"""Seconds after a call before a used child is replaced: forking takes a core away from the caller."""
_PATIENCE_S = 0.25
"""Seconds after which a call yields the processor to those of others, which are quicker."""
_LOWER_PRIORITY = 3


def main(descriptor: str, function_name: str, most_memory_bytes: str, sample: str) -> None:
    """Serves until the other end of the socket is closed."""
    leave_network()
    module, name = function_name.split(":")
    function: SandboxedFunction = getattr(importlib.import_module(module), name)
    rehearse(function, bytes.fromhex(sample))
    address_space_bytes = psutil.Process().memory_info().vms + int(most_memory_bytes)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A caller with many connections passes a number that is too high for select.
    low = os.dup(int(descriptor))
    os.close(int(descriptor))
    with socket(fileno=low) as control:
        forks = _Forks(control, function, bytes.fromhex(sample), address_space_bytes)
        try:
            forks.serve()
        finally:
            forks.end()


@dataclass
class _Child:
    pid: int
    link: socket
    owner: bytes = b""
    fate: socket | None = None
    """Tells the caller why the child ended; the caller closes it when it needs no answer any more."""
    until: float = inf
    yields_at: float = inf
    is_slow: bool = False

    def tell(self, cause: bytes) -> None:
        if self.fate is not None:
            with suppress(OSError):
                self.fate.send(cause)
            self.fate.close()
            self.fate = None


class _Forks:
    """The child processes, each with one file at a time. One that fails ends; used ones are replaced when idle."""

    def __init__(self, control: socket, function: SandboxedFunction, sample: bytes, space_bytes: int) -> None:
        self._control = control
        self._function = function
        self._sample = sample
        self._space_bytes = space_bytes
        self._fresh: _Child | None = None
        self._used: list[_Child] = []
        self._busy: list[_Child] = []

    def serve(self) -> None:
        self._fresh = self._fork()
        while True:
            ready = self._wait()
            self._bury(ready)
            for child in list(self._busy):
                if child.link in ready:
                    self._take_back(child)
                elif child.fate in ready:
                    self._end(child)
            self._watch()
            if self._control in ready:
                request, descriptors, _, _ = recv_fds(self._control, Request.LAYOUT.size, 3)
                if not request:
                    return
                self._hand_over(request, descriptors)

    def end(self) -> None:
        """Ends all children."""
        for child in self._children:
            _kill(child)

    @property
    def _children(self) -> list[_Child]:
        return [*self._busy, *self._used, *([self._fresh] if self._fresh else [])]

    def _wait(self) -> set[socket]:
        sockets = [self._control, *(child.link for child in self._children)]
        fates = [child.fate for child in self._busy if child.fate is not None]
        idle = not self._busy and (self._used or not self._fresh)
        now = monotonic()
        due = [min(child.until, child.yields_at) for child in self._busy]
        until = min([*due, now + _IDLE_S if idle else inf])
        ready, _, _ = select.select([*sockets, *fates], [], [], None if until == inf else max(0.0, until - now))
        if idle and not ready:
            self._replace()
        return set(ready)

    def _bury(self, ready: set[socket]) -> None:
        """Forgets children that died while they had nothing to do."""
        for child in self._used:
            if child.link in ready:
                _kill(child)
        self._used = [child for child in self._used if child.link.fileno() >= 0]
        if self._fresh is not None and self._fresh.link in ready:
            _kill(self._fresh)
            self._fresh = None

    def _watch(self) -> None:
        now = monotonic()
        for child in list(self._busy):
            if now > child.until:
                self._end(child, OUT_OF_TIME)
            elif now > child.yields_at:
                child.is_slow, child.yields_at = True, inf
                with suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, child.pid, _LOWER_PRIORITY)

    def _replace(self) -> None:
        while self._used:
            _kill(self._used.pop())
        self._fresh = self._fresh or self._fork()

    def _take_back(self, child: _Child) -> None:
        with suppress(OSError):
            if child.link.recv(1) and not child.is_slow:
                self._busy.remove(child)
                child.tell(b"")
                self._used.append(child)
                return
        self._end(child)

    def _end(self, child: _Child, cause: bytes = b"") -> None:
        self._busy.remove(child)
        status = _kill(child)
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        child.tell(cause or (OUT_OF_PROCESSOR_TIME if ended_by == signal.SIGPROF else CRASHED))

    def _hand_over(self, request: bytes, descriptors: list[int]) -> None:
        file, reply, fate = descriptors
        asked, now = Request.unpack(request), monotonic()
        with socket(fileno=fate) as told:
            while (child := self._next(asked.owner)) is not None:
                child.owner = asked.owner
                # A stream's reader sets its pace.
                child.until = now + asked.longest_s if asked.longest_s else inf
                child.yields_at = now + _PATIENCE_S if asked.longest_s else inf
                try:
                    send_fds(child.link, [request], [file, reply])
                except OSError:
                    _kill(child)
                    continue
                child.fate = told.dup()
                self._busy.append(child)
                break
        os.close(file)
        os.close(reply)

    def _next(self, owner: bytes) -> _Child | None:
        for child in self._used:
            if child.owner == owner:
                self._used.remove(child)
                return child
        fresh, self._fresh = self._fresh, None
        return fresh or self._fork(prepared=False)

    def _fork(self, *, prepared: bool = True) -> _Child | None:
        mine, theirs = socketpair()
        with suppress(OSError), theirs:
            if pid := os.fork():
                return _Child(pid, mine)
            try:
                if prepared:
                    rehearse(self._function, self._sample)
                serve_files(theirs, self._function, self._space_bytes)
            finally:
                os._exit(0)
        mine.close()
        return None


def _kill(child: _Child) -> int:
    """Ends the child and returns the status it ended with, which stands when it had ended before."""
    child.link.close()
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        return os.waitpid(child.pid, 0)[1]
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
