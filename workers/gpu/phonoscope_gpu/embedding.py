"""The ``embed`` task: unit vectors of the recording, and of its stems."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.errors import NoStems
from phonoscope.work import WHOLE_TRACK, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import run_body
from phonoscope_worker import Work


def embed_task(work: Work, shared: Pass) -> Outcome:
    """The recording's vectors from the passes that all tasks share, and its stems' vectors.

    They are kept to be compared with others only where no other audio track was named than the track's own.

    Raises ``NoStems`` when the stems' vectors are requested and the track has no stems.
    """
    spaces = shared.spaces
    vectors = {space: {WHOLE_TRACK: shared.listener.heard(body).embedding.tolist()} for space, body in spaces.items()}
    first = next(iter(spaces))
    keeps = work.options.audio_track is None
    body = {
        "model": {"name": first.model, "digest": first.digest},
        "spaces": [{"name": space.model, "digest": space.digest} for space in spaces if keeps],
        "dim": len(vectors[first][WHOLE_TRACK]),
    }
    if work.options.embed.return_vector:
        body["vector"] = vectors[first][WHOLE_TRACK]
    if work.options.embed.stems:
        with work.timed("stems_s"):
            for space, heard_by in spaces.items():
                vectors[space] |= embedded_stems(work, heard_by)
        body["stems"] = [stem for stem in vectors[first] if stem != WHOLE_TRACK]
    return Outcome(body, None, first.model, first.digest, vectors=vectors if keeps else {})


def embedded_stems(work: Work, body: Body) -> dict[str, list[float]]:
    """A unit vector for each stem of the track's newest separation; silent stems have none.

    Raises ``NoStems`` when the track has no stems.
    """
    vectors = {}
    with ExitStack() as opened:
        files = {name: opened.enter_context(file) for name, file in work.stems().items()}
        if not files:
            raise NoStems("the track has no stems to embed; name the task `separate` too")
        for index, (name, file) in enumerate(files.items()):
            with ConfinedRecording(file, work.claim.track.owner_id) as recording:
                blocks = recording.mono(body.front_end.settings.sample_rate_hz)
                heard = run_body(body, blocks, partial(_report, work, index, len(files)))
            if not heard.silent.all():
                vectors[name] = heard.embedding.tolist()
    return vectors


def _report(work: Work, index: int, stems: int, done_s: float) -> None:
    within = min(1.0, done_s / work.claim.track.duration_s)
    work.report((index + within) / stems, "listening to stems")
