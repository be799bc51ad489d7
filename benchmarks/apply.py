"""Measures how long a classifier of an owner's own takes to label a library, from the vectors that are kept of it.

Starts a local stack's servers and fills them with recordings whose windows are drawn from some clusters; a classifier
is taught on a few, and applied as a worker of the CPU pool applies it: once to a library that it never saw, once more,
and once in another version. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psutil
from common import machine
from numpy.typing import NDArray
from own_library import OWNER, OwnLibrary, Ran, keep_vectors, own_library, units
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from phonoscope.catalogue import BodyManifest, BodyRef, Catalogue
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.db.tasks.windows import space_id
from phonoscope.paths import bundled
from phonoscope.states import Lane, TaskName
from phonoscope_cpu.applying import apply_task
from phonoscope_ml.teaching import Examples, teach, to_files

_NAME = "bench"
_SPREAD = 0.7
_TAUGHT = 20
"""Windows of each label that the classifier is taught on."""
_BASES = 5_000
"""Different windows of which the library is made."""

_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    SELECT md5(n::text), :space_id, position, :owner_id, 2.5 * position, 2.5 * position + 5, vector, '{}/1000000'
    FROM generate_series(1, :tracks) AS n, generate_series(0, :windows - 1) AS position
    JOIN bases ON true WHERE bases.id = (n * 7919 + position / 4) % :bases
    """
)


def main() -> None:
    with own_library() as library:
        _measure(library, _arguments())


def _measure(library: OwnLibrary, arguments: argparse.Namespace) -> None:
    body, rng = Catalogue(bundled("models")).bodies["mobilenet"], np.random.default_rng(1)
    centres = rng.standard_normal((arguments.labels, 512))
    of = rng.integers(arguments.labels, size=_BASES)
    vectors = units(centres[of] + _SPREAD * rng.standard_normal((_BASES, 512)))
    library.add_tracks(1, arguments.tracks, arguments.windows)
    with library.database.transaction() as session:
        _fill(session, body, vectors, arguments)
    library.analyze()
    labels = [f"label {number}" for number in range(arguments.labels)]
    measured: list[tuple[str, Ran]] = []
    for what, version in (("to a new library", 1), ("again", 1), ("in another version", 2)):
        some = np.concatenate([rng.permutation(np.flatnonzero(of == label))[:_TAUGHT] for label in range(len(labels))])
        examples = Examples.one_label(vectors[some], of[some], np.arange(len(some)))
        taught = teach(labels, examples, several=False)
        if version not in {ran.body["version"] for _, ran in measured}:
            manifest, weights = to_files(taught, _NAME, version, BodyRef(name=body.name, digest=body.digest))
            with library.database.transaction() as session:
                _keep(session, version, manifest.model_dump(mode="json"), weights)
        measured.append((what, library.run(TaskName.APPLY, Lane.LONG, {"classifier": _NAME}, apply_task)))
    windows = arguments.tracks * arguments.windows
    rss = psutil.Process().memory_info().rss / 1e6
    print(f"{machine()}; {arguments.tracks:,} recordings, {windows:,} windows, {len(labels)} labels; {rss:.0f} MB")
    print("\n| applied | changed | unknown | seconds | of CPU | reading | labelling | writing | longest part |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(_row(what, ran) for what, ran in measured))


def _row(what: str, ran: Ran) -> str:
    parts = " | ".join(f"{ran.timings.get(name, 0.0):.1f}" for name in ("read_s", "label_s", "write_s"))
    counts = f"{ran.body['changed']:,} | {ran.body['unknown']:,}"
    return f"| {what} | {counts} | {ran.seconds:.1f} | {ran.cpu_s:.1f} | {parts} | {ran.longest_s:.2f} |"


def _fill(session: Session, body: BodyManifest, vectors: NDArray[np.float32], arguments: argparse.Namespace) -> None:
    keep_vectors(session, "bases", vectors)
    counts = {"owner_id": OWNER, "tracks": arguments.tracks, "windows": arguments.windows, "bases": _BASES}
    session.execute(_WINDOWS, {**counts, "space_id": space_id(session, body.space)})
    facts = {"model": body.name, "digest": body.space.digest, "several": False, "spec": {}}
    session.add(ClassifierRow(id="cls_bench", owner_id=OWNER, name=_NAME, state="ready", **facts))


def _keep(session: Session, version: int, manifest: dict[str, Any], weights: bytes) -> None:
    values = {"manifest": manifest, "weights": weights, "figures": {}, "read_at": datetime.now(UTC)}
    session.add(ClassifierVersionRow(classifier_id="cls_bench", version=version, **values))
    session.execute(update(ClassifierRow).values(version=version))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--windows", type=int, default=10, help="of each recording")
    parser.add_argument("--labels", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
