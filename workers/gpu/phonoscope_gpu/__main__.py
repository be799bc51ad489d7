"""``python -m phonoscope_gpu``: runs one worker of the GPU pool. Only its child imports torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from phonoscope.catalogue import Catalogue
from phonoscope.settings import Settings, get_settings
from phonoscope.states import Lane, Pool, TaskName
from phonoscope.work import Outcome
from phonoscope_worker import Handler, Work, run_worker

_GPU_FILES = (Path("/dev/nvidiactl"), Path("/dev/nvhost-gpu"), Path("/dev/dxg"), Path("/dev/kfd"))


def prepare(settings: Settings, lanes: Sequence[Lane]) -> tuple[str, Handler]:
    """Loads what short tasks must not wait for; a worker of the long lane alone loads models for its first task.

    Where there is no GPU to look for, it does not even load torch before.
    """
    if Lane.SHORT not in lanes and not _may_have_gpu(settings.device):
        return "cpu", _Later(settings)
    from phonoscope_gpu.handler import prepare as load

    return load(settings, ahead=Lane.SHORT in lanes)


class _Later:
    """A handler that is loaded for its first task."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, work: Work) -> dict[TaskName, Outcome]:
        with work.timed("load_s"):
            handler = self._handler
        return handler(work)

    @cached_property
    def _handler(self) -> Handler:
        from phonoscope_gpu.handler import prepare as load

        return load(self._settings, ahead=False)[1]


def _may_have_gpu(device: str) -> bool:
    """Whether torch must be asked for the device; the drivers' device files answer for it on Linux."""
    if device != "auto":
        return device != "cpu"
    return sys.platform != "linux" or any(path.exists() for path in _GPU_FILES)


def check(settings: Settings) -> None:
    """Refuses to start a worker whose default model cannot be loaded; of ``auto`` one that it cannot do without.

    Raises ``ModelError``, which names the file.
    """
    catalogue = Catalogue(settings.more_models_dir, settings.models_dir)
    for manifest in catalogue.needed(settings.default_model):
        catalogue.check(manifest.name)


def main() -> None:
    check(get_settings())
    run_worker(Pool.GPU, prepare)


if __name__ == "__main__":
    main()
