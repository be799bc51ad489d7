"""The ``explain`` task: the evidence for a label in bands and words, as an array, as an image and as sound."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from phonoscope.audio import arrays
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.encode import FLAC, Encoder
from phonoscope.audio.mel import mel_points
from phonoscope.contract import ExplainOptions
from phonoscope.drawing import overlay
from phonoscope.drawing.overlay import Plane, draw_overlay
from phonoscope.errors import UnknownLayer
from phonoscope.work import Artifact, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.audible import audible
from phonoscope_ml.evidence import Evidence, Heat, between
from phonoscope_ml.explain import Explanation, explain
from phonoscope_ml.inference import Prediction
from phonoscope_ml.stems import read_stems, stem_shares, stem_window
from phonoscope_worker import Work

_LEAST_POWER = 1e-12


def explain_task(work: Work, shared: Pass) -> Outcome:
    """Explains the requested label, by default the recording's most probable one.

    Raises:
        InvalidRequest: the requested stretch starts after the recording's end.
        UnknownLabel, UnknownLayer: the model has no such label, or its network no such layer.
    """
    options, model, prediction = work.options.explain, shared.model, shared.prediction
    known = model.network.depths.layers
    if options.layer is not None and options.layer not in known:
        raise UnknownLayer.choice("layer", options.layer, known)
    with work.timed("explain_s"):
        label = options.label or prediction.label
        found = explain(shared.recorder, label, options.method)
        body = _body(found, options, prediction)
        body["model"] = {"name": model.manifest.name, "digest": model.digest}
    body["stems"] = None
    if options.stems:
        with work.timed("stems_s"):
            body["stems"] = _by_stem(work, found)
    body["trust"] = None
    if options.trust:
        with work.timed("trust_s"):
            body["trust"] = _rounded(found.trust())
    with work.timed("draw_s"):
        made = {kind: _MAKERS[kind](found) for kind in options.artifacts}
    references = {kind: made[kind].reference if kind in made else None for kind in _MAKERS}
    return Outcome(body | references, None, model.manifest.name, model.digest, artifacts=tuple(made.values()))


def _body(found: Explanation, options: ExplainOptions, prediction: Prediction) -> dict[str, Any]:
    start_s, end_s = found.span_s
    return {
        "method": options.method,
        "layer": found.parts[0].heatmaps.layer,
        "label": found.label,
        "probability": round(prediction.probability(found.label), 4),
        "start_s": round(start_s, 3),
        "end_s": round(end_s, 3),
        "stretch": _stretch(options),
        "cell_s": round(found.cell_s, 4),
        "cell_bands": found.cell_bands,
        "silent": found.silent,
        **_reading(found.evidence),
        "windows": [
            {
                "start_s": round(part.window.start_s, 3),
                "end_s": round(part.window.end_s, 3),
                "probability": round(part.probability, 4),
                "silent": part.window.silent,
                **_reading(found.read_part(part)),
            }
            for part in found.parts
        ],
    }


def _stretch(options: ExplainOptions) -> dict[str, float] | None:
    return None if options.span_s is None else dict(zip(("start_s", "end_s"), options.span_s, strict=True))


def _reading(evidence: Evidence) -> dict[str, Any]:
    return {
        "reading": evidence.reading,
        "region": _rounded(evidence.region),
        "bands": [{**asdict(band), "share": round(band.share, 4)} for band in evidence.bands],
    }


def _rounded(figures: Any) -> dict[str, float] | None:
    return None if figures is None else {name: round(value, 4) for name, value in asdict(figures).items()}


def _by_stem(work: Work, found: Explanation) -> dict[str, Any] | None:
    """How the label depends on each stem, in the strongest window; ``None`` without stems or in silence."""
    part, rate_hz = found.strongest, found.model.front_end.settings.sample_rate_hz
    with ExitStack() as opened:
        files = {name: opened.enter_context(file) for name, file in work.stems().items()}
        if not files or part.window.silent:
            return None
        samples = {}
        for name, file in files.items():
            with ConfinedRecording(file, work.claim.track.owner_id) as stem:
                samples[name] = stem_window(audible(stem.mono(rate_hz), rate_hz), rate_hz, part.window)
    shares = stem_shares(found.model, part.network, found.model.manifest.label_index(found.label), part.window, samples)
    return {
        "start_s": round(part.window.start_s, 3),
        "end_s": round(part.window.end_s, 3),
        "probability": round(part.probability, 4),
        "parts": [{"name": one.name, "alone": round(one.alone, 4), "without": round(one.without, 4)} for one in shares],
        "reading": read_stems(shares, found.label, part.probability),
    }


def _heatmap(found: Explanation) -> Artifact:
    values = {
        "heatmap": found.heatmap,
        **vars(found.grid),
        "windows": np.stack([part.heat for part in found.parts]),
        "window_start_s": np.array([part.window.start_s for part in found.parts]),
        "window_probability": np.array([part.probability for part in found.parts]),
    }
    return Artifact("heatmap.npz", "heatmap", arrays.MEDIA_TYPE, arrays.packed(values))


def _overlay(found: Explanation) -> Artifact:
    front_end, (start_s, end_s) = found.model.front_end, found.span_s
    settings = front_end.settings
    with torch.inference_mode():
        power = front_end.mel_power(torch.from_numpy(found.samples)[None].to(found.model.device))[0]
        decibels = 10.0 * torch.log10(power.clamp_min(_LEAST_POWER)).cpu().numpy()
    low_hz, high_hz = settings.f_min_hz, settings.f_max_hz
    image = draw_overlay(
        Plane(_on_mel_rows(decibels - decibels.max(), found), low_hz, high_hz, start_s, end_s),
        Plane(_on_mel_rows(found.heatmap, found), low_hz, high_hz, start_s, end_s),
        title=f"{found.model.manifest.name}: {found.label}",
        caption=found.evidence.reading,
    )
    return Artifact("overlay.png", "overlay", overlay.MEDIA_TYPE, image)


def _on_mel_rows(values: Heat, found: Explanation) -> Heat:
    """Rows of the front end's own mel scale on those of the drawing. Shape: ``(mels, columns)`` to the same."""
    settings = found.model.front_end.settings
    rows = mel_points(settings.f_min_hz, settings.f_max_hz, settings.n_mels + 2)[1:-1]
    return between(rows, found.grid.hertz, values.T).T


def _listen(found: Explanation) -> Artifact:
    file = io.BytesIO()
    with Encoder(file, found.model.front_end.settings.sample_rate_hz, channels=1) as encoder:
        encoder.write(found.sonify()[None])
    return Artifact("listen.flac", "listen", FLAC.media_type, file.getvalue())


_MAKERS = {"heatmap": _heatmap, "overlay": _overlay, "listen": _listen}
