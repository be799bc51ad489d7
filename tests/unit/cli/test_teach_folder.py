"""``phonoscope teach``: what is read from a folder, and what is refused before anything is taught."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import typer
from rich.console import Console

from phonoscope.client import ApiError, Client
from phonoscope.contract import Track
from phonoscope_cli.teach import _check, _uploaded, labelled_files, name_of, request_of, taught


def folder_of(place: Path, *files: str) -> Path:
    """A folder with these files, each with its own name in it."""
    for name in files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    return place


def test_sub_folders_are_labels(tmp_path: Path) -> None:
    """With the folders in them; hidden ones, empty ones and files beside them are no labels."""
    names = ("dog/1.wav", "dog/far/2.wav", "dog/.cache/3.wav", "wren/1.wav", ".git/1.wav", "notes.txt")
    folder = folder_of(tmp_path, *names)
    (folder / "empty").mkdir()
    found = labelled_files(folder)
    assert {label: [path.name for path in paths] for label, paths in found.items()} == {
        "dog": ["1.wav", "2.wav"],
        "wren": ["1.wav"],
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [((), "there are: none"), (("dog/1.wav", "2.wav"), "there are: dog"), (None, "is no folder")],
)
def test_a_folder_without_two_labels_is_refused(tmp_path: Path, files: tuple[str, ...] | None, said: str) -> None:
    folder = tmp_path / "absent" if files is None else folder_of(tmp_path, *files)
    with pytest.raises(typer.BadParameter, match=said):
        labelled_files(folder)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Birds", "birds"),
        ("My Faults, 2024!", "my-faults-2024"),
        ("鳥", "classifier"),
        ("-" * 9, "classifier"),
        ("a" * 80, "a" * 63),
    ],
)
def test_a_folder_names_its_classifier(folder: str, name: str) -> None:
    assert name_of(Path(folder)) == name


def test_one_recording_under_two_labels(tmp_path: Path) -> None:
    """It contradicts itself unless several labels can hold; the two files are named."""
    examples = {"dog": {"trk_1": tmp_path / "a.wav", "trk_2": tmp_path / "b.wav"}, "cat": {"trk_1": tmp_path / "c.wav"}}
    with pytest.raises(typer.BadParameter, match=r"c\.wav and .*a\.wav are the same recording"):
        _check(examples, several=False)
    _check(examples, several=True)
    with pytest.raises(typer.BadParameter, match="fewer than two labels"):
        _check({"dog": examples["dog"]}, several=True)


@pytest.mark.parametrize("there", [True, False])
def test_what_is_not_asked_for_stays(there: bool) -> None:
    """A classifier that is there keeps its space and its kind; a new one gets the usual ones."""
    sent: list[tuple[str, dict[str, object]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sent.append((request.url.path, json.loads(request.read())))
            return httpx.Response(202, json=card)
        return httpx.Response(
            200, json=card if request.url.path.endswith("/yard") else {"items": [card] if there else []}
        )

    card = made_card("yard")
    asked = request_of({"dog": ["trk_1"], "wren": ["trk_2"]})
    with Client("http://phonoscope.test", "psk_a_b", transport=httpx.MockTransport(answer)) as client:
        assert taught(client, Console(file=io.StringIO()), "yard", asked).name == "yard"
        given = {"confirmed": False, "labels": ["dog", "wren"], "examples": {"dog": ["trk_1"], "wren": ["trk_2"]}}
        told = [("/v1/classifiers/yard/teach", given)] if there else [("/v1/classifiers", {"name": "yard", **given})]
        assert sent == told
    named = request_of({"dog": ["trk_1"]}, "mobilenet", several=False).model_dump(exclude_unset=True)
    assert (named["space"], named["multi_label"]) == ("mobilenet", False)


def made_card(name: str) -> dict[str, object]:
    """Of a classifier that was taught once."""
    nothing = dict.fromkeys(("job_id", "problem", "figures", "applied", "taught_at"))
    no = dict.fromkeys(("multi_label", "reteach", "confirmed", "erased", "shadowed"), False)
    space = {"id": 1, "model": "mobilenet", "digest": "sha256:0"}
    counts = {"version": 1, "label_count": 2, "examples": 2, "queue": 0}
    facts = {"id": "cls_1", "name": name, "state": "ready", "space": space, "labels": ["dog", "wren"], "doubts": []}
    return {**nothing, **no, **counts, **facts, "created_at": "2026-01-01T00:00:00Z"}


def test_a_file_that_is_refused_costs_a_line(tmp_path: Path, make_track: Callable[..., Track]) -> None:
    """The others are uploaded; a wrong key ends it."""
    folder = folder_of(tmp_path, "dog/1.wav", "dog/notes.txt", "cat/2.wav", "empty/none.txt")
    files, seen, status = labelled_files(folder), [], 415

    def answer(request: httpx.Request) -> httpx.Response:
        body = request.read()
        if b"/1.wav" in body or b"/2.wav" in body:
            seen.append(request.url.path)
            return httpx.Response(
                201, text=make_track().model_copy(update={"id": f"trk_{len(seen)}"}).model_dump_json()
            )
        return httpx.Response(status, json={"title": "Refused", "detail": "no audio", "code": "unsupported"})

    with Client("http://phonoscope.test", "psk_a_b", transport=httpx.MockTransport(answer)) as client:
        shown = io.StringIO()
        found = _uploaded(client, Console(file=shown, width=200), folder, files)
        assert {label: list(tracks) for label, tracks in found.items()} == {"cat": ["trk_1"], "dog": ["trk_2"]}
        assert all(f"{name}: Refused: no audio" in shown.getvalue() for name in ("notes.txt", "none.txt"))
        status = 401
        with pytest.raises(ApiError):
            _uploaded(client, Console(file=shown, width=200), folder, files)
