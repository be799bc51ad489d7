"""The ``classify`` task: labels of the whole recording and of each window."""

from __future__ import annotations

from phonoscope.work import Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_worker import Work


def classify_task(work: Work, shared: Pass) -> Outcome:
    """The labels from the pass that all tasks share."""
    model = shared.model
    found = shared.prediction.classification(work.options.classify.top_k)
    body = {
        "model": {"name": model.manifest.name, "digest": model.digest},
        **found,
        "duration_s": round(shared.recording.decoded_s, 3),
        "warnings": shared.recording.warnings,
    }
    return Outcome(body, None, model.manifest.name, model.digest)
