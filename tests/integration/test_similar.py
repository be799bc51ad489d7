"""Silence and copies in what is like a track, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from phonoscope.client import ApiError, Client
from phonoscope.db.access.engine import Database
from phonoscope.db.library.embeddings import LeftOut, search_from
from phonoscope.db.schema.tables import AcousticFingerprintRow, TrackRow
from phonoscope.errors import NotFound, SilentRecording
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Embed
from phonoscope.work import Outcome, Space
from tests.corpus.alike import melody, write
from tests.corpus.case import NO_FFMPEG, ffmpeg, has_ffmpeg
from tests.integration.life import ONE, claimed, empty, end, nearest_to, new_job, new_track
from tests.support import RunningStack, columns_of, tone_wav

SILENT = "silent_recording"


def embedded(client: Client, path: Path) -> str:
    """The id of the track, once it is embedded."""
    job = client.wait(client.analyze(path, ["embed"]))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job.recording


def silence(folder: Path, seconds: float = 2.0) -> Path:
    path = folder / f"{seconds}.wav"
    path.write_bytes(tone_wav(seconds)[:44] + bytes(2 * round(seconds * 44_100)))
    return path


@pytest.mark.long
def test_a_silent_track_is_like_nothing(client: Client, tmp_path: Path) -> None:
    """Its job succeeds and says so, a question for its neighbours is refused, and it is nobody's neighbour."""
    quiet, sound, other = silence(tmp_path), write(tmp_path / "a.wav", melody(1)), write(tmp_path / "b.wav", melody(2))
    job = client.wait(client.analyze(quiet, ["embed"], {"embed": {"return_vector": True}}))
    result = job.result(Embed)
    assert (job.status, result.silent, result.vector, result.spaces) == (Status.SUCCEEDED, True, None, [])
    with pytest.raises(ApiError, match="is silent: nothing sounds like it") as refused:
        client.similar(job.recording)
    assert (refused.value.status_code, refused.value.code) == (422, SILENT)
    first, second = embedded(client, sound), embedded(client, other)
    found = client.neighbours(first)
    assert ([near.track.id for near in found.items], found.silent, found.outdated) == ([second], 1, 0)
    assert client.wait(client.create_job(job.recording, ["embed"], {"embed": {"return_vector": True}})).tasks[0].cached


@pytest.mark.long
def test_a_silent_track_has_no_place_on_the_map(client: Client, tmp_path: Path) -> None:
    """The map says how many have none; it is complete without them, and more silence does not draw it again."""
    tracks = {embedded(client, write(tmp_path / f"{seed}.wav", melody(seed, 2.0))) for seed in (3, 4)}
    embedded(client, silence(tmp_path, 1.0))
    assert (client.library_map().missing, client.library_map().silent) == (2, 1)
    assert client.wait(client.create_job(None, ["map"])).status is Status.SUCCEEDED
    embedded(client, silence(tmp_path, 3.0))
    found = client.library_map()
    assert ({point.track_id for point in found.points}, found.missing, found.silent) == (tracks, 0, 2)
    assert client.create_job(None, ["map"]).tasks[0].cached


@pytest.mark.long
@pytest.mark.skipif(not has_ffmpeg(), reason=NO_FFMPEG)
def test_copies_come_first_and_the_others_in_groups(client: Client, stranger: Client, tmp_path: Path) -> None:
    """A narrow, quiet MP3 of a recording finds it before all else; so does one that was cut."""
    notes, others = melody(5), melody(6)
    original = embedded(client, write(tmp_path / "original.wav", notes))
    ffmpeg("-i", tmp_path / "original.wav", "-af", "volume=-12dB", "-b:a", "32k", tmp_path / "copy.mp3")
    copy = embedded(client, tmp_path / "copy.mp3")
    cut = embedded(client, write(tmp_path / "cut.wav", notes[9_000:]))
    other = embedded(client, write(tmp_path / "other.wav", others))
    quieter = embedded(client, write(tmp_path / "quieter.wav", 0.1 * others))
    embedded(stranger, write(tmp_path / "foreign.wav", 0.5 * notes))
    for track_id, copies in ((original, {copy, cut}), (copy, {original, cut}), (cut, {original, copy})):
        *first, last = client.similar(track_id)
        assert {near.track.id for near in first if near.is_copy} == copies == {near.track.id for near in first}
        assert {last.track.id, *(near.track.id for near in last.copies)} == {other, quieter}
        assert not last.is_copy
    (own, group) = client.similar(other)
    assert (own.track.id, own.is_copy, own.copies) == (quieter, True, [])
    assert {group.track.id, *(near.track.id for near in group.copies)} == {original, copy, cut}
    assert len(client.similar(original, limit=1)) == 1
    client.delete_track(copy)
    assert [near.track.id for near in client.similar(original) if near.is_copy] == [cut]


@pytest.mark.long
def test_tracks_that_were_embedded_before_have_no_copies_yet(
    client: Client, stack: RunningStack, tmp_path: Path
) -> None:
    """They are neighbours as before; once both are embedded again they are copies."""
    tracks = [embedded(client, write(tmp_path / f"{gain}.wav", gain * melody(7, 2.0))) for gain in (0.5, 1.0)]
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        session.execute(delete(AcousticFingerprintRow).where(AcousticFingerprintRow.track_id.in_(tracks)))
    database.close()
    assert [(near.track.id, near.is_copy) for near in client.similar(tracks[0])] == [(tracks[1], False)]
    for track_id in tracks:
        client.wait(client.create_job(track_id, ["embed"], {"no_cache": True}))
    assert [(near.track.id, near.is_copy) for near in client.similar(tracks[0])] == [(tracks[1], True)]


def test_a_silent_stem_is_like_no_stem(database: Database) -> None:
    """It is neither asked about nor found, while the track as a whole and its other stems are."""
    empty(database)
    first, space = new_track(database), Space("m", "d")
    with database.transaction() as session:
        second = TrackRow(**columns_of(first) | {"id": f"{first.id}2", "sha256": "1"})
        session.add(second)
    sounding: dict[str, list[float] | None] = {"": ONE, "drums": ONE, "vocals": ONE}
    for track, vectors in ((first, sounding), (second, sounding | {"vocals": None})):
        new_job(database, track, [TaskName.EMBED])
        end(database, claimed(database), embed=Outcome({}, None, "m", "d", vectors={space: vectors}))
    with database.transaction() as session:
        for stem, found, silent in (("", 1, 0), ("drums", 1, 0), ("vocals", 0, 1)):
            search = search_from(session, first.owner_id, first.id, space, stem)
            assert (len(nearest_to(session, search)), search.left_out(session)) == (found, LeftOut(0, silent))
        with pytest.raises(SilentRecording, match="the stem 'vocals' of track"):
            search_from(session, first.owner_id, second.id, space, "vocals")
        with pytest.raises(NotFound, match="there are drums, vocals"):
            search_from(session, first.owner_id, second.id, space, "bass")
