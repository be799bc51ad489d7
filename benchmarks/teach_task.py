"""Times the whole task that teaches a classifier, on a library in PostgreSQL, for ``benchmarks/teach.py``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from own_library import OWNER, OwnLibrary, Ran, keep_vectors, own_library, units
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.catalogue import BodyManifest, Catalogue
from phonoscope.contract.classifiers import TeachRequest
from phonoscope.db.classifiers.spec import as_kept
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.tasks.windows import space_id
from phonoscope.paths import bundled
from phonoscope.states import Lane, TaskName
from phonoscope_cpu.teaching import teach_task

_NOISES = 997
_SPREAD = 0.02
"""Of a number of a window's vector about that of its recording."""
_STAGES = ("gather_s", "group_s", "teach_s", "choose_s")

# The first one is no noise: a recording of one window is as it is given.
_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    SELECT md5(n::text), :space_id, position, :owner_id, 2.5 * position, 2.5 * position + 5,
           l2_normalize(own.vector + noise.vector), '{}/1000000'
    FROM generate_series(:first, :last) AS n CROSS JOIN generate_series(0, :windows - 1) AS position
    JOIN own ON own.id = n - :first
    JOIN noise ON noise.id = CASE WHEN :windows = 1 THEN 0 ELSE 1 + (n * :windows + position) % :noises END
    """
)
_TRACK_VECTORS = text(
    """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
    SELECT md5(n::text), :owner_id, :model, :digest, l2_normalize(own.vector + noise.vector)
    FROM generate_series(:first, :last) AS n JOIN own ON own.id = n - :first
    JOIN noise ON noise.id = CASE WHEN :windows = 1 THEN 0 ELSE 1 + n % :noises END
    """
)
_FINGERPRINTS = text(
    """
    INSERT INTO acoustic_fingerprints (track_id, owner_id, duration_s, words)
    SELECT md5(n::text), :owner_id, 2.5 * (:windows + 1), (
        SELECT string_agg(decode(md5(n || ' ' || part), 'hex'), '') FROM generate_series(1, 5 * (:windows + 1)) AS part)
    FROM generate_series(:first, :last) AS n
    """
)
_SAY = text(
    """
    INSERT INTO annotations (track_id, owner_id, label, state)
    SELECT md5((:first + at - 1)::text), :owner_id, label, 'confirmed'
    FROM unnest(CAST(:labels AS text[])) WITH ORDINALITY AS said (label, at)
    """
)


@dataclass(frozen=True)
class Part:
    """Recordings of a library, of which one classifier is taught; the others are strangers to it.

    Shape:
        - vectors: ``(recordings, 512)``, float32, of length 1
        - labels: ``(recordings,)``, indices
    """

    what: str
    name: str
    vectors: NDArray[np.float32]
    labels: NDArray[np.int64]
    windows: int

    @property
    def said(self) -> list[str]:
        """The label of each recording, which no other part has."""
        return [f"{self.name} {label}" for label in self.labels]


def print_tasks(parts: list[Part]) -> None:
    """Fills one library with all parts and prints what each one's teaching takes."""
    with own_library() as library:
        first = 1
        for part in parts:
            last = first + len(part.labels) - 1
            library.add_tracks(first, last, part.windows)
            with library.database.transaction() as session:
                _fill(session, Catalogue(bundled("models")).bodies["mobilenet"], part, first)
            first = last + 1
        library.analyze()
        ran = [(part.what, _taught(library, part.name)) for part in parts]
    print("| taught in a task | seconds | of CPU | gathering | near-duplicates | teaching | choosing | writing |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(_row(what, one) for what, one in ran))


def _taught(library: OwnLibrary, name: str) -> Ran:
    return library.run(
        TaskName.TEACH, Lane.SHORT, {"classifier": name}, partial(teach_task, catalogue=Catalogue(bundled("models")))
    )


def _row(what: str, ran: Ran) -> str:
    stages = " | ".join(f"{ran.timings[stage]:.1f}" for stage in _STAGES)
    return f"| {what} | {ran.seconds + ran.end_s:.1f} | {ran.cpu_s:.1f} | {stages} | {ran.end_s:.1f} |"


def _fill(session: Session, body: BodyManifest, part: Part, first: int) -> None:
    noise = _SPREAD * np.random.default_rng(0).standard_normal((_NOISES + 1, 512), dtype=np.float32)
    noise[0] = 0.0
    keep_vectors(session, "own", units(part.vectors))
    keep_vectors(session, "noise", noise)
    of = {"owner_id": OWNER, "first": first, "last": first + len(part.labels) - 1, "windows": part.windows}
    session.execute(_WINDOWS, {**of, "noises": _NOISES, "space_id": space_id(session, body.space)})
    session.execute(_TRACK_VECTORS, {**of, "noises": _NOISES, "model": body.space.model, "digest": body.space.digest})
    session.execute(_FINGERPRINTS, of)
    session.execute(_SAY, {**of, "labels": part.said})
    kept = as_kept(TeachRequest(labels=sorted(set(part.said))), body.name)
    facts = {"model": body.space.model, "digest": body.space.digest, "several": False, "spec": kept}
    session.add(ClassifierRow(id=f"cls_{part.name}", owner_id=OWNER, name=part.name, state="teaching", **facts))
