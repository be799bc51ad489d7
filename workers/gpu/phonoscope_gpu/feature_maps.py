"""The ``features`` task: feature maps of each layer, in the recording's strongest window."""

from __future__ import annotations

from phonoscope.audio import arrays
from phonoscope.drawing import sheets
from phonoscope.drawing.sheets import draw_sheet
from phonoscope.errors import UnknownLayer
from phonoscope.work import Artifact, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.features import FeatureMaps
from phonoscope_worker import Work


def features_task(work: Work, shared: Pass) -> Outcome:
    """The feature maps of the window in which the recording's most probable label is strongest.

    Raises ``UnknownLayer`` when the model's network has no such layer.
    """
    options, model, prediction = work.options.features, shared.model, shared.prediction
    for layer in options.layers or []:
        if layer not in model.network.depths.names:
            raise UnknownLayer.choice("layers", layer, model.network.depths.names)
    with work.timed("features_s"):
        batch = shared.recorder.strongest(model.manifest.label_index(prediction.label))
        (index,) = batch.indices
        window = batch.windows[index]
    with work.timed("draw_s"):
        made = _arrays(batch.features, index) if "arrays" in options.artifacts else None
        images = {
            found.name: _sheet(found, index, prediction.label)
            for found in batch.features
            if "images" in options.artifacts
        }
    body = {
        "model": {"name": model.manifest.name, "digest": model.digest},
        "label": prediction.label,
        "start_s": round(window.start_s, 3),
        "end_s": round(window.end_s, 3),
        "layers": [
            {
                "name": found.name,
                "shape": list(found.shape),
                "channels": found.channels[index].tolist(),
                "image": images[found.name].reference if found.name in images else None,
            }
            for found in batch.features
        ],
        "arrays": made.reference if made else None,
    }
    artifacts = (*images.values(), *([made] if made else []))
    return Outcome(body, None, model.manifest.name, model.digest, artifacts=artifacts)


def _sheet(found: FeatureMaps, index: int, label: str) -> Artifact:
    count, rows, columns = found.shape
    title = f"{found.name}: {count} channels of {rows} x {columns}, label {label}"
    captions = ["mean of all", *(f"channel {channel}" for channel in found.channels[index])]
    image = draw_sheet(title, captions, [found.mean[index], *found.strongest[index]])
    return Artifact(f"{found.name}.png", "features", sheets.MEDIA_TYPE, image)


def _arrays(features: list[FeatureMaps], index: int) -> Artifact:
    """The arrays ``<layer>.mean``, ``<layer>.channels`` and ``<layer>.strongest`` of every layer."""
    values = {
        f"{found.name}.{kind}": getattr(found, kind)[index]
        for found in features
        for kind in ("mean", "channels", "strongest")
    }
    return Artifact("features.npz", "features", arrays.MEDIA_TYPE, arrays.packed(values))
