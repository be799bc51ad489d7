"""The folder in which the processes of a machine keep what they count, a few files for each."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from phonoscope.logs import get_logger

SIZES = {"counter": 256 << 10, "histogram": 1 << 20, "gauge_livesum": 64 << 10, "gauge_livemostrecent": 256 << 10}
"""Bytes of each file that a process has; all of them are taken from the disk before the file is mapped."""
_ENDED = 0
"""In place of a process id, in the names of the files with the sums of processes that have ended."""
_FILE = re.compile(r"(counter|histogram|gauge_[a-z]+)_(\d+)\.db")
_LOCK_WITHIN_S = 2.0
_LOCK_POLL_S = 0.01
_log = get_logger(__name__)


class MetricsFolder:
    """Files of counters, histograms and gauges; those of dead processes are added up and removed.

    Each process locks a file of its own for as long as it lives. The system releases that lock when the process ends,
    whoever has its id afterwards; a child does not inherit it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._alive: BinaryIO | None = None

    def open(self, pid: int) -> None:
        """Makes the folder and this process's files. Raises ``OSError``, such as for a full disk.

        A map of a file whose blocks are not there ends the process when the disk is full, so all are allocated first.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            self._fold(own=pid)
            self._alive = self._sign(pid).open("wb")
            fcntl.lockf(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for kind, size in SIZES.items():
                _allocate(self._file(kind, pid), size)

    def sign_as_serving(self) -> BinaryIO | None:
        """A file that says, until it is closed, that this process serves the metrics; None while another one does.

        Raises ``OSError``.
        """
        sign = (self.path / "serving").open("wb")
        try:
            fcntl.lockf(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sign.close()
            return None
        return sign

    def render(self) -> bytes:
        """All metrics in Prometheus' text format, after the files of the dead are folded. Raises ``OSError``."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self._collect()))
        return generate_latest(registry)

    def _collect(self) -> list[Metric]:
        with self._locked():
            self._fold()
            files = [str(path) for path, _, _ in self._files()]
            try:
                return list(MultiProcessCollector.merge(files))
            except Exception:  # noqa: BLE001 - whatever a damaged file makes the parser raise
                whole = [file for file in files if _is_whole(Path(file))]
                return list(MultiProcessCollector.merge(whole))

    def _fold(self, own: int | None = None) -> None:
        """Adds the files of dead processes, and of an earlier process with the id ``own``, to those of the ended."""
        files = self._files()
        dead = {pid for pid in {pid for _, _, pid in files} - {_ENDED} if pid == own or not self._lives(pid)}
        for path, kind, pid in files:
            if pid not in dead:
                continue
            if kind in ("counter", "histogram"):
                self._add_up(path, kind)
            path.unlink(missing_ok=True)
        for pid in dead:
            self._sign(pid).unlink(missing_ok=True)

    def _lives(self, pid: int) -> bool:
        # To close the file of this process would release its lock.
        if pid == os.getpid():
            return self._alive is not None
        try:
            with self._sign(pid).open("r+b") as sign:
                fcntl.lockf(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def _add_up(self, path: Path, kind: str) -> None:
        if not _is_whole(path):
            return
        sums = self._file(kind, _ENDED)
        try:
            if sums.exists() and not _is_whole(sums):
                sums.unlink()
            _allocate(sums, SIZES[kind])
            total = MmapedDict(str(sums))
        except OSError as error:
            _log.warning("metrics.not_added_up", reason=str(error))
            return
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(path)):
            total.write_value(key, total.read_value(key)[0] + value, 0.0)
        total.close()

    def _files(self) -> list[tuple[Path, str, int]]:
        found = ((path, _FILE.fullmatch(path.name)) for path in sorted(self.path.iterdir()))
        return [(path, match[1], int(match[2])) for path, match in found if match]

    def _sign(self, pid: int) -> Path:
        return self.path / f"alive_{pid}"

    def _file(self, kind: str, pid: int) -> Path:
        return self.path / f"{kind}_{pid}.db"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lets one process at a time fold and read; one that is stopped meanwhile holds the others up a moment only."""
        with (self.path / "lock").open("wb") as file:
            deadline = monotonic() + _LOCK_WITHIN_S
            while monotonic() < deadline:
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                sleep(_LOCK_POLL_S)
            yield


class _Collector:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _allocate(path: Path, size: int) -> None:
    with path.open("ab") as file:
        if os.fstat(file.fileno()).st_size:
            return
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.write(bytes(size))
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _is_whole(path: Path) -> bool:
    """Whether a file can be read; one that cannot is named in the log."""
    try:
        MultiProcessCollector.merge([str(path)])
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes the parser raise
        _log.warning("metrics.file_damaged", file=path.name, reason=repr(error))
        return False
    return True
