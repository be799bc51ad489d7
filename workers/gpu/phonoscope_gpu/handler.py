"""Runs a job's GPU tasks: one pass of each body, shared by all tasks and models."""

from __future__ import annotations

from dataclasses import dataclass

from phonoscope.audio.confined import warm_up as start_decoder
from phonoscope.catalogue import Catalogue, LiveCatalogue
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
    """Runs a job's GPU tasks with the models that the job names, or that what is heard asks for."""

    models: LoadedModels
    default_model: str

    def __call__(self, work: Work) -> dict[TaskName, Outcome]:
        """Runs the claimed tasks. Raises ``ModelError`` when the model cannot be served, and ``RecordingError``."""
        with shared_pass(work, self.models, work.options.classify.names(self.default_model)) as shared:
            return HANDLERS.run(work, shared)


def prepare(settings: Settings, *, ahead: bool = True) -> tuple[str, Handler]:
    """Loads the default model onto the device and warms it up; of ``auto`` what it cannot do without.

    The others that ``auto`` chooses from are loaded in the background meanwhile: one that is damaged is named in the
    log and in results. All further models are loaded at their first use.

    Args:
        ahead: whether models are loaded before the first task; without it all are loaded at their first use.

    Raises:
        InvalidManifest, WeightsMismatch: a model cannot be served.
        UnknownModel: the default model does not exist.
    """
    device = choose_device(settings.device)
    catalogue = LiveCatalogue(settings.more_models_dir, settings.models_dir)
    models = LoadedModels(catalogue, device)
    if ahead:
        _load_ahead(models, catalogue.current, settings.default_model)
    return device.type, GpuHandler(models, settings.default_model)


def _load_ahead(models: LoadedModels, catalogue: Catalogue, default_model: str) -> None:
    needed = catalogue.needed(default_model)
    for manifest in needed:
        models.get(manifest.name)
    others = [manifest for manifest in catalogue.among((default_model,)) if manifest not in needed]
    models.load_in_background(manifest.name for manifest in others)
    warm_up()
    start_decoder()
