"""Published ``.pt`` files: their plain tensors, exactly, and nothing else of what a pickle can be."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from phonoscope.errors import UnreadableWeights
from phonoscope_ml import unpickling
from phonoscope_ml.unpickling import unpickle

TENSORS = {
    "conv.weight": torch.arange(24.0).reshape(2, 3, 4).transpose(0, 2),
    "conv.scale": torch.zeros(1).expand(5),
    "steps": torch.tensor(7),
    "half": torch.ones(3, dtype=torch.float16),
    "parameter": torch.nn.Parameter(torch.ones(2)),
}


class Malice:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_plain_tensors_are_kept(tmp_path: Path) -> None:
    """Each with its values, shape and type, whatever its layout in the file."""
    torch.save(TENSORS, tmp_path / "a.pt")
    unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    found = load_file(tmp_path / "a.safetensors")
    torch.testing.assert_close(found, {name: value.detach() for name, value in TENSORS.items()}, rtol=0.0, atol=0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "a.safetensors"]


def test_code_is_not_run(tmp_path: Path) -> None:
    """Neither in the child nor here; the error advises nothing of the kind."""
    torch.save({"a": Malice(tmp_path / "ran")}, tmp_path / "a.pt")
    with pytest.raises(UnreadableWeights, match="it is not an archive of tensors alone") as caught:
        unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert "weights_only" not in caught.value.detail
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([torch.zeros(2)], "not a dictionary of tensors"),
        ({}, "not a dictionary of tensors"),
        ({"a": torch.zeros(2), "b": {"c": 1}}, "'b' is not a plain tensor"),
        ({"a": torch.zeros(1).expand(1 << 27)}, "its tensors take 536,870,912 bytes together"),
        ({"a": torch.zeros(3, device="meta")}, "'a' is not a dense tensor of numbers"),
        ({"a": torch.eye(3).to_sparse()}, "'a' is not a dense tensor of numbers"),
        ({"a": torch.zeros(3, dtype=torch.complex64)}, "'a' is not a dense tensor of numbers"),
    ],
)
def test_other_contents_are_refused(value: Any, says: str) -> None:
    """By what they are, in the child as here."""
    with pytest.raises((TypeError, ValueError), match=says):
        unpickling._plain(value)


def test_a_tensor_that_claims_ten_terabytes_is_refused(tmp_path: Path) -> None:
    """It is never laid out; this process hears the reason."""
    torch.save({"a": torch.zeros(1).expand(10**13 // 4)}, tmp_path / "a.pt")
    with pytest.raises(UnreadableWeights, match="its tensors take 10,000,000,000,000 bytes together"):
        unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_bomb_ends_at_the_memory_limit(tmp_path: Path) -> None:
    """900 megabytes of zeros in one megabyte of archive: the child is refused the memory, this process lives."""
    torch.save({"a": torch.zeros(4)}, tmp_path / "small.pt")
    with (
        zipfile.ZipFile(tmp_path / "small.pt") as small,
        zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in small.namelist():
            with bomb.open(name, "w") as member:
                for part in [bytes(1 << 24)] * 54 if name.endswith("data/0") else [small.read(name)]:
                    member.write(part)
    with pytest.raises(UnreadableWeights, match=r"allocate memory|more memory"):
        unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever they are."""
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(UnreadableWeights, match=r"a\.pt"):
        unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()


def test_only_files_are_opened(tmp_path: Path) -> None:
    """No link, which may lead anywhere, no folder, and no pipe, which may never answer."""
    torch.save(TENSORS, tmp_path / "a.pt")
    (tmp_path / "link.pt").symlink_to("a.pt")
    (tmp_path / "folder.pt").mkdir()
    os.mkfifo(tmp_path / "pipe.pt")
    for name in ("link.pt", "folder.pt", "pipe.pt", "absent.pt"):
        with pytest.raises(UnreadableWeights, match=name):
            unpickle(tmp_path / name, tmp_path / "a.safetensors")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """It has holes, and costs nothing."""
    with (tmp_path / "a.pt").open("wb") as file:
        file.truncate(unpickling.MOST_BYTES + 1)
    with pytest.raises(UnreadableWeights, match="is not a file of 1 to 268,435,456 bytes"):
        unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")


def test_a_reader_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, and as an error of the file."""
    monkeypatch.setattr(unpickling, "_LONGEST_S", 0.01)
    torch.save(TENSORS, tmp_path / "a.pt")
    with pytest.raises(UnreadableWeights, match=r"takes longer than 0\.01 s"):
        unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
