"""Published models that tests compare with; a test is skipped where they are absent."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from phonoscope.audio.decode import Recording
from phonoscope_ml.conversion import mobilenet_from_efficientat, musicnn_from_published
from phonoscope_ml.networks import Network, build_network
from tests.support import DATA, MODELS

_MUSICNN = "musicnn==0.1.0"
_DIGESTS = {
    "musicnn/MSD_musicnn/.data-00000-of-00001": "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
    "musicnn/MTT_musicnn/.data-00000-of-00001": "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
}


def published(name: str) -> Path:
    """A file of the mirror; skips the test where it is absent."""
    path = MODELS / name
    if not path.is_file():
        pytest.skip(f"nothing at {path}; set PHONOSCOPE_MODEL_MIRROR")
    return path


def references(name: str) -> dict[str, NDArray[np.generic]]:
    """The reference outputs of a published model."""
    with np.load(published(name)) as found:
        return dict(found)


def samples(clip: str, rate_hz: int) -> Tensor:
    """A recording through the decoder that serving uses, mono, ``(1, samples)``."""
    with _recording(clip).open("rb") as file, Recording(file) as recording:
        return torch.from_numpy(np.concatenate(list(recording.mono(rate_hz))))[None]


def without_end(clip: str, rate_hz: int) -> Tensor:
    """A recording of one channel, ``(1, samples)``, without the last samples, which the resampler still holds."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
    with av.open(str(_recording(clip))) as file:
        parts = [part.to_ndarray()[0] for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    return torch.from_numpy(np.concatenate(parts))[None]


@cache
def mn04() -> Network:
    """``mn04_as`` with its 527 labels, in evaluation mode."""
    weights = mobilenet_from_efficientat(load_file(published("efficientat_mn04_as.safetensors")))
    return _loaded(build_network("mobilenet", {"width": 0.4}, 527), weights)


@cache
def musicnn() -> Network:
    """Both networks of musicnn with their 100 tags, in evaluation mode."""
    network = build_network("musicnn", {}, 100)
    return _loaded(network, network.state_dict() | musicnn_from_published(*musicnn_files()))


@cache
def musicnn_files() -> tuple[bytes, bytes]:
    """The two data files of the wheel, from the mirror or the package index."""
    with TemporaryDirectory() as folder, zipfile.ZipFile(_wheel(Path(folder))) as wheel:
        msd, mtt = (wheel.read(name) for name in _DIGESTS)
    assert [hashlib.sha256(content).hexdigest() for content in (msd, mtt)] == list(_DIGESTS.values())
    return msd, mtt


def _recording(clip: str) -> Path:
    path = DATA / clip
    if not path.is_file():
        pytest.skip(f"nothing at {path}; set PHONOSCOPE_DATA")
    return path


def _wheel(folder: Path) -> Path:
    for found in MODELS.glob("musicnn-0.1.0-*.whl"):
        return found
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--retries", "0", "--timeout", "20"]
    done = subprocess.run([*command, "--dest", folder, _MUSICNN], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot fetch {_MUSICNN}: {done.stderr.strip()[-200:]}")
    return next(folder.glob("*.whl"))


def _loaded(network: Network, weights: dict[str, Tensor]) -> Network:
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)
