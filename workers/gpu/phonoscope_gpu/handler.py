"""A job's GPU tasks: decode once, one forward pass over the windows, every task from the same activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import Catalogue
from phonoscope.drawing.overlay import warm_up
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.work import WHOLE_TRACK, Outcome
from phonoscope_gpu.embedding import embedded_stems
from phonoscope_gpu.explaining import explain_task
from phonoscope_gpu.showing import features_task
from phonoscope_ml.device import choose_device
from phonoscope_ml.inference import Prediction, run_inference
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model, load_model
from phonoscope_worker import Handler, Work, outcome_of

_WITNESSED = {TaskName.EXPLAIN, TaskName.FEATURES}


@dataclass(frozen=True)
class Listener:
    """The served models, loaded, and how to run a job's tasks with them."""

    models: dict[str, Model]
    default_model: str

    def __call__(self, work: Work) -> dict[TaskName, Outcome]:
        options = work.options
        model = self.models[options.classify.model or self.default_model]
        shown = options.features.layers if TaskName.FEATURES in work.claim.tasks else ()
        span_s = options.explain.span_s if TaskName.EXPLAIN in work.claim.tasks else None
        with EvidenceRecorder(model, options.explain.layer, shown, span_s) as recorder:
            with Recording(work.file) as recording, work.timed("model_s"):
                blocks = recording.mono(model.front_end.settings.sample_rate_hz)
                duration_s = work.claim.track.duration_s
                look = recorder if _WITNESSED & set(work.claim.tasks) else None
                heard = run_inference(
                    model, blocks, lambda done_s: work.report(min(1.0, done_s / duration_s), "listening"), look
                )
            run: dict[TaskName, Callable[[], Outcome]] = {
                TaskName.CLASSIFY: lambda: self._classify(work, model, heard, recording),
                TaskName.EMBED: lambda: self._embed(work, model, heard),
                TaskName.EXPLAIN: lambda: explain_task(work, recorder, heard),
                TaskName.FEATURES: lambda: features_task(work, recorder, heard),
            }
            return {task: outcome_of(run[task]) for task in work.claim.tasks}

    def _classify(self, work: Work, model: Model, heard: Prediction, recording: Recording) -> Outcome:
        found = heard.classification(work.options.classify.top_k)
        body = {
            "model": {"name": model.manifest.name, "digest": model.digest},
            **found,
            "duration_s": round(recording.decoded_s, 3),
            "warnings": recording.warnings,
        }
        label = None if found["unknown"] else found["top"][0]["label"]
        return Outcome(body, None, model.manifest.name, model.digest, label=label, labels_track=True)

    def _embed(self, work: Work, model: Model, heard: Prediction) -> Outcome:
        vectors = {WHOLE_TRACK: heard.embedding.tolist()}
        body = {"model": {"name": model.manifest.name, "digest": model.digest}, "dim": len(vectors[WHOLE_TRACK])}
        if work.options.embed.stems:
            with work.timed("stems_s"):
                stems = embedded_stems(work, model)
            vectors |= stems
            body["stems"] = list(stems)
        if work.options.embed.return_vector:
            body["vector"] = vectors[WHOLE_TRACK]
        return Outcome(body, None, model.manifest.name, model.digest, vectors=vectors)


def prepare(settings: Settings) -> tuple[str, Handler]:
    """Loads every served model onto the device and warms it up.

    Raises:
        InvalidManifest, WeightsMismatch: a model cannot be served.
        UnknownModel: the default model is not there.
    """
    device = choose_device(settings.device)
    catalogue = Catalogue(settings.more_models_dir, settings.models_dir)
    catalogue.get(settings.default_model)
    models = {name: load_model(catalogue.folder(name), device) for name in catalogue.manifests}
    for model in models.values():
        model.warm_up()
    warm_up()
    return device.type, Listener(models, settings.default_model)
