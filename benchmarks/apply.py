"""Measures how long a classifier of an owner's own takes to label a library, from the vectors that are kept of it.

Starts a local stack's servers and fills them with recordings whose windows are drawn from some clusters; a classifier
is taught on a few, and applied as a worker of the CPU pool applies it: once to a library that it never saw, once more,
and once in another version. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from common import machine, servers
from numpy.typing import NDArray
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from phonoscope.catalogue import BodyManifest, BodyRef, Catalogue
from phonoscope.contract import JobOptions
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.classifiers.applying import begin_labelling
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.tasks.windows import space_id
from phonoscope.paths import bundled
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.work import Claim, Library
from phonoscope_cpu.applying import apply_task
from phonoscope_ml.teaching import Examples, teach, to_files
from phonoscope_worker import Work

_OWNER = "own_bench"
_NAME = "bench"
_SPREAD = 0.7
_TAUGHT = 20
"""Windows of each label that the classifier is taught on."""
_AT_ONCE = 1_000
"""Tracks that are stored in one transaction."""
_BASES = 5_000
"""Different windows of which the library is made."""

_KEEP_BASES = text(
    "INSERT INTO bases SELECT n - 1, CAST(vector AS halfvec) "
    "FROM unnest(CAST(:vectors AS text[])) WITH ORDINALITY AS given (vector, n)"
)
_TRACKS = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT md5(n::text), :owner_id, n::text, n || '.wav', 1, 'audio/wav', 'wav', 'pcm_s16le', 1, 1,
           2.5 * (:windows + 1), '[]', n::text
    FROM generate_series(:first, :last) AS n
    """
)
_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    SELECT md5(n::text), :space_id, position, :owner_id, 2.5 * position, 2.5 * position + 5, vector, '{}/1000000'
    FROM generate_series(1, :tracks) AS n, generate_series(0, :windows - 1) AS position
    JOIN bases ON true WHERE bases.id = (n * 7919 + position / 4) % :bases
    """
)


@dataclass
class Measured:
    """One application."""

    what: str
    body: dict[str, Any]
    seconds: float
    timings: dict[str, float]
    longest_s: float
    cpu_s: float

    @property
    def row(self) -> str:
        parts = " | ".join(f"{self.timings.get(name, 0.0):.1f}" for name in ("read_s", "label_s", "write_s"))
        counts = f"{self.body['changed']:,} | {self.body['unknown']:,}"
        return f"| {self.what} | {counts} | {self.seconds:.1f} | {self.cpu_s:.1f} | {parts} | {self.longest_s:.2f} |"


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "stack"
        with servers(folder) as settings:
            url = settings.database_url.get_secret_value()
            migrate(url)
            database = Database(url, pool_size=2)
            _measure(database, _server(folder), arguments)
            database.close()


def _measure(database: Database, server: psutil.Process, arguments: argparse.Namespace) -> None:
    body, rng = Catalogue(bundled("models")).bodies["mobilenet"], np.random.default_rng(1)
    centres = rng.standard_normal((arguments.labels, 512))
    of = rng.integers(arguments.labels, size=_BASES)
    vectors = _units(centres[of] + _SPREAD * rng.standard_normal((_BASES, 512)))
    with database.transaction() as session:
        session.add(OwnerRow(id=_OWNER, name=_OWNER))
    for first in range(1, arguments.tracks + 1, _AT_ONCE):
        # A commit counts what the owner stores, track by track.
        last = min(first + _AT_ONCE - 1, arguments.tracks)
        of_tracks = {"owner_id": _OWNER, "windows": arguments.windows, "first": first, "last": last}
        with database.transaction() as session:
            session.execute(_TRACKS, of_tracks)
    with database.transaction() as session:
        _fill(session, body, vectors, arguments)
    with database.autocommit() as session:
        session.execute(text("VACUUM ANALYZE"))
    labels = [f"label {number}" for number in range(arguments.labels)]
    measured: list[Measured] = []
    for what, version in (("to a new library", 1), ("again", 1), ("in another version", 2)):
        some = np.concatenate([rng.permutation(np.flatnonzero(of == label))[:_TAUGHT] for label in range(len(labels))])
        examples = Examples.one_label(vectors[some], of[some], np.arange(len(some)))
        taught = teach(labels, examples, several=False)
        if version not in {each.body["version"] for each in measured}:
            manifest, weights = to_files(taught, _NAME, version, BodyRef(name=body.name, digest=body.digest))
            with database.transaction() as session:
                _keep(session, version, manifest.model_dump(mode="json"), weights)
        measured.append(_apply(database, server, what))
    windows = arguments.tracks * arguments.windows
    rss = psutil.Process().memory_info().rss / 1e6
    print(f"{machine()}; {arguments.tracks:,} recordings, {windows:,} windows, {len(labels)} labels; {rss:.0f} MB")
    print("\n| applied | changed | unknown | seconds | of CPU | reading | labelling | writing | longest part |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(each.row for each in measured))


def _apply(database: Database, server: psutil.Process, what: str) -> Measured:
    options = JobOptions.model_validate({"apply": {"classifier": _NAME}}).model_dump(mode="json")
    with database.transaction() as session:
        create_job(session, Library(_OWNER), [TaskName.APPLY], options, {})
    with database.transaction() as session:
        claim = claim_next(session, TaskQueue(Pool.CPU, Lane.LONG), "cpu", "bench")
    assert claim is not None
    started, moments, before = perf_counter(), [perf_counter()], _cpu_s(server)
    work = _work(database, claim, moments)
    outcome = apply_task(work)
    seconds, cpu_s = perf_counter() - started, _cpu_s(server) - before
    assert outcome.body is not None
    with database.transaction() as session:
        end_tasks(session, claim, {TaskName.APPLY: outcome}, {})
    longest_s = float(np.diff(moments).max())
    return Measured(what, outcome.body, seconds, work.timings, longest_s, cpu_s)


def _server(folder: Path) -> psutil.Process:
    """PostgreSQL of a stack, whose children serve the connections."""
    pid = (folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
    return psutil.Process(int(pid))


def _cpu_s(server: psutil.Process) -> float:
    """Of this process and of PostgreSQL's."""
    return sum(sum(each.cpu_times()[:2]) for each in [psutil.Process(), *server.children()])


def _work(database: Database, claim: Claim, moments: list[float]) -> Work:
    def report(_progress: float, _stage: str) -> None:
        moments.append(perf_counter())

    options = JobOptions.model_validate(claim.options)
    return Work(claim, options, io.BytesIO(), report, labelling=lambda name: begin_labelling(database, claim, name))


def _fill(session: Session, body: BodyManifest, vectors: NDArray[np.float32], arguments: argparse.Namespace) -> None:
    session.execute(text("CREATE TEMP TABLE bases (id int PRIMARY KEY, vector halfvec(512)) ON COMMIT DROP"))
    session.execute(_KEEP_BASES, {"vectors": [str(np.round(row, 5).tolist()) for row in vectors]})
    counts = {"owner_id": _OWNER, "tracks": arguments.tracks, "windows": arguments.windows, "bases": _BASES}
    session.execute(_WINDOWS, {**counts, "space_id": space_id(session, body.space)})
    facts = {"model": body.name, "digest": body.space.digest, "several": False, "spec": {}}
    session.add(ClassifierRow(id="cls_bench", owner_id=_OWNER, name=_NAME, state="ready", **facts))


def _keep(session: Session, version: int, manifest: dict[str, Any], weights: bytes) -> None:
    values = {"manifest": manifest, "weights": weights, "figures": {}, "read_at": datetime.now(UTC)}
    session.add(ClassifierVersionRow(classifier_id="cls_bench", version=version, **values))
    session.execute(update(ClassifierRow).values(version=version))


def _units(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    units: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return units


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--windows", type=int, default=10, help="of each recording")
    parser.add_argument("--labels", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
