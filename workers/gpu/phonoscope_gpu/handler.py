"""Runs a job's GPU tasks: one decoding and one forward pass, shared by all tasks."""

from __future__ import annotations

from dataclasses import dataclass

from phonoscope.catalogue import LiveCatalogue
from phonoscope.drawing.overlay import warm_up
from phonoscope.settings import Settings
from phonoscope.states import Pool, TaskName
from phonoscope.work import Outcome
from phonoscope_gpu.classifying import classify_task
from phonoscope_gpu.embedding import embed_task
from phonoscope_gpu.explaining import explain_task
from phonoscope_gpu.feature_maps import features_task
from phonoscope_gpu.shared_pass import Pass, shared_pass
from phonoscope_ml.device import choose_device
from phonoscope_ml.loaded import LoadedModels
from phonoscope_worker import Handler, Handlers, Work

HANDLERS: Handlers[Pass] = Handlers(
    Pool.GPU,
    {
        TaskName.CLASSIFY: classify_task,
        TaskName.EMBED: embed_task,
        TaskName.EXPLAIN: explain_task,
        TaskName.FEATURES: features_task,
    },
)


@dataclass(frozen=True)
class GpuHandler:
    """Runs a job's GPU tasks with the model that the job names."""

    models: LoadedModels
    default_model: str

    def __call__(self, work: Work) -> dict[TaskName, Outcome]:
        """Runs the claimed tasks. Raises ``ModelError`` when the model cannot be served, and ``RecordingError``."""
        with work.timed("load_s"):
            model = self.models.get(work.options.classify.model or self.default_model)
        with shared_pass(work, model) as shared:
            return HANDLERS.run(work, shared)


def prepare(settings: Settings) -> tuple[str, Handler]:
    """Loads the default model onto the device and warms it up; the others are loaded at their first use.

    Raises:
        InvalidManifest, WeightsMismatch: a model cannot be served.
        UnknownModel: the default model does not exist.
    """
    device = choose_device(settings.device)
    models = LoadedModels(LiveCatalogue(settings.more_models_dir, settings.models_dir), device)
    models.get(settings.default_model)
    warm_up()
    return device.type, GpuHandler(models, settings.default_model)
