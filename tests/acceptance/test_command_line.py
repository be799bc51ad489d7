"""The command line against the running stack."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import ApiError, Client
from tests.support import RunningStack, examples, id_of, phonoscope, secret_of, tone_wav


@pytest.mark.main
def test_analyze_prints_what_was_heard(stack: RunningStack, tmp_path: Path) -> None:
    """Labels with probabilities, the timeline, the time: in a readable table."""
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(6.0, seed=100))
    done = phonoscope("analyze", path, "--data-dir", stack.folder)
    assert done.returncode == 0, done.stderr
    for words in ("tone.wav", "what it hears", "%", "over time", "0:00.0", "from request to result"):
        assert words in done.stdout


def test_analyze_saves_what_tasks_make(stack: RunningStack, tmp_path: Path) -> None:
    """Why it was heard is printed, and pictures, arrays and sound lie in a folder of the recording's name."""
    path = tmp_path / "why.wav"
    path.write_bytes(tone_wav(5.0, seed=106))
    words = ("--tasks", "classify,explain,features", "--save", tmp_path / "made")
    done = phonoscope("analyze", path, *words, "--data-dir", stack.folder)
    assert done.returncode == 0, done.stderr
    for said in ("why ", "sub-bass", "brilliance", "evidence for"):
        assert said in done.stdout
    made = {file.name for file in (tmp_path / "made" / "why.wav").iterdir()}
    assert {"explain-overlay.png", "explain-listen.flac", "explain-heatmap.npz", "features-last.png"} <= made


def test_analyze_as_json_is_for_programs(stack: RunningStack, tmp_path: Path) -> None:
    """One object a line, and nothing else on standard output."""
    paths = [tmp_path / f"{seed}.wav" for seed in (101, 102)]
    for path in paths:
        path.write_bytes(tone_wav(seed=int(path.stem)))
    done = phonoscope("analyze", *paths, "--json", "--tasks", "embed", "--data-dir", stack.folder)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(row["file"]) for row in rows] == paths
    assert {row["job"]["status"] for row in rows} == {"succeeded"}


@pytest.mark.main
def test_search_finds_moments_by_words_and_by_sounds(stack: RunningStack, tmp_path: Path) -> None:
    """In a readable table, with their times; as JSON for programs; what is asked wrongly is said."""
    made = examples()
    (clip,) = (clip for clip in made.CLIPS if clip.file == "dog_large.flac")
    path = made.write(tmp_path / clip.file, made.quantised(clip.samples(), clip.peak))
    at = ("--data-dir", stack.folder)
    track = json.loads(phonoscope("analyze", path, "--json", *at).stdout)["job"]["track_id"]
    for words in (["a dog barking"], ["--like", path], ["--like", path, "--tracks"], ["--track", track, "--to", "2"]):
        done = phonoscope("search", *words, *at)
        assert done.returncode == 0, done.stderr
        assert re.search(r"0:0\d\.\d – 0:0\d\.\d +(copy of it: )?dog_large\.flac", done.stdout) or "--track" in words
    answer = json.loads(phonoscope("search", "dog", "--words", clip.file, "--limit", "1", "--json", *at).stdout)
    assert [item["track"]["id"] for item in answer["items"]] == [track]
    assert answer["items"][0]["labels"][0]["label"] == "dog"
    for wrong in ([], ["dog", "--like", path], ["--like", tmp_path / "absent.wav"], ["--track", track, "--from", "99"]):
        done = phonoscope("search", *wrong, *at)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr


def test_a_wrong_file_does_not_stop_the_others(stack: RunningStack, tmp_path: Path) -> None:
    """Whatever is wrong is told by the file's name, the rest is analysed, and the exit status says that some failed."""
    right = [tmp_path / "1.wav", tmp_path / "é 2.wav", Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))]
    for number, path in enumerate(right):
        path.write_bytes(tone_wav(seed=103 + number))
    wrong = [tmp_path / name for name in ("text.mp3", "empty.wav", "folder", "pipe.wav", "dangling.wav", "absent.wav")]
    wrong[0].write_text("not a song")
    wrong[1].touch()
    wrong[2].mkdir()
    os.mkfifo(wrong[3])
    wrong[4].symlink_to(tmp_path / "nothing.wav")
    if os.geteuid():
        wrong.append(tmp_path / "unreadable.wav")
        wrong[-1].write_bytes(tone_wav())
        wrong[-1].chmod(0)
    files = [*wrong[:3], right[0], *wrong[3:], *right[1:]]
    done = phonoscope("analyze", *files, "--tasks", "classify", "--data-dir", stack.folder)
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in done.stderr.splitlines() if line] == [str(path) for path in wrong]
    assert "not a recording" in done.stderr
    assert done.stdout.count("what it hears") == 3
    assert "ÿ.wav" in done.stdout


def test_no_file_can_move_the_cursor(stack: RunningStack, tmp_path: Path) -> None:
    """What a name has for the terminal is printed as an escape, in any encoding of it."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + "/é\x1b[31m".encode() + b"\xff.wav"))
    done = phonoscope("analyze", path, "--data-dir", stack.folder, settings={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert "\\xe9\\x1b[31m\\xff.wav: " in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_key_is_told(stack: RunningStack, tmp_path: Path) -> None:
    """One sentence, no traceback."""
    tone = tmp_path / "tone.wav"
    tone.write_bytes(tone_wav())
    done = phonoscope("analyze", tone, "--url", stack.url, "--api-key", "psk_no_no")
    assert done.returncode == 1
    assert "API key" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_service_is_told(tmp_path: Path) -> None:
    """Where nothing answers, or no stack has run, the command says what to do."""
    tone = tmp_path / "tone.wav"
    tone.write_bytes(tone_wav())
    nobody = phonoscope("analyze", tone, "--url", "http://127.0.0.1:9", "--api-key", "psk_a_b")
    nowhere = phonoscope("analyze", tone, "--data-dir", tmp_path / "empty")
    assert (nobody.returncode, nowhere.returncode) == (1, 1)
    assert "no answer" in nobody.stderr
    assert "phonoscope up" in nowhere.stderr


def test_keys_are_made_listed_and_revoked(stack: RunningStack) -> None:
    """A new key works at once and is of its own owner; a revoked one no longer does."""
    name = f"tester-{uuid4().hex[:8]}"
    key = phonoscope("keys", "create", name, "--data-dir", stack.folder).stdout.strip()
    with Client(stack.url, key) as client:
        assert client.tracks().items == []
    listed = phonoscope("keys", "list", "--data-dir", stack.folder, settings={"COLUMNS": "400"}).stdout
    assert name in listed
    assert secret_of(key) not in listed
    assert phonoscope("keys", "revoke", id_of(key), "--data-dir", stack.folder).returncode == 0
    answer = httpx.get(f"{stack.url}/v1/tracks", headers={"Authorization": f"Bearer {key}"}, timeout=60)
    assert answer.status_code == 401


def test_the_operator_changes_and_rotates_keys(stack: RunningStack) -> None:
    """Scopes and expiry are printed and hold; both secrets are good after a rotation; the audit log has all of it."""
    here = ("--data-dir", stack.folder)
    name = f"tester-{uuid4().hex[:8]}"
    key = phonoscope("keys", "create", name, "--scope", "read", "--expires", "2099-01-01", *here).stdout.strip()
    key_id = id_of(key)
    listed = phonoscope("keys", "list", *here, settings={"COLUMNS": "400"}).stdout
    assert re.search(rf"{key_id}.*{name}.*read .*2099-01-01.*valid", listed)
    with Client(stack.url, key) as client, pytest.raises(ApiError, match="scope"):
        client.create_job(None, ["map"])
    changed = phonoscope("keys", "change", key_id, "--scope", "read", "--scope", "admin", "--never-expires", *here)
    assert changed.returncode == 0, changed.stderr
    with Client(stack.url, key) as client:
        assert client.key(key_id).expires_at is None
        rotated = phonoscope("keys", "rotate", key_id, *here).stdout.strip()
        with Client(stack.url, rotated) as again:
            assert again.key(key_id) == client.key(key_id)
    assert phonoscope("keys", "revoke", key_id, "--cancel", "key", *here).returncode == 0
    told = phonoscope("audit", "--owner", name, "--json", *here)
    entries = [json.loads(line) for line in told.stdout.splitlines()]
    assert [entry["action"] for entry in entries] == ["key.revoked", "key.rotated", "key.changed", "key.created"]
    assert {entry["key_id"] for entry in entries} == {None}
    assert secret_of(rotated) not in told.stdout
    assert "key.revoked" in phonoscope("audit", "--subject", key_id, *here).stdout
    for wrong in (("change", key_id), ("rotate", "nobody"), ("create", name, "--expires", "2001-01-01")):
        assert phonoscope("keys", *wrong, *here).returncode != 0


def test_usage_is_printed(stack: RunningStack) -> None:
    """Every quota, with its limit."""
    done = phonoscope("usage", "--data-dir", stack.folder)
    assert done.returncode == 0, done.stderr
    for word in ("requests", "stored_bytes", "100,000"):
        assert word in done.stdout


@pytest.mark.main
def test_doctor_finds_a_healthy_stack_healthy(stack: RunningStack) -> None:
    """Everything it names is looked at, and exit status 0 says all is well."""
    done = phonoscope("doctor", "--data-dir", stack.folder)
    assert done.returncode == 0, done.stdout
    for subject in (
        "python: ",
        "torch: ",
        "sandbox: no calls: ",
        "model environment-10: ",
        "postgres: pgvector 0.8",
        "broker: ",
        "object store: ",
        "direct uploads: off",
        "connections: direct",
        "schema: ",
        "courier: 1 connected",
        "gpu workers: gpu@",
        "cpu workers: cpu@",
        "vector indexes: pgvector 0.8",
        "metrics folder: ",
        "metrics: ",
        "sign-in: by API keys alone",
        "traces: off",
        "disk: ",
    ):
        assert subject in done.stdout


def test_doctor_says_what_to_do(tmp_path: Path) -> None:
    """Without a stack it names the fault and the command that mends it."""
    done = phonoscope("doctor", "--data-dir", tmp_path / "nothing")
    assert done.returncode == 1
    assert "FAULT" in done.stdout
    assert "phonoscope up" in done.stdout


def test_models_are_listed_and_verified() -> None:
    """By name and digest, from the files."""
    listed = phonoscope("models", "list").stdout
    assert all(name in listed for name in ("environment-10", "environment-50", "genre-10", "demucs-mini"))
    assert "whole" in phonoscope("models", "verify").stdout
