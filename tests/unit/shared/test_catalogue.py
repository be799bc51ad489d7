"""The served models follow their folders."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from phonoscope.catalogue import PULLABLE, AnyManifest, Catalogue, LiveCatalogue, live
from phonoscope.errors import InvalidManifest, UnknownModel
from phonoscope.logs import get_logger

MANIFEST: dict[str, Any] = {
    "version": 1,
    "kind": "test sound",
    "architecture": "resnet18",
    "embedding_dim": 512,
    "labels": ["bell", "rain"],
    "front_end": {},
    "unknown_below": 0.3,
    "metrics": {},
    "data": "none",
    "licence": "none",
    "limits": [],
    "weights": {"file": "weights.safetensors", "sha256": "0" * 64, "dtype": "float16"},
}


def write(folder: Path, name: str, **changes: Any) -> Path:
    """A model's manifest; the catalogue reads nothing else."""
    path = folder / name / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(MANIFEST | {"name": name} | changes))
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Where pulled and shipped models are; one ships."""
    write(tmp_path / "shipped", "small")
    return tmp_path / "pulled", tmp_path / "shipped"


@pytest.fixture
def catalogue(folders: tuple[Path, Path]) -> LiveCatalogue:
    """It has been read once."""
    found = LiveCatalogue(*folders)
    assert list(found.current.models) == ["small"]
    return found


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the catalogue logs."""
    # A logger that has been used keeps the settings of its first use.
    monkeypatch.setattr(live, "_log", get_logger("test"))
    with capture_logs() as entries:
        yield entries


def test_a_model_that_is_added_counts_at_once(catalogue: LiveCatalogue, folders: tuple[Path, Path]) -> None:
    """Also in a folder that did not exist before; what was handed out before stays as it was."""
    before = catalogue.current
    write(folders[0], "large")
    assert list(catalogue.current.models) == ["large", "small"]
    assert catalogue.current.get("large").labels == ["bell", "rain"]
    assert list(before.models) == ["small"]


def test_a_model_that_is_replaced_counts_at_once(catalogue: LiveCatalogue, folders: tuple[Path, Path]) -> None:
    """In its own folder, or by one of the same name in a folder that comes first."""
    identities = [catalogue.current.get("small").identity]
    for number, folder in enumerate(reversed(folders)):
        write(folder, "small", labels=["dog", f"cat {number}"])
        assert catalogue.current.get("small").labels[1] == f"cat {number}"
        identities.append(catalogue.current.get("small").identity)
    assert len(set(identities)) == 3
    assert catalogue.current.folder("small") == folders[0] / "small"


def test_a_model_that_is_removed_is_unknown_at_once(catalogue: LiveCatalogue, folders: tuple[Path, Path]) -> None:
    """The last one too."""
    shutil.rmtree(folders[1] / "small")
    assert catalogue.current.models == {}
    with pytest.raises(UnknownModel, match="no model 'small'; served: none"):
        catalogue.current.get("small")


def test_nothing_is_read_again_without_a_change(
    catalogue: LiveCatalogue, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same value, until a manifest changes."""
    read: list[Catalogue] = []

    def counted(*folders: Path, before: Mapping[str, AnyManifest] | None = None) -> Catalogue:
        read.append(Catalogue(*folders, before=before))
        return read[-1]

    monkeypatch.setattr(live, "Catalogue", counted)
    assert catalogue.current is catalogue.current
    assert read == []
    write(folders[1], "small", version=2)
    assert catalogue.current is catalogue.current
    assert len(read) == 1


def test_an_unreadable_manifest_takes_nothing_away(
    catalogue: LiveCatalogue, folders: tuple[Path, Path], logged: list[Any]
) -> None:
    """Other models are added meanwhile, its own stays as it was before; once it can be read, it counts."""
    before = catalogue.current.get("small")
    path = write(folders[1], "small")
    path.write_text("{")
    for _ in range(3):
        assert catalogue.current.get("small") is before
    write(folders[0], "large")
    assert list(catalogue.current.models) == ["large", "small"]
    write(folders[1], "small", version=2)
    assert list(catalogue.current.models) == ["large", "small"]
    assert catalogue.current.get("small").version == 2
    assert {entry["event"] for entry in logged} == {"catalogue.unreadable"}
    assert str(path) in logged[0]["reason"]


def test_an_unreadable_manifest_is_logged_once_per_change(
    catalogue: LiveCatalogue, folders: tuple[Path, Path], logged: list[Any]
) -> None:
    """Another fault in it is another change."""
    path = write(folders[0], "large")
    for content in ("{", "[]", "null"):
        path.write_text(content)
        for _ in range(3):
            assert list(catalogue.current.models) == ["small"]
    assert len(logged) == 3


def test_an_unreadable_manifest_at_the_start_takes_its_own_model_away(folders: tuple[Path, Path]) -> None:
    """The error names the file where that model is asked for; the others are served."""
    path = folders[1] / "small" / "manifest.json"
    path.write_text("{")
    write(folders[0], "large")
    catalogue = LiveCatalogue(*folders)
    assert list(catalogue.current.models) == ["large"]
    for ask in (catalogue.current.get, catalogue.current.check):
        with pytest.raises(InvalidManifest, match=str(path)):
            ask("small")
    assert str(path) in catalogue.current.absent["small"]
    write(folders[1], "small")
    assert list(catalogue.current.models) == ["large", "small"]


def test_the_page_offers_a_separation_model_that_can_be_pulled_with_its_size() -> None:
    """The page names the model and its size without a call: both are those of the catalogue."""
    source = Path(__file__).parents[3] / "services" / "web" / "src" / "mixer" / "separators.ts"
    found = re.search(r'name: "(\w+)", sizeBytes: ([\d_]+)', source.read_text())
    assert found is not None
    offered = PULLABLE[found[1]]
    assert (offered.kind, offered.size_bytes) == ("separation", int(found[2]))
