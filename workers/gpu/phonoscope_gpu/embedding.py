"""The ``embed`` task: a unit vector of the recording, and of each of its stems."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from phonoscope.audio.decode import Recording
from phonoscope.errors import NoStems
from phonoscope.work import WHOLE_TRACK, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.inference import run_inference
from phonoscope_ml.registry import Model
from phonoscope_worker import Work


def embed_task(work: Work, given: Pass) -> Outcome:
    """The recording's vector, from the pass that all tasks share.

    Raises ``NoStems`` when the stems' vectors are asked for and there are no stems.
    """
    model = given.model
    vectors = {WHOLE_TRACK: given.prediction.embedding.tolist()}
    body = {"model": {"name": model.manifest.name, "digest": model.digest}, "dim": len(vectors[WHOLE_TRACK])}
    if work.options.embed.stems:
        with work.timed("stems_s"):
            stems = embedded_stems(work, model)
        vectors |= stems
        body["stems"] = list(stems)
    if work.options.embed.return_vector:
        body["vector"] = vectors[WHOLE_TRACK]
    return Outcome(body, None, model.manifest.name, model.digest, vectors=vectors)


def embedded_stems(work: Work, model: Model) -> dict[str, list[float]]:
    """A unit vector for each stem of the track's newest separation; a silent one has no place and is left out.

    Raises ``NoStems`` when there is none.
    """
    vectors = {}
    with ExitStack() as opened:
        files = {name: opened.enter_context(file) for name, file in work.stems().items()}
        if not files:
            raise NoStems("the track has no stems to embed; name the task `separate` beside `embed`")
        for place, (name, file) in enumerate(files.items()):
            with Recording(file) as recording:
                blocks = recording.mono(model.front_end.settings.sample_rate_hz)
                heard = run_inference(model, blocks, partial(_report, work, place, len(files)))
            if not heard.silent.all():
                vectors[name] = heard.embedding.tolist()
    return vectors


def _report(work: Work, place: int, stems: int, done_s: float) -> None:
    within = min(1.0, done_s / work.claim.track.duration_s)
    work.report((place + within) / stems, "listening to stems")
