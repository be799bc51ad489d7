"""The ``classify`` task: what is heard, over the whole recording and window by window."""

from __future__ import annotations

from phonoscope.work import Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_worker import Work


def classify_task(work: Work, given: Pass) -> Outcome:
    """The labels of the pass that all tasks share."""
    model = given.model
    found = given.prediction.classification(work.options.classify.top_k)
    body = {
        "model": {"name": model.manifest.name, "digest": model.digest},
        **found,
        "duration_s": round(given.recording.decoded_s, 3),
        "warnings": given.recording.warnings,
    }
    return Outcome(body, None, model.manifest.name, model.digest)
