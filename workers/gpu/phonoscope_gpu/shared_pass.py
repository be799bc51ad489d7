"""The pass of the network that all tasks of a job share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from phonoscope.audio.decode import Recording
from phonoscope.states import TaskName
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import BodyPass, Prediction, predict, run_body
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model
from phonoscope_worker import Work

_RECORDED = {TaskName.EXPLAIN, TaskName.FEATURES}
"""Tasks that need the pass's activations."""


@dataclass(frozen=True)
class Pass:
    """A recording's prediction by a model, and the activations recorded for evidence."""

    model: Model
    recording: Recording
    prediction: Prediction
    recorder: EvidenceRecorder


@contextmanager
def shared_pass(work: Work, model: Model) -> Iterator[Pass]:
    """Decodes the recording once and runs the network over its windows once.

    Raises ``RecordingError`` when it cannot be decoded.
    """
    options, tasks = work.options, set(work.claim.tasks)
    layers = options.features.layers if TaskName.FEATURES in tasks else ()
    span_s = options.explain.span_s if TaskName.EXPLAIN in tasks else None
    duration_s = work.claim.track.duration_s

    def report(done_s: float) -> None:
        work.report(min(1.0, done_s / duration_s), "listening")

    with work.timed("model_s"):
        others = [_heard(work, body) for body in model.others]
    with EvidenceRecorder(model, options.explain.layer, layers, span_s, others) as recorder:
        with Recording(work.file) as recording, work.timed("model_s"):
            blocks = recording.mono(model.front_end.settings.sample_rate_hz)
            heard = run_body(model.body, blocks, report, recorder if _RECORDED & tasks else None)
            prediction = predict(model, [heard, *others])
        yield Pass(model, recording, prediction, recorder)


def _heard(work: Work, body: Body) -> BodyPass:
    """What another of the head's bodies hears in the recording, at its own rate."""
    with Recording(work.file) as recording:
        return run_body(body, recording.mono(body.front_end.settings.sample_rate_hz))
