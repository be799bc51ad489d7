"""The ``features`` task: what each depth of the network sees, in the recording's strongest window."""

from __future__ import annotations

from phonoscope.audio import arrays
from phonoscope.drawing import sheets
from phonoscope.drawing.sheets import draw_sheet
from phonoscope.work import Artifact, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.features import FeatureMaps
from phonoscope_ml.recorder import EvidenceRecorder, WindowBatch
from phonoscope_worker import Work


def features_task(work: Work, given: Pass) -> Outcome:
    """The maps of the window in which the recording's most probable label is strongest."""
    options, model, heard = work.options.features, given.model, given.prediction
    with work.timed("features_s"):
        batch, place = _strongest(given.recorder, model.manifest.label_index(heard.label))
        window = batch.windows[place]
    with work.timed("draw_s"):
        made = _arrays(batch.features, place) if "arrays" in options.artifacts else None
        images = {
            found.name: _sheet(found, place, heard.label) for found in batch.features if "images" in options.artifacts
        }
    body = {
        "model": {"name": model.manifest.name, "digest": model.digest},
        "label": heard.label,
        "start_s": round(window.start_s, 3),
        "end_s": round(window.end_s, 3),
        "layers": [
            {
                "name": found.name,
                "shape": list(found.shape),
                "channels": found.channels[place].tolist(),
                "image": images[found.name].reference if found.name in images else None,
            }
            for found in batch.features
        ],
        "arrays": made.reference if made else None,
    }
    artifacts = (*images.values(), *([made] if made else []))
    return Outcome(body, None, model.manifest.name, model.digest, artifacts=artifacts)


def _strongest(recorder: EvidenceRecorder, label: int) -> tuple[WindowBatch, int]:
    """A window and its place in its batch; a silent one only where there is no other."""
    batches = recorder.batches(label)
    found = [
        (not batch.windows[at].silent, batch.probabilities(label)[at], batch, at)
        for batch in batches
        for at in batch.indices
    ]
    *_, batch, place = max(found, key=lambda one: one[:2])
    return batch, place


def _sheet(found: FeatureMaps, place: int, label: str) -> Artifact:
    count, rows, columns = found.shape
    title = f"{found.name}: {count} channels of {rows} x {columns}, heard as {label}"
    captions = ["mean of all", *(f"channel {channel}" for channel in found.channels[place])]
    picture = draw_sheet(title, captions, [found.mean[place], *found.strongest[place]])
    return Artifact(f"{found.name}.png", "features", sheets.MEDIA_TYPE, picture)


def _arrays(features: list[FeatureMaps], place: int) -> Artifact:
    """``<layer>.mean``, ``<layer>.channels`` and ``<layer>.strongest`` for every layer."""
    values = {
        f"{found.name}.{kind}": getattr(found, kind)[place]
        for found in features
        for kind in ("mean", "channels", "strongest")
    }
    return Artifact("features.npz", "features", arrays.MEDIA_TYPE, arrays.packed(values))
