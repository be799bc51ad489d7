"""The ``classify`` task: labels of the whole recording and of each window."""

from __future__ import annotations

from phonoscope.work import Outcome
from phonoscope_gpu.asking import asked_labels
from phonoscope_gpu.shared_pass import Pass
from phonoscope_worker import Work


def classify_task(work: Work, shared: Pass) -> Outcome:
    """The labels from the passes that all tasks share."""
    asked = work.options.classify
    body = {
        **shared.answers.body(asked.top_k),
        "asked": asked_labels(asked.labels, asked.top_k, shared.words, shared) if asked.labels else None,
        "duration_s": round(shared.recording.decoded_s, 3),
        "warnings": shared.warnings,
    }
    return Outcome(body, None, body["model"]["name"], body["model"]["digest"])
