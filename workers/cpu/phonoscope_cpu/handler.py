"""Runs a job's CPU tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from phonoscope.audio.confined import warm_up
from phonoscope.catalogue import LiveCatalogue
from phonoscope.settings import Settings
from phonoscope.states import Pool, TaskName
from phonoscope.work import Outcome
from phonoscope_cpu.describe import describe_task
from phonoscope_cpu.mapping import map_task
from phonoscope_cpu.mixing import mixdown_task
from phonoscope_cpu.separating import separate_task
from phonoscope_cpu.separators import Separators
from phonoscope_cpu.teaching import teach_task
from phonoscope_worker import Handler, Handlers, Work


@dataclass(frozen=True)
class CpuHandler:
    """Runs a job's CPU tasks.

    Args:
        separators: the models that separate recordings.
        models: the models that classify and embed; the map is drawn from the embeddings of one.
        cache: a folder for compiled code.
    """

    separators: Separators
    models: LiveCatalogue
    cache: Path

    def __call__(self, work: Work) -> dict[TaskName, Outcome]:
        return HANDLERS.run(work, self)


HANDLERS: Handlers[CpuHandler] = Handlers(
    Pool.CPU,
    {
        TaskName.DESCRIBE: lambda work, _: describe_task(work),
        TaskName.SEPARATE: lambda work, pool: separate_task(work, pool.separators),
        TaskName.MIXDOWN: lambda work, _: mixdown_task(work),
        TaskName.TEACH: lambda work, pool: teach_task(work, pool.models.current),
        TaskName.MAP: lambda work, pool: map_task(work, pool.models.current, pool.cache),
    },
)


def prepare(settings: Settings) -> tuple[str, Handler]:
    """Returns the device and the handler, and starts the decoder; separation models are loaded at their first use."""
    warm_up()
    models = LiveCatalogue(settings.more_models_dir, settings.models_dir)
    return "cpu", CpuHandler(Separators.of(settings), models, settings.cache_dir / "numba")
