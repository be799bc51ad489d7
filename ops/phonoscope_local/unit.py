"""One part while a stack runs: its process, the count of its deaths, the end of its log."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from phonoscope.errors import StackError
from phonoscope_local.logs import opened
from phonoscope_local.parts import Part
from phonoscope_local.processes import ProcessId

_QUOTED_LINES = 12
_QUOTED_BYTES = 4096


class Unit:
    """A part's present process, or the pause before the next one."""

    def __init__(self, part: Part, logs: Path, mark: Mapping[str, str]) -> None:
        self.part = part
        self.log = logs / f"{part.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.id: ProcessId | None = None
        self.deaths = 0
        self.restart_at: float | None = None
        self.mended = False
        self.excused = False
        self.proven = False
        self._healthy = False
        self._environment = {**part.environment, **mark}
        self._since = datetime.now(UTC)
        self._started = time.monotonic()
        self._next_check = 0.0
        self._log_start = 0

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def healthy(self) -> bool:
        """Whether this process has been healthy."""
        return self._healthy

    def spawn(self, *, held: bool = False) -> None:
        """Prepares and starts the part's process, in a session of its own; ``held`` until ``release``.

        Raises ``StackError``.
        """
        try:
            self._begin_log()
            self._count_from_now()
            self._healthy, self._next_check, self.restart_at = False, 0.0, None
            self.part.prepare()
            self.process = self._popen(subprocess.PIPE if held else subprocess.DEVNULL)
        except OSError as error:
            raise StackError(f"it cannot be started: {error}") from error
        self.id = ProcessId.of(self.process.pid)

    def release(self) -> None:
        """Lets a held process continue; from now on it counts as started."""
        self._count_from_now()
        if self.process and self.process.stdin:
            self.process.stdin.close()

    def check(self) -> bool:
        """Whether the process is healthy; one that was is not checked again."""
        if not self._healthy and time.monotonic() >= self._next_check:
            self._healthy = self.part.healthy(self._since)
            self.proven = self.proven or self._healthy
            self.mended = self.mended and not self._healthy
            self._next_check = time.monotonic() + self.part.poll_s
        return self._healthy

    def mend(self) -> str | None:
        """What was mended after a start that failed; ``None`` when nothing was, or the last start was mended too.

        Raises ``OSError``.
        """
        if self.mended:
            return None
        self.mended = True
        return self.part.mend()

    def ended(self) -> str | None:
        """How the process ended, in words; ``None`` while it runs or before it starts."""
        status = self.process.poll() if self.process else None
        if status is None:
            return None
        if status >= 0:
            return f"ended with status {status}"
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-status).name}"
        return f"was ended by signal {-status}"

    def reap(self) -> None:
        """Waits for a process that has been ended, so that no zombie stays."""
        if self.process:
            self.process.communicate()

    def failure(self, reason: str) -> StackError:
        """The error that says why the part cannot run, with the last lines of its log."""
        return StackError(f"{self.part.name}: {reason}\n{self._last_lines()}its log is {self.log}")

    def _count_from_now(self) -> None:
        self._since, self._started = datetime.now(UTC), time.monotonic()

    def _popen(self, stdin: int) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.part.command,
                cwd=self.part.folder,
                env=self._environment,
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _begin_log(self) -> None:
        self._log_start = opened(self.log).stat().st_size

    def _last_lines(self) -> str:
        with self.log.open("rb") as file:
            end = file.seek(0, 2)
            # A log that was cut since holds nothing of an earlier start.
            start = self._log_start if self._log_start <= end else 0
            file.seek(max(start, end - _QUOTED_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-_QUOTED_LINES:]
        return "".join(f"    {line}\n" for line in lines)
