"""A classifier of one's own from a folder of real recordings: taught, named, applied, reviewed, carried elsewhere."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from phonoscope.catalogue.cards import ModelCard
from phonoscope.client import Client
from phonoscope.contract.labels import LabelState
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Explain
from tests.support import RunningStack, phonoscope

LABELS = ("dog", "rain", "rooster", "helicopter")
TAUGHT_EACH, ASKED_EACH = 6, 4


def clips(data: Path) -> dict[str, tuple[list[Path], list[Path]]]:
    """For each label the clips to teach with and others, of another fold."""
    with (data / "esc10" / "meta.csv").open() as file:
        rows = list(csv.DictReader(file))

    def some(label: str, most: int, *, last_fold: bool) -> list[Path]:
        of_label = [row for row in rows if row["category"] == label and (row["fold"] == "4") == last_fold]
        return [data / "esc10" / "audio" / row["filename"] for row in of_label[:most]]

    return {
        label: (some(label, TAUGHT_EACH, last_fold=False), some(label, ASKED_EACH, last_fold=True)) for label in LABELS
    }


@pytest.fixture
def key(stack: RunningStack) -> Iterator[tuple[str, Client]]:
    """An owner's key, for the command line and for calls."""
    with stack.client(f"owner-{uuid4()}") as client:
        yield client._http.headers["Authorization"].split()[1], client


@pytest.mark.main
def test_a_folder_becomes_a_classifier(
    stack: RunningStack, data: Path, tmp_path: Path, key: tuple[str, Client]
) -> None:
    """In one command; it is right about clips of other recordings, says so beforehand, and is a model like any."""
    secret, client = key
    at = ("--url", stack.url, "--api-key", secret)
    folder = tmp_path / "yard"
    for label, (taught, _) in clips(data).items():
        (folder / label).mkdir(parents=True)
        for path in taught:
            shutil.copy(path, folder / label)
    (folder / "dog" / "notes.txt").write_text("not a recording")
    heard = {
        client.wait(client.analyze(path)).recording: label for label, (_, own) in clips(data).items() for path in own
    }

    done = phonoscope("teach", folder, "--apply", *at, timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "notes.txt: " in done.stderr
    for words in ("yard, version 1 on ", "accuracy ", "too few to say", "recordings: the labels of"):
        assert words in done.stdout

    card = client.classifier("yard")
    assert card.figures is not None
    assert card.figures.accuracy is not None
    assert card.figures.recordings == len(LABELS) * TAUGHT_EACH
    assert card.figures.accuracy >= 0.8
    assert card.applied is not None
    assert card.applied.tracks == len(LABELS) * (TAUGHT_EACH + ASKED_EACH)

    options = {"classify": {"model": "yard"}}
    jobs = {track: client.create_job(track, ["classify", "explain"], options) for track in heard}
    results = {track: client.wait(job) for track, job in jobs.items()}
    assert {job.status for job in results.values()} == {Status.SUCCEEDED}
    right = [job.result(Classify).top[0].label == heard[track] for track, job in results.items()]
    assert sum(right) >= 0.9 * len(right)
    assert all(job.result(Explain).model.name == "yard" for job in results.values())
    assert isinstance(model := client.model("yard"), ModelCard)
    assert model.labels == sorted(LABELS)
    named = {track.id for track in client.tracks(label="rooster", model="yard", limit=100).items}
    assert {track for track, label in heard.items() if label == "rooster"} <= named

    answered = set()
    for window in client.review_queue("yard", limit=5).items:
        state = LabelState.CONFIRMED if heard.get(window.track_id) == window.label else LabelState.REJECTED
        client.say_label(window.track_id, window.label, state, window.start_s, window.end_s)
        answered.add(window.track_id)
    assert phonoscope("classifiers", "teach", "yard", *at).returncode == 0
    newest, first = client.classifier_versions("yard")
    assert newest.figures is not None
    assert (newest.version, first.version) == (2, 1)
    assert newest.figures.recordings == len(LABELS) * TAUGHT_EACH + len(answered) > len(LABELS) * TAUGHT_EACH

    written = tmp_path / "yard.zip"
    assert phonoscope("classifiers", "export", "yard", "--to", written, "--version", "1", *at).returncode == 0
    assert "yard-2: version 1, 4 labels" in phonoscope("classifiers", "import", "yard-2", written, *at).stdout
    track, job = next(iter(results.items()))
    again = client.wait(client.create_job(track, [TaskName.CLASSIFY], {"classify": {"model": "yard-2"}}))
    assert again.result(Classify).top == job.result(Classify).top
    assert "yard-2" in phonoscope("classifiers", "list", *at).stdout
    assert phonoscope("classifiers", "delete", "yard", *at).returncode == 0
    assert [card.name for card in client.classifiers()] == ["yard-2"]
