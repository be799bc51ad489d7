"""Cores compiled for this machine: the same answer, sooner."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.htdemucs import HTDemucs

from phonoscope.catalogue import StemManifest, read_manifest
from phonoscope.contract import Precision
from phonoscope.ml.separation.core import Core, compile_cores, core_file, join, split
from phonoscope.ml.separation.estimators import Ensemble, load_ensemble
from phonoscope.ml.separation.networks import blank_network
from phonoscope.ml.separation.runners import Compiled, Improving
from tests.unit.ml.separation.conftest import write_separator


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory, small: HTDemucs) -> tuple[Path, Path]:
    """A model's folder and a cache with its compiled core."""
    folder = write_separator(tmp_path_factory.mktemp("models") / "tiny", small)
    cache = tmp_path_factory.mktemp("cache") / "cores"
    compile_cores(folder, cache)
    return folder, cache


def mix(segments: int = 1) -> torch.Tensor:
    return torch.randn(segments, 2, 22_050, generator=torch.Generator().manual_seed(3)) * 0.5


def difference_db(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(10.0 * torch.log10((found - wanted).square().mean() / wanted.square().mean()))


def shell(folder: Path) -> HTDemucs:
    manifest = read_manifest(folder / "manifest.json")
    assert isinstance(manifest, StemManifest)
    with torch.device("meta"):
        return blank_network(manifest, folder)


def test_the_core_is_the_network_without_its_transforms(small: HTDemucs) -> None:
    """Together they are the network, to the last bit, and the network is left as it was."""
    with torch.inference_mode():
        parts, waveforms = Core(small)(mix(2), split(small, mix(2)))
        assert parts.shape == (2, 4, 4, 2048, 22)
        torch.testing.assert_close(join(small, parts, waveforms), small(mix(2)), rtol=0.0, atol=0.0)
    assert not {"_spec", "_magnitude", "_mask", "_ispec"} & set(vars(small))


@pytest.mark.parametrize(("precision", "least_db"), [("exact", 100.0), ("fast", 45.0)])
def test_compiled_stems_agree(
    cached: tuple[Path, Path], small: HTDemucs, precision: Precision, least_db: float
) -> None:
    """Exactly means to 100 dB, fast to 45 dB; the shell needs no weights."""
    folder, cache = cached
    (path,) = cache.glob("*.xml")
    run = Compiled(shell(folder), path, precision, threads=1)
    with torch.inference_mode():
        assert difference_db(run(mix(2)), small(mix(2))) < -least_db


def test_a_core_is_compiled_once(cached: tuple[Path, Path]) -> None:
    """Who comes later finds it; nothing half-written is left."""
    folder, cache = cached
    (path,) = cache.glob("*.xml")
    before = path.stat().st_mtime_ns
    compile_cores(folder, cache)
    assert path.stat().st_mtime_ns == before
    assert not list(cache.glob("draft-*"))
    manifest = read_manifest(folder / "manifest.json")
    assert isinstance(manifest, StemManifest)
    assert path == core_file(cache, manifest.weights[0].sha256)


def test_nobody_waits_for_the_compiler(cached: tuple[Path, Path], small: HTDemucs, tmp_path: Path) -> None:
    """Without a core the network itself runs; once it is there, the next segment is run by it."""
    folder, cache = cached
    (made,) = cache.glob("*.xml")
    awaited = tmp_path / made.name
    run = Improving(small, shell(folder), awaited, "exact")
    with torch.inference_mode():
        first = run(mix())
        assert not run.compiled
        awaited.with_suffix(".bin").write_bytes(made.with_suffix(".bin").read_bytes())
        awaited.write_bytes(made.read_bytes())
        assert difference_db(run(mix()), first) < -100.0
    assert run.compiled


def test_a_loaded_model_starts_the_compiler_and_goes_on(separator: Path, tmp_path: Path, small: HTDemucs) -> None:
    """The first answer comes at once; a process beside makes the core, which a later answer uses."""
    estimate = load_ensemble(separator, torch.device("cpu"), tmp_path / "cores", "exact")
    assert isinstance(estimate, Ensemble)
    with torch.inference_mode():
        wanted = small(mix()).numpy()
    np.testing.assert_allclose(estimate(mix().numpy()), wanted, atol=1e-5)
    (run,) = estimate._runners
    assert isinstance(run, Improving)
    assert not run.compiled
    give_up = time.monotonic() + 240
    while not run._core.exists() and time.monotonic() < give_up:
        time.sleep(0.2)
    np.testing.assert_allclose(estimate(mix().numpy()), wanted, atol=1e-4)
    assert run.compiled
