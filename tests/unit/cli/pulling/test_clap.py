"""CLAP from the hub: by its commit and its digests, split into two towers, and never unpickled."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save

from phonoscope.catalogue import BodyManifest, Catalogue, read_manifest
from phonoscope.errors import DownloadFailed, UnreadableWeights, WeightsMismatch
from phonoscope_cli import pulling
from phonoscope_cli.pulling import published
from tests.clap import REPOSITORY, hub_files, pin, small_clap
from tests.unit.cli.pulling.hub import Hub, serving

WEIGHTS = f"{REPOSITORY}/model.safetensors"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The repository with a small model, whose digests are pinned."""
    files = hub_files(small_clap())
    pin(files, monkeypatch)
    with serving(Hub(files)) as hub:
        yield hub


def pull(hub: Hub, folder: Path) -> Path:
    """The body's folder."""
    (place,) = pulling.pull("clap", folder, endpoint=hub.url)
    return place


def test_the_folder_has_two_towers_and_a_tokenizer(hub: Hub, tmp_path: Path) -> None:
    """With every tensor of the published file but whole numbers; the manifest says by what factor cosines count."""
    place = pull(hub, tmp_path)
    manifest = read_manifest(place / "manifest.json")
    assert isinstance(manifest, BodyManifest)
    assert manifest.text is not None
    assert (manifest.text.heads, manifest.text.longest) == (4, 512)
    assert manifest.text.scale == pytest.approx(torch.tensor(3.0).exp().item())
    both = load_file(place / "weights.safetensors") | load_file(place / "text.safetensors")
    wanted = {name: value for name, value in small_clap().state_dict().items() if value.is_floating_point()}
    assert wanted.keys() - both.keys() == {"logit_scale_a", "logit_scale_t"}
    torch.testing.assert_close(both, {name: wanted[name] for name in both}, rtol=0.0, atol=0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".clap.lock", "clap"]
    catalogue = Catalogue(tmp_path)
    catalogue.check("clap")
    assert catalogue.with_text == manifest
    assert not catalogue.manifests


def test_files_are_asked_for_by_their_commits(hub: Hub, tmp_path: Path) -> None:
    """Safetensors from the commit that has them, all else from the one whose digests are known; no pickle."""
    pull(hub, tmp_path)
    asked = {path for method, path, _ in hub.asked if method == "GET"}
    source = published.CLAP
    assert asked == {
        f"/{REPOSITORY}/resolve/{source.weights.revision}/model.safetensors",
        *(
            f"/{REPOSITORY}/resolve/{source.beside.revision}/{name}"
            for name in ("config.json", "vocab.json", "merges.txt")
        ),
    }


def test_an_interrupted_pull_is_continued(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the chunk where it stopped, in the same call or in the next."""
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 14)
    hub.cut_after, hub.cuts = 100_000, 1
    try:
        pull(hub, tmp_path)
    except DownloadFailed:
        pull(hub, tmp_path)
    ranges = [asked for method, path, asked in hub.asked if method == "GET" and path.endswith("safetensors")]
    assert len(ranges) == 2
    assert ranges[1] is not None


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """A pulled body works offline."""
    first = pull(hub, tmp_path)
    hub.asked.clear()
    assert pull(hub, tmp_path) == first
    assert not hub.asked


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "merges.txt"])
def test_another_file_than_the_pinned_one_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    """And erased; no body comes of it, and no weights are fetched."""
    hub.files[f"{REPOSITORY}/{name}"] += b" "
    with pytest.raises(WeightsMismatch, match=name):
        pull(hub, tmp_path)
    assert not (tmp_path / "clap").exists()
    assert not any(path.endswith("safetensors") for _, path, _ in hub.asked)


def test_other_weights_than_the_hub_says_are_refused(hub: Hub, tmp_path: Path) -> None:
    """The next attempt starts anew."""
    hub.said = "0" * 64
    with pytest.raises(WeightsMismatch, match=r"model\.safetensors has the SHA-256 .*, the hub says 0000"):
        pull(hub, tmp_path)
    hub.said = None
    pull(hub, tmp_path)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"\x80\x04\x95pickled", UnreadableWeights, "cannot be read as safetensors"),
        (b"", UnreadableWeights, "cannot be read as safetensors"),
        (save({"text_model.a": torch.zeros(1)}), WeightsMismatch, "no tensors named audio_model"),
        (save({"audio_model.a": torch.zeros(1)}), WeightsMismatch, "no tensors named text_model"),
        (
            save({"audio_model.a": torch.zeros(1), "text_model.a": torch.zeros(1)}),
            WeightsMismatch,
            "no logit_scale_a",
        ),
        (
            save({"audio_model.a": torch.zeros(1), "text_model.a": torch.zeros(1), "logit_scale_a": torch.tensor(1e9)}),
            WeightsMismatch,
            "no logit_scale_a",
        ),
    ],
)
def test_nothing_but_clap_is_taken(hub: Hub, tmp_path: Path, content: bytes, error: type[Exception], says: str) -> None:
    """Nothing is unpickled, whatever a file is called."""
    hub.files[WEIGHTS] = content
    with pytest.raises(error, match=says):
        pull(hub, tmp_path)
    assert not (tmp_path / "clap").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", b"[]", r"config\.json does not describe CLAP"),
        ("config.json", b"{", r"config\.json does not describe CLAP"),
        ("config.json", json.dumps({"audio_config": {}}).encode(), r"config\.json does not describe CLAP"),
        ("vocab.json", b"{}", "no byte-level tokenizer"),
        ("merges.txt", b"a b c\n", "no byte-level tokenizer"),
    ],
)
def test_files_that_describe_something_else_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    """By the file's name."""
    files = hub_files(small_clap()) | {f"{REPOSITORY}/{name}": content}
    pin(files, monkeypatch)
    with serving(Hub(files)) as hub, pytest.raises(UnreadableWeights, match=says):
        pull(hub, tmp_path)


def test_the_pins_are_commits_and_digests() -> None:
    """No branch, whose files could change."""
    source = published.CLAP
    assert all(len(where.revision or "") == 40 for where in (source.weights, source.beside))
    assert all(len(file.sha256) == 64 for file in (source.config, source.vocabulary, source.merges))


def test_a_missing_client_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that installs it."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DownloadFailed, match=r"pip install 'phonoscope\[clap\]'"):
        pulling.pull("clap", tmp_path)
