"""Vectors on a plane, and the task that puts them there."""

from __future__ import annotations

import io
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from phonoscope.catalogue import Catalogue
from phonoscope.contract import JobOptions
from phonoscope.errors import OutOfMemory, UnknownModel
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope.work import Claim, Library, Outcome
from phonoscope_cpu.layout import FEWEST, Vectors, lay_out, lay_out_in_process
from phonoscope_cpu.mapping import map_task
from phonoscope_worker import Work

GROUPS = 3
SERVED = Catalogue(bundled("models"))
SPACE = SERVED.get("environment-10").space


def grouped(count: int) -> Vectors:
    """Unit vectors in three directions, in turn."""
    rng = np.random.default_rng(1)
    vectors = np.eye(GROUPS, 512)[np.arange(count) % GROUPS] + rng.normal(scale=0.01, size=(count, 512))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


def neighbours_are_alike(points: np.ndarray) -> bool:
    """Whether the nearest other point of each is of the same direction."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return bool((apart.argmin(axis=1) % GROUPS == np.arange(len(points)) % GROUPS).all())


def work_with(vectors: Vectors, model: str = "environment-10") -> Work:
    """The claimed task of an owner with these tracks."""
    claim = Claim("lse_1", "job_1", Library("own_1"), {TaskName.MAP: "t"}, {}, 1)
    options = JobOptions.model_validate({"map": {"model": model}})
    tracks = {f"trk_{place}": vector for place, vector in enumerate(vectors)}
    return Work(claim, options, io.BytesIO(), lambda *_: None, vectors=lambda space: (space, tracks))


@pytest.mark.parametrize("count", [1, 2, 3, FEWEST - 1])
def test_few_are_laid_out_by_their_components(count: int) -> None:
    """In the square, finite, the same every time, and alike near alike."""
    layout = lay_out(grouped(count))
    assert (layout.method, layout.trustworthiness, layout.points.shape) == ("pca", None, (count, 2))
    assert np.abs(layout.points).max() <= 1.0
    assert np.array_equal(layout.points, lay_out(grouped(count)).points)
    if count > 2 * GROUPS:
        assert neighbours_are_alike(layout.points)


def test_equal_vectors_lie_in_one_place() -> None:
    """Nothing is divided by zero."""
    assert np.array_equal(lay_out(np.ones((5, 512), dtype=np.float32)).points, np.zeros((5, 2)))


@pytest.mark.long
def test_many_are_laid_out_so_that_alike_is_near(cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By UMAP in a process of its own, which leaves this one as it was."""
    # Nearly all of the time is Numba's, which compiles for 60 points.
    monkeypatch.setenv("NUMBA_OPT", "0")
    shares: list[float] = []
    layout = lay_out_in_process(grouped(60), cache_dir / "numba", shares.append)
    assert shares
    assert shares == sorted(shares)
    assert (shares[0] >= 0.0, shares[-1]) == (True, 1.0)
    assert (layout.method, layout.points.shape) == ("umap", (60, 2))
    assert np.abs(layout.points).max() == pytest.approx(1.0)
    assert neighbours_are_alike(layout.points)
    assert layout.trustworthiness is not None
    assert 0.8 < layout.trustworthiness <= 1.0


def test_the_task_places_every_track(tmp_path: Path) -> None:
    """Each by its id; the result says how, and names the space."""
    outcome = map_task(work_with(grouped(6)), SERVED, tmp_path)
    assert outcome.body == {"method": "pca", "tracks": 6, "trustworthiness": None, "model": SPACE.model}
    assert list(outcome.points) == [f"trk_{place}" for place in range(6)]
    assert (outcome.model_name, outcome.model_digest) == (SPACE.model, SPACE.digest)
    assert outcome.artifacts == ()


def test_an_empty_library_has_an_empty_map(tmp_path: Path) -> None:
    """Which is no failure."""
    outcome = map_task(work_with(grouped(0)), SERVED, tmp_path)
    body = {"method": "pca", "tracks": 0, "trustworthiness": None, "model": SPACE.model}
    assert outcome == Outcome(body, None, SPACE.model, SPACE.digest)


def test_a_model_that_is_not_served_has_no_map(tmp_path: Path) -> None:
    """Nobody could say which vectors are its own; the error names those that are served."""
    with pytest.raises(UnknownModel, match="served: environment-10, environment-50"):
        map_task(work_with(grouped(1), "nobody"), SERVED, tmp_path)


def test_a_killed_process_is_a_want_of_memory(tmp_path: Path) -> None:
    """As the system does it; the worker lives on."""
    stopped = threading.Event()

    def kill() -> None:
        while not stopped.wait(0.05):
            for child in psutil.Process().children():
                with suppress(psutil.NoSuchProcess):
                    if "phonoscope_cpu.layout" in " ".join(child.cmdline()):
                        child.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(OutOfMemory, match="draws the map"):
            map_task(work_with(grouped(30)), SERVED, tmp_path)
    finally:
        stopped.set()
        killer.join()


def test_an_interrupted_drawing_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is called off in the middle takes the process along."""
    begun: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes], *_: object) -> tuple[bytes, bytes]:
        begun.append(process)
        time.sleep(0.2)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lay_out_in_process(grouped(30), tmp_path)
    assert [process.returncode for process in begun] == [-9]
