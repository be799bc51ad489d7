"""The ``embed`` task: unit vectors of the recording, of its stems and of their windows, and an acoustic fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.errors import NoStems
from phonoscope.windows import HeardLabels, Windows
from phonoscope.work import WHOLE_TRACK, Outcome, Space
from phonoscope_gpu.shared_pass import Pass
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import BodyPass, Prediction, predict, run_body
from phonoscope_ml.networks import EMBEDDING_DIM
from phonoscope_ml.registry import Model
from phonoscope_worker import Work


def embed_task(work: Work, shared: Pass) -> Outcome:
    """The recording's vectors from the passes that all tasks share, and its stems' vectors; silence has none.

    They are kept to be compared with others only where no other audio track was named than the track's own.

    Raises ``NoStems`` when the stems' vectors are requested and the track has no stems.
    """
    asked, spaces = work.options.embed, shared.spaces
    heard = {space: {WHOLE_TRACK: shared.listener.heard(listening)} for space, listening in spaces.items()}
    stems: list[str] = []
    if asked.stems:
        with work.timed("stems_s"):
            for space, in_stems in hear_stems(work, spaces).items():
                heard[space] |= in_stems
        stems = [name for name in next(iter(heard.values())) if name != WHOLE_TRACK]
    vectors = {space: {name: _listed(one.embedding) for name, one in passes.items()} for space, passes in heard.items()}
    known = [space for space, by_stem in vectors.items() if by_stem[WHOLE_TRACK] is not None]
    first = next(iter(spaces))
    keeps = work.options.audio_track is None
    windows = _windows(shared, heard) if asked.windows and keeps else {}
    body: dict[str, Any] = {
        "model": {"name": first.model, "digest": first.digest},
        "spaces": [{"name": space.model, "digest": space.digest} for space in known if keeps],
        "dim": EMBEDDING_DIM,
        "windows": sum(len(by_stem[WHOLE_TRACK]) for by_stem in windows.values()) if windows else None,
        "silent": not known,
        "warnings": [*shared.left_out],
    }
    if asked.return_vector:
        body["vector"] = vectors[first][WHOLE_TRACK]
    if asked.stems:
        body["stems"] = [name for name in stems if vectors[first][name] is not None]
        body["silent_stems"] = [name for name in stems if vectors[first][name] is None]
    if not keeps:
        return Outcome(body, None, first.model, first.digest)
    acoustic = shared.listener.acoustic
    return Outcome(body, None, first.model, first.digest, vectors=vectors, windows=windows, acoustic=acoustic)


def hear_stems(work: Work, bodies: Mapping[Space, Body]) -> dict[Space, dict[str, BodyPass]]:
    """What bodies hear in each stem of the track's newest separation, which is fetched once.

    Raises ``NoStems`` when the track has no stems.
    """
    heard: dict[Space, dict[str, BodyPass]] = {space: {} for space in bodies}
    with ExitStack() as opened:
        files = {name: opened.enter_context(file) for name, file in work.stems().items()}
        if not files:
            raise NoStems("the track has no stems to embed; name the task `separate` too")
        passes = [(name, space) for name in files for space in bodies]
        for index, (name, space) in enumerate(passes):
            body = bodies[space]
            with ConfinedRecording(files[name], work.claim.track.owner_id) as recording:
                blocks = recording.mono(body.front_end.settings.sample_rate_hz)
                heard[space][name] = run_body(body, blocks, partial(_report, work, index, len(passes)))
    return heard


def _windows(shared: Pass, heard: Mapping[Space, Mapping[str, BodyPass]]) -> dict[Space, dict[str, Windows]]:
    """The windows of the recording and of its stems; of stems, with the labels of heads on that body alone."""
    # The labels of an owner's own head are its owner's alone, and each teaching would add to those of all.
    heads = [model for model in shared.heads() if not model.own]
    found: dict[Space, dict[str, Windows]] = {}
    for space, body in shared.spaces.items():
        own = [model for model in heads if model.body.identity == body.identity]
        found[space] = {}
        for stem, one in heard[space].items():
            fitting = [model for model in own if stem == WHOLE_TRACK or not model.others]
            passes = [[one, *(shared.listener.heard(other) for other in model.others)] for model in fitting]
            predicted = [predict(model, each) for model, each in zip(fitting, passes, strict=True)]
            found[space][stem] = _kept(one, list(zip(fitting, predicted, strict=True)))
    return found


def _kept(heard: BodyPass, predictions: Sequence[tuple[Model, Prediction]]) -> Windows:
    """The windows that are not silent."""
    kept = np.flatnonzero(~heard.silent & heard.vectors.any(axis=1))
    return Windows(
        positions=kept,
        spans_s=np.array(heard.spans_s)[kept],
        vectors=heard.vectors[kept].astype(np.float32),
        heads=tuple(
            HeardLabels(model.manifest.name, model.digest, model.manifest.labels, prediction.probabilities[kept])
            for model, prediction in predictions
        ),
    )


def _listed(vector: NDArray[np.float32] | None) -> list[float] | None:
    return None if vector is None else vector.tolist()


def _report(work: Work, index: int, passes: int, done_s: float) -> None:
    within = min(1.0, done_s / work.claim.track.duration_s)
    work.report((index + within) / passes, "listening to stems")
