"""The ``embed`` task: unit vectors of the recording and of its stems, and the recording's acoustic fingerprint."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.errors import NoStems
from phonoscope.work import WHOLE_TRACK, Outcome
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import run_body
from phonoscope_ml.networks import EMBEDDING_DIM
from phonoscope_worker import Work


def embed_task(work: Work, shared: Pass) -> Outcome:
    """The recording's vectors from the passes that all tasks share, and its stems' vectors; silence has none.

    They are kept to be compared with others only where no other audio track was named than the track's own.

    Raises ``NoStems`` when the stems' vectors are requested and the track has no stems.
    """
    spaces = shared.spaces
    vectors = {space: {WHOLE_TRACK: _listed(shared.listener.heard(body).embedding)} for space, body in spaces.items()}
    known = [space for space, by_stem in vectors.items() if by_stem[WHOLE_TRACK] is not None]
    first = next(iter(spaces))
    keeps = work.options.audio_track is None
    body = {
        "model": {"name": first.model, "digest": first.digest},
        "spaces": [{"name": space.model, "digest": space.digest} for space in known if keeps],
        "dim": EMBEDDING_DIM,
        "silent": not known,
    }
    if work.options.embed.return_vector:
        body["vector"] = vectors[first][WHOLE_TRACK]
    if work.options.embed.stems:
        with work.timed("stems_s"):
            for space, heard_by in spaces.items():
                vectors[space] |= embedded_stems(work, heard_by)
        stems = {name: vector for name, vector in vectors[first].items() if name != WHOLE_TRACK}
        body["stems"] = [name for name, vector in stems.items() if vector is not None]
        body["silent_stems"] = [name for name, vector in stems.items() if vector is None]
    if not keeps:
        return Outcome(body, None, first.model, first.digest)
    return Outcome(body, None, first.model, first.digest, vectors=vectors, acoustic=shared.listener.acoustic)


def embedded_stems(work: Work, body: Body) -> dict[str, list[float] | None]:
    """A unit vector for each stem of the track's newest separation; ``None`` for silent ones.

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
            vectors[name] = _listed(heard.embedding)
    return vectors


def _listed(vector: NDArray[np.float32] | None) -> list[float] | None:
    return None if vector is None else vector.tolist()


def _report(work: Work, index: int, stems: int, done_s: float) -> None:
    within = min(1.0, done_s / work.claim.track.duration_s)
    work.report((index + within) / stems, "listening to stems")
