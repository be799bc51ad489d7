"""Models from the hub: whole, checked, and never run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save
from typer.testing import CliRunner

from phonoscope.catalogue import Catalogue
from phonoscope.errors import DownloadFailed, InvalidManifest, UnknownModel, WeightsMismatch
from phonoscope_cli import pulling
from phonoscope_cli.app import app
from phonoscope_ml.separation.networks import open_model
from tests.separators import ARGUMENTS, SOURCES, network
from tests.unit.cli.pulling.hub import Hub, serving

SIGNATURES = ("955717e8", "f7e0c4bc")
REPOSITORY = "adefossez/HTDemucs"
SEGMENT = {"_type": "fraction", "numerator": 1, "denominator": 2}


def weights(seed: int, half: bool = False, **changes: str) -> bytes:
    """A network as Demucs' repositories have it."""
    metadata = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": json.dumps([]),
        "kwargs": json.dumps({"sources": SOURCES, "samplerate": 44_100, "segment": SEGMENT} | ARGUMENTS),
    }
    tensors = network(seed).state_dict()
    if half:
        tensors = {name: value.half() for name, value in tensors.items()}
    return save(tensors, metadata | changes)


def pull(name: str, folder: Path, endpoint: str | None = None) -> Path:
    """The model's folder, pulled from that hub."""
    (place,) = pulling.pull(name, folder, endpoint=endpoint)
    return place


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """``htdemucs`` with one network, ``htdemucs_ft`` with two."""
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    files = {
        f"{REPOSITORY}/htdemucs.yaml": b"models: ['955717e8']\n",
        f"{REPOSITORY}/955717e8.safetensors": weights(1),
        f"{REPOSITORY}-ft/htdemucs_ft.yaml": b"models: ['955717e8', 'f7e0c4bc']\n"
        b"weights: [[1., 0., 1., 1.], [0., 1., 0., 1.]]\n",
        f"{REPOSITORY}-ft/955717e8.safetensors": weights(1, half=True),
        f"{REPOSITORY}-ft/f7e0c4bc.safetensors": weights(2, half=True),
    }
    with serving(Hub(files)) as hub:
        yield hub


def test_a_model_is_pulled_and_can_be_used(hub: Hub, tmp_path: Path) -> None:
    """Its folder has a manifest of ours; its network is the hub's; nothing else is left in the folder."""
    place = pull("htdemucs", tmp_path / "models", hub.url)
    manifest, (found,) = open_model(place)
    assert (manifest.name, manifest.sources, manifest.segment_s, manifest.sample_rate_hz) == (
        "htdemucs",
        SOURCES,
        "1/2",
        44_100,
    )
    torch.testing.assert_close(dict(found.state_dict()), dict(network(1).state_dict()), rtol=0.0, atol=0.0)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [".htdemucs.lock", "htdemucs"]
    assert list(Catalogue(tmp_path / "models").separators) == ["htdemucs"]


def test_several_networks_keep_their_shares(hub: Hub, tmp_path: Path) -> None:
    """As the bag's description has them, in its order, in half precision."""
    manifest, networks = open_model(pull("htdemucs_ft", tmp_path, hub.url))
    assert manifest.shares == [[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]]
    assert [weights.file for weights in manifest.weights] == [f"{name}.safetensors" for name in SIGNATURES]
    assert {weights.dtype for weights in manifest.weights} == {"float16"}
    wanted = network(2).state_dict()["encoder.0.conv.weight"]
    torch.testing.assert_close(networks[1].state_dict()["encoder.0.conv.weight"], wanted, rtol=1e-3, atol=1e-4)


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """Nor is the hub asked: a pulled model works offline."""
    first = pull("htdemucs", tmp_path, hub.url)
    hub.asked.clear()
    assert pull("htdemucs", tmp_path, "http://127.0.0.1:9") == first
    assert not hub.asked


def test_many_that_pull_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    """The others wait, and find it."""
    with ThreadPoolExecutor(4) as threads:
        places = list(threads.map(lambda _: pull("htdemucs", tmp_path, hub.url), range(4)))
    assert set(places) == {tmp_path / "htdemucs"}
    assert [path for method, path, _ in hub.asked if method == "GET" and path.endswith("safetensors")] == [
        f"/{REPOSITORY}/resolve/main/955717e8.safetensors"
    ]


def test_a_fetch_that_broke_off_is_gone_on_with(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the chunk where it stopped, in the same call or in the next."""
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 14)
    hub.cut_after, hub.cuts = 100_000, 1
    try:
        pull("htdemucs", tmp_path, hub.url)
    except DownloadFailed:
        pull("htdemucs", tmp_path, hub.url)
    open_model(tmp_path / "htdemucs")
    ranges = [asked for method, path, asked in hub.asked if method == "GET" and path.endswith("safetensors")]
    assert len(ranges) == 2
    assert ranges[1] is not None
    assert int(ranges[1].removeprefix("bytes=").partition("-")[0]) > 0


def test_other_bytes_than_the_hub_says_are_thrown_away(hub: Hub, tmp_path: Path) -> None:
    """No model comes of them, and the next attempt starts anew."""
    hub.said = "0" * 64
    with pytest.raises(WeightsMismatch, match=r"955717e8\.safetensors has the SHA-256 .*, the hub says 0000"):
        pull("htdemucs", tmp_path, hub.url)
    assert not (tmp_path / "htdemucs").exists()
    hub.said = None
    open_model(pull("htdemucs", tmp_path, hub.url))


def test_an_absent_hub_is_told(tmp_path: Path) -> None:
    """It may be tried again."""
    with pytest.raises(DownloadFailed, match=r"htdemucs\.yaml of adefossez/HTDemucs cannot be fetched") as at:
        pull("htdemucs", tmp_path, "http://127.0.0.1:9")
    assert at.value.retryable


def test_a_file_that_the_hub_has_not_is_told(hub: Hub, tmp_path: Path) -> None:
    """By its name."""
    del hub.files[f"{REPOSITORY}/955717e8.safetensors"]
    with pytest.raises(DownloadFailed, match=r"955717e8\.safetensors"):
        pull("htdemucs", tmp_path, hub.url)


def test_other_models_cannot_be_pulled(tmp_path: Path) -> None:
    """Those that can are named."""
    with pytest.raises(UnknownModel, match="mn04, musicnn, minilm, clap, htdemucs, htdemucs_ft, htdemucs_6s"):
        pull("mdx_extra", tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (weights(1, klass="os.system"), "os.system is not demucs.htdemucs.HTDemucs"),
        (weights(1, structure="{}"), "is not demucs.htdemucs.HTDemucs"),
        (weights(1, kwargs="{"), "its header does not describe a network"),
        (weights(1, kwargs="{}"), "lacks 'sources'"),
        (save({"a": torch.zeros(1)}), "its header does not describe a network"),
        (b"\x80\x04\x95pickled", "its header does not describe a network"),
        (b"", "its header does not describe a network"),
    ],
)
def test_nothing_but_a_known_network_is_taken(hub: Hub, tmp_path: Path, content: bytes, says: str) -> None:
    """No class is imported by the name in a file, and nothing is unpickled."""
    hub.files[f"{REPOSITORY}/955717e8.safetensors"] = content
    with pytest.raises(InvalidManifest, match=says):
        pull("htdemucs", tmp_path, hub.url)
    assert not (tmp_path / "htdemucs").exists()


@pytest.mark.parametrize("description", [b"", b"models: []", b"models: ['../../x']", b"[1, 2]", b"\xff\xfe: {"])
def test_a_bad_description_is_refused(hub: Hub, tmp_path: Path, description: bytes) -> None:
    """By the file's name, before any weights are fetched."""
    hub.files[f"{REPOSITORY}/htdemucs.yaml"] = description
    with pytest.raises((InvalidManifest, DownloadFailed), match=r"htdemucs\.yaml"):
        pull("htdemucs", tmp_path, hub.url)
    assert not any(path.endswith("safetensors") for _, path, _ in hub.asked)


def test_the_arguments_are_those_of_the_network(hub: Hub, tmp_path: Path) -> None:
    """Sources may come by place or by name."""
    by_place: dict[str, Any] = {"samplerate": 44_100, "segment": SEGMENT} | ARGUMENTS
    hub.files[f"{REPOSITORY}/955717e8.safetensors"] = weights(
        1, args=json.dumps([SOURCES]), kwargs=json.dumps(by_place)
    )
    manifest, _ = open_model(pull("htdemucs", tmp_path, hub.url))
    assert (manifest.sources, manifest.arguments) == (SOURCES, ARGUMENTS)


def test_the_command_pulls_and_compiles(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards the model is listed, whole, and its core is there before the first recording."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    folders = ["--more-models-dir", str(tmp_path / "models")]
    done = CliRunner().invoke(app, ["models", "pull", "htdemucs", *folders, "--cache-dir", str(tmp_path / "cache")])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "cache" / "cores").glob("*.xml"))) == 1
    listed = CliRunner().invoke(app, ["models", "list", *folders])
    assert "htdemucs" in listed.output
    assert "4 stems" in listed.output
    assert "htdemucs: whole" in CliRunner().invoke(app, ["models", "verify", *folders]).output
