"""Models that cannot be served: each is refused by name with what is wrong, and everything else goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phonoscope.client import ApiError, Client
from phonoscope.states import Status
from phonoscope.tasks import Classify
from tests.classifiers import write_classifier
from tests.support import RunningStack, tone_wav
from tests.unit.ml.headed import write_body, write_head

FEATURES = 896


@pytest.fixture
def pulled(stack: RunningStack, client: Client) -> Iterator[Path]:
    """The folder of pulled models of the running stack, emptied afterwards."""
    folder = stack.pulled_models
    folder.mkdir(exist_ok=True)
    yield folder
    shutil.rmtree(folder)
    folder.mkdir()
    # A manifest that was read once would stand for an unreadable one of its name.
    assert "fine" not in {card.name for card in client.models()}


@pytest.fixture
def track_id(client: Client, tmp_path: Path) -> str:
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(2.0, seed=901))
    return client.upload(path).id


def problem_of(client: Client, track_id: str, model: Any = "odd") -> tuple[str, str]:
    """Code and detail of the refusal, at the request or in the task; and what is refused harms nothing else."""
    try:
        job = client.wait(client.create_job(track_id, ["classify"], {"classify": {"model": model}, "no_cache": True}))
    except ApiError as refusal:
        found = refusal.code, str(refusal.problem["detail"])
    else:
        assert job.status is Status.FAILED
        error = job.tasks[0].error
        assert error is not None
        assert not error["retryable"]
        found = error["code"], error["detail"]
    fine = {"classify": {"model": "fine"}, "no_cache": True}
    assert client.wait(client.create_job(track_id, ["classify"], fine)).result(Classify).label == "bell"
    assert "fine" in {card.name for card in client.models()}
    return found


def on_a_body(pulled: Path, digest: str | None = None) -> str:
    """A head on a body of its own; returns the digest of the body's weights."""
    true = write_body(pulled / "ear", "mobilenet")
    write_head(pulled / "odd", {"ear": digest or true}, FEATURES)
    return true


def without_body(pulled: Path) -> None:
    on_a_body(pulled)
    shutil.rmtree(pulled / "ear")


def on_a_published_body(pulled: Path) -> None:
    write_head(pulled / "odd", {"mn04": "0" * 64}, FEATURES)


def on_another_body(pulled: Path) -> None:
    on_a_body(pulled, "0" * 64)


def with_a_damaged_body(pulled: Path) -> None:
    on_a_body(pulled)
    (pulled / "ear" / "weights.safetensors").write_bytes(b"damaged")


def with_an_unreadable_body(pulled: Path) -> None:
    on_a_body(pulled)
    change(pulled / "ear", architecture="transformer")


def change(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def cut(folder: Path, name: str, share: float) -> None:
    """Keeps the beginning of a file: so much of it has been copied."""
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(share * len(whole))])


def half_copied(name: str, share: float) -> Callable[[Path], None]:
    def make(pulled: Path) -> None:
        write_classifier(pulled / "odd", "dog", 2)
        cut(pulled / "odd", name, share)

    return make


def without_weights(pulled: Path) -> None:
    write_classifier(pulled / "odd", "dog", 2)
    (pulled / "odd" / "weights.safetensors").unlink()


def without_manifest(pulled: Path) -> None:
    write_classifier(pulled / "odd", "dog", 2)
    (pulled / "odd" / "manifest.json").unlink()


def a_body(pulled: Path) -> None:
    write_body(pulled / "odd", "mobilenet")


def of_an_unknown_network(pulled: Path) -> None:
    write_classifier(pulled / "odd", "dog", 2)
    change(pulled / "odd", architecture="transformer")


@pytest.mark.long
@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (without_body, "body_absent", "odd needs ear, which is not there"),
        (on_a_published_body, "body_absent", "odd needs mn04: run `phonoscope models pull mn04`"),
        (on_another_body, "body_absent", "its digest differs"),
        (with_a_damaged_body, "weights_mismatch", "ear/weights.safetensors has the SHA-256"),
        (with_an_unreadable_body, "invalid_manifest", "unknown architecture 'transformer'"),
        (half_copied("weights.safetensors", 0.5), "weights_mismatch", "odd/weights.safetensors has the SHA-256"),
        (half_copied("manifest.json", 0.5), "invalid_manifest", "odd/manifest.json"),
        (half_copied("manifest.json", 0.0), "invalid_manifest", "odd/manifest.json"),
        (without_weights, "weights_mismatch", "odd/weights.safetensors is missing"),
        (without_manifest, "unknown_model", "no model 'odd'"),
        (a_body, "unknown_model", "no model 'odd'"),
        (of_an_unknown_network, "invalid_manifest", "transformer"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_model_that_cannot_be_served(
    client: Client, pulled: Path, track_id: str, make: Callable[[Path], None], code: str, says: str
) -> None:
    """The error has a code of its own and names the file, or the command that helps."""
    write_classifier(pulled / "fine", "bell", 1)
    make(pulled)
    found, detail = problem_of(client, track_id)
    assert (found, says in detail) == (code, True), detail


def test_a_folder_that_is_copied_to_its_end_is_served(client: Client, pulled: Path, track_id: str) -> None:
    """Whatever was refused before."""
    write_classifier(pulled / "fine", "bell", 1)
    write_classifier(pulled / "odd", "dog", 2)
    whole = (pulled / "odd" / "weights.safetensors").read_bytes()
    cut(pulled / "odd", "weights.safetensors", 0.5)
    assert problem_of(client, track_id)[0] == "weights_mismatch"
    (pulled / "odd" / "weights.safetensors").write_bytes(whole)
    options = {"classify": {"model": "odd"}}
    assert client.wait(client.create_job(track_id, ["classify"], options)).result(Classify).label == "dog"


def test_auto_goes_on_without_a_model_that_is_damaged(client: Client, pulled: Path, track_id: str) -> None:
    """The result warns of it; here it is the one that would tell kinds apart."""
    write_classifier(pulled / "kinds", "music", 3)
    cut(pulled / "kinds", "weights.safetensors", 0.5)
    options = {"classify": {"model": "auto"}, "no_cache": True}
    found = client.wait(client.create_job(track_id, ["classify"], options)).result(Classify)
    assert (found.kind, found.model.name) == ("sound", "environment-50")
    assert any(warning.startswith("kinds cannot be used: ") for warning in found.warnings)


@pytest.mark.parametrize(
    ("model", "label", "says"),
    [
        ("fine", "dog", "there is no dog; there are bell, anything else"),
        (["fine", "odd"], "dog", "there is no dog; there are bell"),
        ("auto", "whale song", "there is no whale song"),
    ],
    ids=["one model", "several models", "auto"],
)
def test_a_label_that_the_model_lacks(
    client: Client, pulled: Path, track_id: str, model: Any, label: str, says: str
) -> None:
    """It is refused with the request; the error lists the labels there are, of several models those of the first."""
    write_classifier(pulled / "fine", "bell", 1)
    write_classifier(pulled / "odd", "dog", 2)
    with pytest.raises(ApiError, match=says) as refusal:
        client.create_job(track_id, ["explain"], {"classify": {"model": model}, "explain": {"label": label}})
    assert (refusal.value.status_code, refusal.value.code) == (422, "unknown_label")
