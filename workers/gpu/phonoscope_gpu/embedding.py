"""The ``embed`` task: a unit vector of the recording, and of its stems."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from phonoscope.audio.decode import Recording
from phonoscope.errors import NoStems
from phonoscope.work import WHOLE_TRACK, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.inference import run_body
from phonoscope_ml.registry import Model
from phonoscope_worker import Work


def embed_task(work: Work, shared: Pass) -> Outcome:
    """The recording's vector from the pass that all tasks share, and its stems' vectors.

    Raises ``NoStems`` when the stems' vectors are requested and the track has no stems.
    """
    model, space = shared.model, shared.model.space
    vectors = {WHOLE_TRACK: shared.prediction.embedding.tolist()}
    body = {"model": {"name": space.model, "digest": space.digest}, "dim": len(vectors[WHOLE_TRACK])}
    if work.options.embed.stems:
        with work.timed("stems_s"):
            stems = embedded_stems(work, model)
        vectors |= stems
        body["stems"] = list(stems)
    if work.options.embed.return_vector:
        body["vector"] = vectors[WHOLE_TRACK]
    return Outcome(body, None, space.model, space.digest, vectors=vectors)


def embedded_stems(work: Work, model: Model) -> dict[str, list[float]]:
    """A unit vector for each stem of the track's newest separation; silent stems have none.

    Raises ``NoStems`` when the track has no stems.
    """
    vectors = {}
    with ExitStack() as opened:
        files = {name: opened.enter_context(file) for name, file in work.stems().items()}
        if not files:
            raise NoStems("the track has no stems to embed; name the task `separate` too")
        for index, (name, file) in enumerate(files.items()):
            with Recording(file) as recording:
                blocks = recording.mono(model.front_end.settings.sample_rate_hz)
                heard = run_body(model.body, blocks, partial(_report, work, index, len(files)))
            if not heard.silent.all():
                vectors[name] = heard.embedding.tolist()
    return vectors


def _report(work: Work, index: int, stems: int, done_s: float) -> None:
    within = min(1.0, done_s / work.claim.track.duration_s)
    work.report((index + within) / stems, "listening to stems")
