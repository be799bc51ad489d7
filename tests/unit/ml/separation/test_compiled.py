"""Cores compiled for this machine: the same answer, sooner."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.htdemucs import HTDemucs

from phonoscope.catalogue import StemManifest, read_manifest
from phonoscope.contract import Precision
from phonoscope_ml.separation.compiling import CoreFiles, compile_cores, start_compiling
from phonoscope_ml.separation.core import Core, join, split
from phonoscope_ml.separation.ensemble import load_ensemble
from phonoscope_ml.separation.networks import blank_network, open_manifest
from phonoscope_ml.separation.runners import Compiled, CompiledWhenReady
from tests.separators import write_separator


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
    """Who comes later finds it, under its weights' digest; nothing half-written is left."""
    folder, cache = cached
    core = core_of(cache)
    before = core.graph.stat().st_mtime_ns
    compile_cores(folder, cache)
    assert core.graph.stat().st_mtime_ns == before
    manifest = read_manifest(folder / "manifest.json")
    assert isinstance(manifest, StemManifest)
    assert core == CoreFiles.of(cache, manifest.weights[0].sha256)
    assert {path.suffix for path in cache.iterdir()} == {".xml", ".bin", ".sha256", ".lock"}


def test_nobody_waits_for_the_compiler(cached: tuple[Path, Path], small: HTDemucs, tmp_path: Path) -> None:
    """Without a core the network itself runs; once it is there, the next segment is run by it."""
    run = CompiledWhenReady(
        lambda: small, shell(cached[0]), CoreFiles(tmp_path / core_of(cached[1]).graph.name), fail, "exact"
    )
    with torch.inference_mode():
        first = run(mix())
        assert not run.compiled
        copied(cached[1], tmp_path)
        assert difference_db(run(mix()), first) < -100.0
    assert run.compiled


def test_what_is_shorter_is_run_by_the_network(cached: tuple[Path, Path], small: HTDemucs) -> None:
    """A core knows but one length; a whole segment behind is the core's again."""
    run = CompiledWhenReady(lambda: small, shell(cached[0]), core_of(cached[1]), fail, "exact")
    with torch.inference_mode():
        whole = run(mix())
        short = run(mix()[..., :11_000])
        assert not run.compiled
        assert short.shape == (1, 4, 2, 11_000)
        assert not np.allclose(short, whole[..., :11_000], atol=1e-4)
        assert difference_db(run(mix()), whole) < -100.0


@pytest.mark.parametrize(
    "damage",
    [
        lambda core: core.graph.write_bytes(core.graph.read_bytes()[:-1000]),
        lambda core: core.graph.write_bytes(b"<net></net>"),
        lambda core: core.graph.with_suffix(".bin").write_bytes(b""),
        lambda core: core.graph.with_suffix(".bin").unlink(),
        lambda core: scribble(core.graph.with_suffix(".bin")),
        lambda core: core.graph.with_suffix(".sha256").write_bytes(b"\xff"),
    ],
)
def test_a_damaged_core_is_run_around_and_made_again(
    cached: tuple[Path, Path],
    small: HTDemucs,
    tmp_path: Path,
    damage: Callable[[CoreFiles], object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The answer is the network's, at once; the files are gone, the compiler has been called, the log says so."""
    core, called = copied(cached[1], tmp_path), list[bool]()
    damage(core)
    run = CompiledWhenReady(lambda: small, shell(cached[0]), core, lambda: called.append(True), "exact")
    with torch.inference_mode():
        torch.testing.assert_close(run(mix()), small(mix()), rtol=0.0, atol=1e-6)
    assert called == [True]
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    assert "separation.core_damaged" in capsys.readouterr().out


def test_a_core_that_cannot_be_read_is_given_up_after_two(
    cached: tuple[Path, Path], small: HTDemucs, tmp_path: Path
) -> None:
    """Whole by its digest, of a version that OpenVINO does not know: each file is tried once, never in a loop."""
    name, called = core_of(cached[1]).graph.name, list[bool]()

    def make() -> None:
        called.append(True)
        core = copied(cached[1], tmp_path)
        core.graph.write_text(core.graph.read_text().replace('version="11"', 'version="9000"'))
        whole = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (core.graph, core.graph.with_suffix(".bin"))]
        core.graph.with_suffix(".sha256").write_text(" ".join(whole))

    make()
    run = CompiledWhenReady(lambda: small, shell(cached[0]), CoreFiles(tmp_path / name), make, "exact")
    with torch.inference_mode():
        for _ in range(5):
            torch.testing.assert_close(run(mix()), small(mix()), rtol=0.0, atol=1e-6)
    assert called == [True] * 3


def test_a_loaded_model_starts_the_compiler_and_goes_on(separator: Path, tmp_path: Path, small: HTDemucs) -> None:
    """The first answer comes at once; a process beside makes the core, which a later answer uses."""
    cache = tmp_path / "cores"
    estimate = load_ensemble(separator, torch.device("cpu"), cache, "exact")
    with torch.inference_mode():
        wanted = small(mix()).numpy()
    np.testing.assert_allclose(estimate(mix().numpy()), wanted, atol=1e-5)
    assert not estimate.compiled
    give_up = time.monotonic() + 240
    while not list(cache.glob("*.sha256")) and time.monotonic() < give_up:
        time.sleep(0.2)
    np.testing.assert_allclose(estimate(mix().numpy()), wanted, atol=1e-4)
    assert estimate.compiled


def test_one_compiler_at_a_time(separator: Path, tmp_path: Path) -> None:
    """Whoever asks while it runs is served by it; it leaves no thread."""
    cache, others = tmp_path / "cores", threading.enumerate()
    for _ in range(3):
        start_compiling(separator, cache)
    compilers = [thread for thread in threading.enumerate() if thread.name == "compiler" and thread not in others]
    assert len(compilers) == 1
    compilers[0].join(240)
    assert core_of(cache).intact


def test_the_compiler_ends_with_its_parent(separator: Path, tmp_path: Path) -> None:
    """A worker that is gone leaves no process behind."""
    lock = CoreFiles.of(tmp_path, open_manifest(separator).weights[0].sha256)
    with lock.locked():
        command = [sys.executable, "-m", "phonoscope_ml.separation.compiling", str(separator), str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(120) == 1


def core_of(cache: Path) -> CoreFiles:
    (graph,) = cache.glob("*.xml")
    return CoreFiles(graph)


def copied(cache: Path, to: Path) -> CoreFiles:
    """A cache's one core, elsewhere."""
    core = core_of(cache)
    for suffix in (".xml", ".bin", ".sha256"):
        shutil.copy(core.graph.with_suffix(suffix), to)
    return CoreFiles(to / core.graph.name)


def scribble(path: Path) -> None:
    """Other bytes in the middle of a file of the same length."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :][:100] = bytes(100)
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def fail() -> None:
    """Nothing is damaged here."""
    raise AssertionError
