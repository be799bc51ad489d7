"""Going on with less memory, from where it ran out."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from demucs.htdemucs import HTDemucs

from phonoscope.audio.samples import Samples
from phonoscope.errors import OutOfMemory
from phonoscope_ml.separation.adaptive import AdaptiveEstimator
from phonoscope_ml.separation.ensemble import Ensemble
from phonoscope_ml.separation.memory import Plan
from phonoscope_ml.separation.runners import Eager
from phonoscope_ml.separation.stream import measure, separate
from tests.separators import RATE_HZ, SOURCES

SEGMENT = 1_000
SHAPE = SimpleNamespace(sources=SOURCES, sample_rate_hz=RATE_HZ, segment=SEGMENT)
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Narrow:
    """Gives each source a share of what it is shown; from a given call on it takes so many samples at once, no more.

    The shares are 1, 2, 3 and 4, so that right stems can be told from others.
    """

    compiled = False

    def __init__(self, room: int, from_call: int = 0) -> None:
        self.room, self.from_call = room, from_call
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, segments: Samples) -> Samples:
        self.seen.append(segments.shape)
        if len(self.seen) > self.from_call and segments.shape[0] * segments.shape[2] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return segments[:, None] * np.array([1, 2, 3, 4], np.float32)[:, None, None]


def noise(length: int) -> Samples:
    return np.random.default_rng(length).standard_normal((2, length)).astype(np.float32)


def taken_apart(estimate: AdaptiveEstimator, samples: Samples) -> Samples:
    return np.concatenate(list(separate(estimate, [samples], measure([samples]))), axis=-1)


def assert_right(stems: Samples, samples: Samples) -> None:
    """The network adds nothing, so each stem is its share of the recording, but for the mean that is put back once."""
    mean = samples.mean()
    for share, stem in enumerate(stems, start=1):
        np.testing.assert_allclose(stem, share * (samples - mean) + mean, atol=1e-4)


@pytest.mark.parametrize(
    ("room", "steps", "now"),
    [
        (8 * SEGMENT, [], (8, 1)),
        (3 * SEGMENT, [("batch 8", "batch 4"), ("batch 4", "batch 2")], (2, 1)),
        (SEGMENT, [("batch 8", "batch 4"), ("batch 4", "batch 2"), ("batch 2", "batch 1")], (1, 1)),
        (
            SEGMENT // 4,
            [
                *[("batch 8", "batch 4"), ("batch 4", "batch 2"), ("batch 2", "batch 1")],
                *[("segment 0.0227 s", "segment 0.0113 s"), ("segment 0.0113 s", "segment 0.00567 s")],
            ],
            (1, 4),
        ),
    ],
)
@pytest.mark.parametrize("from_call", [0, 2])
def test_stems_are_whole_and_right_after_every_step(
    room: int, steps: list[tuple[str, str]], now: tuple[int, int], from_call: int
) -> None:
    """Wherever memory runs out, nothing is lost or done twice; the result tells each step and where it was taken."""
    samples, networks = noise(29_777), Narrow(room, from_call)
    estimate = AdaptiveEstimator(SHAPE, lambda _: networks, Plan(CPU, 8))
    stems = taken_apart(estimate, samples)
    assert stems.shape == (4, 2, 29_777)
    assert_right(stems, samples)
    told = estimate.provenance
    assert [(step["from"], step["to"]) for step in told["stepped_down"]] == steps
    batch_s = 8 * 0.75 * SEGMENT / RATE_HZ
    assert all(step["at_s"] == pytest.approx(from_call * batch_s, abs=1e-3) for step in told["stepped_down"])
    assert all(step["why"] == "out of memory" for step in told["stepped_down"])
    assert (told["batch"], told["segment_s"]) == (now[0], pytest.approx(SEGMENT / now[1] / RATE_HZ, abs=1e-5))


def test_the_processor_comes_last(small: HTDemucs) -> None:
    """Where the accelerator has no room at all; what lay there is let go of first. The stems are the network's."""
    placed: list[str] = []
    shape = SimpleNamespace(sources=SOURCES, sample_rate_hz=RATE_HZ, segment=22_050)

    def place(device: torch.device) -> Narrow | Ensemble:
        placed.append(device.type)
        return Narrow(0, 1) if device.type == "cuda" else Ensemble([Eager(small, CPU)], SOURCES)

    samples = noise(60_000) * 0.1
    estimate = AdaptiveEstimator(shape, place, Plan(CUDA, 1))
    stems = taken_apart(estimate, samples)
    assert placed == ["cuda", "cpu"]
    told = estimate.provenance
    assert (told["device"], told["segment_s"], told["batch"]) == ("cpu", 0.5, 1)
    assert [step["to"] for step in told["stepped_down"]] == ["segment 0.25 s", "segment 0.125 s", "cpu"]
    wanted = taken_apart(AdaptiveEstimator(shape, place, Plan(CPU, 1)), samples)
    np.testing.assert_allclose(stems[..., 23_000:], wanted[..., 23_000:], atol=1e-6)


def test_a_model_that_does_not_fit_is_loaded_elsewhere() -> None:
    """Before the first segment."""

    def place(device: torch.device) -> Narrow:
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Narrow(SEGMENT)

    assert AdaptiveEstimator(SHAPE, place, Plan(CUDA, 8)).provenance["device"] == "cpu"


def test_nothing_left_to_try_is_a_typed_error() -> None:
    """It names what did not fit."""
    with pytest.raises(OutOfMemory, match=r"not even segments of 0\.00567 s fit into the memory of cpu"):
        taken_apart(AdaptiveEstimator(SHAPE, lambda _: Narrow(100), Plan(CPU, 2)), noise(5_000))


def test_other_errors_are_not_taken_for_it() -> None:
    """A mistake is not tried again in small."""

    def broken(_: Samples) -> Samples:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        taken_apart(AdaptiveEstimator(SHAPE, lambda _: broken, Plan(CPU, 8)), noise(5_000))  # type: ignore[arg-type, return-value]


def test_a_network_can_be_shown_less_than_its_segment(small: HTDemucs) -> None:
    """Half a segment is computed as half a segment, not as a whole one with silence behind it."""
    samples = noise(60_000) * 0.1
    shape = SimpleNamespace(sources=SOURCES, sample_rate_hz=RATE_HZ, segment=22_050)
    networks = Ensemble([Eager(small, CPU)], SOURCES)

    class Cramped:
        compiled = False

        def __call__(self, segments: Samples) -> Samples:
            if segments.shape[-1] > 12_000:
                raise MemoryError
            return networks(segments)

    stems = taken_apart(AdaptiveEstimator(shape, lambda _: Cramped(), Plan(CPU, 1)), samples)
    assert stems.shape == (4, 2, 60_000)
    whole = taken_apart(AdaptiveEstimator(shape, lambda _: networks, Plan(CPU, 1)), samples)
    assert 0.1 < np.corrcoef(stems.ravel(), whole.ravel())[0, 1] < 0.9999


IN_LITTLE_MEMORY = """
import resource, sys
from types import SimpleNamespace
from fractions import Fraction
import numpy as np, torch
from phonoscope_ml.separation.ensemble import Ensemble
from phonoscope_ml.separation.adaptive import AdaptiveEstimator
from phonoscope_ml.separation.memory import Plan
from phonoscope_ml.separation.runners import Eager
from phonoscope_ml.separation.stream import measure, separate
from tests.separators import SOURCES, network

torch.set_num_threads(1)
cpu = torch.device("cpu")
together = Ensemble([Eager(network(segment=Fraction(2)), cpu)], SOURCES)
shape = SimpleNamespace(sources=SOURCES, sample_rate_hz=44_100, segment=88_200)
samples = 0.1 * np.random.default_rng(1).standard_normal((2, 600_000)).astype(np.float32)

def stems(batch):
    estimate = AdaptiveEstimator(shape, lambda _: together, Plan(cpu, batch))
    found = np.concatenate(list(separate(estimate, [samples], measure([samples]))), axis=-1)
    return found, estimate.provenance

wanted, _ = stems(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (640 << 20), resource.RLIM_INFINITY))
found, told = stems(10)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(found.shape, float(np.abs(found - wanted).max()) < 1e-4, told["batch"], len(told["stepped_down"]))
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process's memory are Linux's")
def test_it_goes_on_where_the_system_really_refuses() -> None:
    """A process that may not have more than it has, and is to compute 10 segments at once: the stems are the same."""
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    shape, right, batch, steps = done.stdout.splitlines()[-1].rsplit(" ", 3)
    assert (shape, right) == ("(4, 2, 600000)", "True")
    assert 1 <= int(batch) < 10
    assert int(steps) >= 1
