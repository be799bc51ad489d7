"""Artifacts before they are stored."""

from __future__ import annotations

import io

import pytest

from phonoscope.states import TaskName
from phonoscope.work import Artifact, Claim, ClaimedTrack, Outcome

TRACK = ClaimedTrack("trk_1", "own_1", "tracks/trk_1/original", 1.0)


def test_a_file_is_as_good_as_bytes() -> None:
    """Size and content are the same, wherever the file stood; the size is known after the file was closed too."""
    file = io.BytesIO(b"12345")
    file.read(2)
    given, kept = Artifact("a", "k", "m", file), Artifact("a", "k", "m", b"12345")
    with given.open() as one, kept.open() as other:
        assert other.read() == b"12345"
        assert one.seek(0) == 0
        assert one.read() == b"12345"
    assert given.size_bytes == kept.size_bytes == 5
    assert given.reference == {"artifact": given.id, "name": given.name, "media_type": "m", "size_bytes": 5}
    assert given.id != kept.id
    assert given.id.startswith("art_")


@pytest.mark.parametrize("name", ["", ".hidden", "../a", "a/b", "A.png", "a b", "ä.png", "a\n", "a" * 101])
def test_a_name_is_safe_in_a_key(name: str) -> None:
    """Nothing leads out of the attempt's own folder, and nothing needs an escape."""
    with pytest.raises(ValueError, match="no name for an artifact"):
        Artifact(name, "k", "m", b"1")


def test_an_artifact_holds_something() -> None:
    """One without a byte is a mistake of the task."""
    with pytest.raises(ValueError, match=r"'a\.png' is empty"):
        Artifact("a.png", "k", "m", b"")


def test_an_outcome_does_not_contradict_itself() -> None:
    """Two artifacts cannot lie in one place, and a failure makes none."""
    one, other = Artifact("a", "k", "m", b"1"), Artifact("a", "k", "m", b"2")
    with pytest.raises(ValueError, match="the same name"):
        Outcome({}, artifacts=(one, other))
    with pytest.raises(ValueError, match="failed"):
        Outcome(problem={"code": "x"}, artifacts=(one,))


def test_each_attempt_has_a_place_of_its_own() -> None:
    """Two attempts of one task, and two tasks of one attempt, never write the same object."""
    artifact = Artifact("a.png", "k", "m", b"1")
    claims = [Claim(token, "job_1", TRACK, {}, {}, 1) for token in ("lease_1", "lease_2")]
    keys = [claim.object_key(task, artifact) for claim in claims for task in (TaskName.EMBED, TaskName.DESCRIBE)]
    assert len(set(keys)) == 4
    assert keys[0] == "tracks/trk_1/embed/lease_1/a.png"
