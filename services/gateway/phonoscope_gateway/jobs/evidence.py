"""Rules for asking why: what can be explained of which model and which recording."""

from __future__ import annotations

from phonoscope.catalogue import Manifest
from phonoscope.catalogue.architectures import layer_names
from phonoscope.contract import JobRequest
from phonoscope.errors import InvalidRequest, UnknownLayer
from phonoscope.states import TaskName


def check_evidence(manifest: Manifest, request: JobRequest) -> None:
    """Raises ``UnknownLabel`` or ``UnknownLayer``, which name those that the model has."""
    options = request.options
    if options.explain.label is not None:
        manifest.label_index(options.explain.label)
    known = layer_names(manifest.architecture)
    for layer in options.features.layers:
        if layer not in known:
            raise UnknownLayer.choice("layers", layer, known)
    if len(set(options.features.layers)) != len(options.features.layers):
        raise InvalidRequest.field("layers", "each layer at most once")


def check_span(duration_s: float, request: JobRequest) -> None:
    """Raises ``InvalidRequest`` for a stretch that begins behind the recording's end."""
    span_s = request.options.explain.span_s
    if TaskName.EXPLAIN in request.tasks and span_s is not None and span_s[0] >= duration_s:
        raise InvalidRequest.field("start_s", f"the recording lasts {duration_s:.3f} s")
