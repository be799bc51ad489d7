"""The ``classify`` task: labels of the whole recording and of each window."""

from __future__ import annotations

from phonoscope.work import Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_worker import Work


def classify_task(work: Work, shared: Pass) -> Outcome:
    """The labels from the passes that all tasks share."""
    body = {
        **shared.answers.body(work.options.classify.top_k),
        "duration_s": round(shared.recording.decoded_s, 3),
        "warnings": shared.warnings,
    }
    return Outcome(body, None, body["model"]["name"], body["model"]["digest"])
