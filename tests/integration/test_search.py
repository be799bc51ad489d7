"""Searches over HTTP: by words, a track, a stretch, a vector and a file, for tracks and for moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.states import Status
from phonoscope.tasks import Embed
from tests.corpus.alike import melody, write
from tests.integration.searches import refused, stored
from tests.support import RunningStack, examples

FILES = ("rain_garden.wav", "rain_roof.flac", "dog_large.flac", "clock_tall.wav")
DAY = "day.opus"
DOG_S, CLOCK_S = (11.5, 14.5), (22.5, 29.5)


@dataclass(frozen=True)
class Library:
    """A client whose owner has recordings of known sounds, embedded: their ids by file, and the files."""

    owner: str
    client: Client
    tracks: dict[str, str]
    folder: Path

    def names(self, answer: Any) -> list[str]:
        """The files that were found, in order."""
        return [item.track.filename for item in answer.items]


@pytest.fixture(scope="module")
def library(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Made once; tests read it, and change nothing."""
    folder, made = tmp_path_factory.mktemp("library"), examples()
    for clip in made.CLIPS:
        if clip.file in FILES:
            made.write(folder / clip.file, made.quantised(clip.samples(), clip.peak))
    made.write(folder / DAY, made.quantised(made.day()[0], 0.9))
    owner = f"library-{uuid4()}"
    with stack.client(owner) as client:
        jobs = {path.name: client.analyze(path, metadata={"of": path.stem}) for path in sorted(folder.iterdir())}
        ended = {name: client.wait(job) for name, job in jobs.items()}
        assert {job.status for job in ended.values()} == {Status.SUCCEEDED}
        yield Library(owner, client, {name: job.recording for name, job in ended.items()}, folder)


def overlap_s(moment: Any, span_s: tuple[float, float]) -> float:
    return float(min(moment.end_s, span_s[1]) - max(moment.start_s, span_s[0]))


def test_words_find_recordings_and_say_why(library: Library) -> None:
    """Those in which it rains, by the labels that the words were understood as, with a moment and a link to it."""
    answer = library.client.search("rain")
    assert set(library.names(answer)[:2]) == {"rain_garden.wav", "rain_roof.flac"}
    assert (answer.query.by, answer.query.space, answer.unit) == ("text", None, "track")
    assert "rain" in {label.label for label in answer.query.labels}
    first = answer.items[0]
    assert first.labels[0].label == "rain"
    assert first.labels[0].probability > 0.5
    assert first.moment is not None
    assert first.similarity >= answer.items[1].similarity > 0.0
    assert (answer.coverage.tracks, answer.coverage.of) == (5, 5)


def test_a_collection_is_all_that_is_searched(library: Library) -> None:
    """By words, a track, a stretch, a vector and a file, for recordings and moments, beside other filters; one that is
    not there is 404.
    """
    client, inside = library.client, {"rain_roof.flac", DAY}
    few = client.create_collection(f"few {uuid4()}").id
    client.add_to_collection(few, [library.tracks[name] for name in inside])
    asked: list[dict[str, Any]] = [
        {"text": "rain"},
        {"text": "rain and a clock"},
        {"text": "rain", "filters": {"labels": [{"label": "rain"}]}},
        {"track_id": library.tracks["rain_garden.wav"]},
        {"track_id": library.tracks["rain_garden.wav"], "start_s": 0.0, "end_s": 2.0},
        {"vector": [1.0] * 512, "space": "environment-50"},
        {"like": library.folder / "rain_garden.wav"},
    ]
    for fields in asked:
        for unit in ("track", "moment"):
            filters = {"collection": few, **fields.get("filters", {})}
            found = library.names(client.search(**{**fields, "filters": filters}, unit=unit))
            assert found, (fields, unit)
            assert set(found) <= inside, (fields, unit)
    gone = {"collection": "col_gone"}
    for unit in ("track", "moment"):
        assert refused(client.search, "rain", unit=unit, filters=gone)[:2] == (404, "not_found")
    client.delete_collection(few)
    assert refused(client.search, "rain", filters={"collection": few})[:2] == (404, "not_found")


def test_words_find_the_moment_in_a_long_recording(library: Library) -> None:
    """Where the dog barks within half a minute; windows that touch are one moment; the link plays just that."""
    answer = library.client.search("dog", unit="moment")
    moments = [item.moment for item in answer.items if item.track.filename == DAY]
    assert moments[0] is not None
    assert overlap_s(moments[0], DOG_S) > 2.0
    assert moments[0].end_s - moments[0].start_s < 15.0
    best = moments[0].best_start_s, moments[0].best_end_s
    assert best[0] is not None
    assert best[1] is not None
    assert moments[0].start_s <= best[0] < best[1] <= moments[0].end_s
    spans = sorted((moment.start_s, moment.end_s) for moment in moments if moment is not None)
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    url, _, fragment = moments[0].audio.url.partition("#t=")
    assert [float(second) for second in fragment.split(",")] == [moments[0].start_s, moments[0].end_s]
    link = httpx.get(f"{library.client._http.base_url}".rstrip("/") + url, timeout=30)
    assert (link.status_code, link.headers["content-type"]) == (200, "audio/ogg")


def test_two_things_at_once_and_one_that_must_not_be(library: Library) -> None:
    """Both are looked for, with equal weight; the recording that has both comes first, though each of the others has
    more of one; what has the unwanted one comes after what has not.
    """
    both = library.client.search("a dog and rain")
    assert {label.label for label in both.query.labels} == {"dog", "rain"}
    assert len({label.weight for label in both.query.labels}) == 1
    assert {DAY, "dog_large.flac", "rain_garden.wav", "rain_roof.flac"} <= set(library.names(both))
    assert (library.names(both)[0], both.query.together) == (DAY, ["dog", "rain"])
    meant = {label.label: label.words for item in both.items for label in item.labels}
    assert meant == {"dog": ["dog"], "rain": ["rain"]}
    assert both.items[0].similarity < library.client.search("dog").items[0].similarity
    assert both.items[1].similarity < 0.2
    answer = library.client.search("rain without dog")
    assert any(label.weight < 0.0 for label in answer.query.labels)
    assert library.names(answer)[0].startswith("rain")


def test_words_that_no_label_is_near(library: Library) -> None:
    """Nothing is found, and the answer names the words and the nearest labels."""
    answer = library.client.search("qwxzj")
    assert (answer.items, answer.query.missing, answer.next_cursor) == ([], ["qwxzj"], None)
    assert answer.query.near


def test_a_track_finds_its_neighbours_as_its_short_form_does(library: Library) -> None:
    """In the same order, without itself, and each with its most similar moment."""
    track = library.tracks["rain_garden.wav"]
    answer = library.client.search(track_id=track)
    near = library.client.similar(track)
    assert [(item.track.id, item.similarity) for item in answer.items] == [(n.track.id, n.similarity) for n in near]
    assert library.names(answer)[0] == "rain_roof.flac"
    assert track not in {item.track.id for item in answer.items}
    assert (answer.query.by, answer.query.way) == ("track", "sound")
    day = next(item for item in answer.items if item.track.filename == DAY)
    assert day.moment is not None
    assert overlap_s(day.moment, (5.0, 10.0)) > 0.0


def test_a_stretch_finds_the_same_sound_elsewhere(library: Library) -> None:
    """More like these seconds: the clock of the day is like the clock alone; its own windows are not found again."""
    day = library.tracks[DAY]
    span: dict[str, Any] = {"start_s": 24.0, "end_s": 28.0}
    answer = library.client.search(track_id=day, **span, unit="moment")
    assert library.names(answer)[0] == "clock_tall.wav"
    (stretch,) = answer.query.stretches
    assert stretch.start_s <= 24.0
    assert stretch.end_s >= 28.0
    own = [item.moment for item in answer.items if item.track.id == day]
    assert own
    assert all(moment is not None and overlap_s(moment, (24.0, 28.0)) <= 0.0 for moment in own)
    assert DAY not in library.names(library.client.search(track_id=day, **span))


def test_a_vector_finds_whose_it_is(library: Library) -> None:
    """Of any length, in a space by its name or its digest."""
    track = library.tracks["dog_large.flac"]
    job = library.client.wait(library.client.create_job(track, ["embed"], {"embed": {"return_vector": True}}))
    result = job.result(Embed)
    assert result.vector is not None
    for space, scale in ((result.model.name, 1.0), (result.model.digest, 1e300), (result.model.name, 1e-300)):
        numbers = [number * scale for number in result.vector]
        answer = library.client.search(vector=numbers, space=space)
        assert library.names(answer)[0] == "dog_large.flac"
        assert answer.items[0].similarity == pytest.approx(1.0, abs=1e-3)
        assert answer.query.space is not None
        assert answer.query.space.digest == result.model.digest


def test_a_file_is_compared_and_gone(library: Library, stack: RunningStack, tmp_path: Path) -> None:
    """It finds what it sounds like; afterwards no track, job, row or object is left, and usage is that of before."""
    before = stored(stack, library.owner)
    answer = library.client.search(like=write(tmp_path / "clip.wav", clip_of_rain()))
    assert library.names(answer)[0].startswith("rain")
    assert (answer.query.by, answer.query.stretches) == ("file", [])
    moments = library.client.search(like=tmp_path / "clip.wav", unit="moment")
    assert library.names(moments)[0].startswith("rain")
    assert stored(stack, library.owner) == before
    assert len(library.client.tracks().items) == 5
    assert all(job.track_id in library.tracks.values() for job in library.client.jobs(limit=100).items)


def clip_of_rain() -> Any:
    """Another rain than those of the library."""
    (clip,) = (clip for clip in examples().CLIPS if clip.file == "rain_roof.flac")
    samples = clip.samples(6.0)[7_000:]
    return 0.5 * samples / np.abs(samples).max()


def test_a_file_that_is_a_track_already_stays(library: Library) -> None:
    """The track itself is found, first, as a copy; nothing is erased."""
    answer = library.client.search(like=library.folder / "rain_garden.wav")
    assert (library.names(answer)[0], answer.items[0].is_copy) == ("rain_garden.wav", True)
    assert answer.items[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert library.client.track(library.tracks["rain_garden.wav"]).filename == "rain_garden.wav"


def test_a_file_that_is_a_track_is_embedded_first(client: Client, tmp_path: Path) -> None:
    """A track that was only uploaded is embedded by the search, and found by it."""
    path = write(tmp_path / "a.wav", melody(11, 2.0))
    track = client.upload(path)
    for unit in ("track", "moment"):
        answer = client.search(like=path, unit=unit)
        assert [item.track.id for item in answer.items] == [track.id]
    assert [job.tasks[0].name for job in client.jobs().items] == ["embed"]


@pytest.mark.long
def test_a_long_file_is_compared_by_its_strongest_windows(library: Library, tmp_path: Path) -> None:
    """The answer says which, and that the file was too long for all of them."""
    rain, tone = clip_of_rain(), np.zeros(70 * 22_050)
    tone[: len(rain)] = rain
    tone[len(rain) :] = 0.01 * np.sin(np.arange(len(tone) - len(rain)) * 0.3)
    path = write(tmp_path / "long.wav", tone)
    for unit in ("track", "moment"):
        answer = library.client.search(like=path, unit=unit)
        assert 1 < len(answer.query.stretches) <= 8
        assert "strongest windows" in answer.query.notes[0]
        assert any(stretch.start_s < 5.0 for stretch in answer.query.stretches)


def test_pages_go_on_where_the_one_before_ended(library: Library) -> None:
    """All items once, in the order of one large page; diversified too."""
    for fields in ({}, {"unit": "moment"}, {"diversify": 0.6}, {"diversify": 0.6, "unit": "moment"}):
        asked: dict[str, Any] = {"track_id": library.tracks["rain_garden.wav"], **fields}
        whole = keys(library.client.search(limit=100, **asked).items)
        assert len(whole) > 3
        paged = keys(library.client.search_all(limit=2, **asked))
        assert paged == whole
        assert len(set(paged)) == len(paged)


def keys(items: Any) -> list[tuple[str, float]]:
    return [(item.track.id, item.moment.start_s if item.moment else 0.0) for item in items]


def test_a_cursor_is_of_its_search(library: Library) -> None:
    """Neither another search's, nor one that somebody made up."""
    search, track = library.client.search, library.tracks[DAY]
    cursor = search(track_id=track, limit=1).next_cursor
    assert cursor is not None
    assert search(track_id=track, limit=3, cursor=cursor).items
    for wrong in (cursor[:-4], "!", "AAAA", cursor + "A" * 300):
        assert refused(search, track_id=track, cursor=wrong)[0] == 422
    other = refused(search, track_id=library.tracks["rain_roof.flac"], limit=1, cursor=cursor)
    assert other == (422, "invalid_cursor", ["cursor"])


def test_what_is_alike_counts_less_when_it_is_diversified(library: Library) -> None:
    """By default the other rain comes second; fully diversified, something that differs from it does."""
    vector = library.client.search(like=library.folder / "rain_garden.wav", diversify=1.0)
    assert library.names(vector)[0] == "rain_garden.wav"
    assert library.names(vector)[1] != "rain_roof.flac"


def test_filters_hold(library: Library) -> None:
    """Labels with their probability, duration, words, dates, kinds and metadata, each alone and together."""
    search, track = library.client.search, library.tracks["dog_large.flac"]

    def found(**filters: Any) -> set[str]:
        return {item.track.filename for item in search(track_id=track, filters=filters).items}

    rain = [{"label": "rain", "least_probability": 0.6}]
    assert found(labels=rain) >= {"rain_garden.wav", "rain_roof.flac"}
    assert "clock_tall.wav" not in found(labels=rain)
    assert found(labels=[{"label": "rain", "model": "environment-50", "least_probability": 0.6}]) <= found(labels=rain)
    assert found(labels=[*rain, {"label": "helicopter"}]) <= {DAY}
    assert found(least_duration_s=20.0) == {DAY}
    assert found(most_duration_s=20.0) == {"rain_garden.wav", "rain_roof.flac", "clock_tall.wav"}
    assert found(words="GARDEN") == {"rain_garden.wav"}
    assert found(uploaded_until="2020-01-01T00:00:00Z") == set()
    assert len(found(uploaded_since="2020-01-01T00:00:00Z")) == 4
    assert found(metadata={"of": "day"}) == {DAY}
    assert found(metadata={"of": "day"}, most_duration_s=1.0) == set()
    assert found(kinds=["music"]) == set()
    assert len(found(kinds=["sound", "music"])) == 4
    moments = search("dog", unit="moment", filters={"labels": [{"label": "dog", "least_probability": 0.5}]})
    assert {item.track.filename for item in moments.items} <= {DAY, "dog_large.flac"}
    assert refused(search, "dog", filters={"labels": [{"label": "no such label"}]}) == (
        422,
        "unknown_label",
        ["filters.labels.0.label"],
    )


def test_owners_never_find_each_other_s(library: Library, stranger: Client, tmp_path: Path) -> None:
    """By words, a vector and a file; a foreign track is one that does not exist."""
    own = stranger.wait(stranger.analyze(write(tmp_path / "own.wav", melody(3, 2.0)), ["embed"])).recording
    vector = [1.0] * 512
    for unit in ("track", "moment"):
        for found in (
            stranger.search("rain", unit=unit),
            stranger.search(vector=vector, space="environment-50", unit=unit),
            stranger.search(like=library.folder / "rain_garden.wav", unit=unit),
        ):
            assert {item.track.id for item in found.items} <= {own}
            assert found.coverage.of == 1
    for fields in ({}, {"start_s": 1.0, "end_s": 3.0}):
        foreign = refused(stranger.search, track_id=library.tracks[DAY], **fields)
        assert foreign == refused(stranger.search, track_id="trk_never", **fields) == (404, "not_found", [])


@pytest.mark.long
def test_silence_is_like_nothing(library: Library, tmp_path: Path) -> None:
    """A silent file, and a silent stretch of a recording."""
    noise = np.concatenate([melody(4, 6.0), np.zeros(12 * 22_050)])
    quiet = write(tmp_path / "silent.wav", np.zeros(22_050))
    assert refused(library.client.search, like=quiet)[:2] == (422, "silent_recording")
    half = library.client.wait(library.client.analyze(write(tmp_path / "half.wav", noise), ["embed"])).recording
    try:
        silent = refused(library.client.search, track_id=half, start_s=13.0, end_s=17.0, unit="moment")
        assert silent[:2] == (422, "silent_recording")
        assert library.client.search(track_id=half, start_s=1.0, end_s=3.0, unit="moment").items
    finally:
        library.client.delete_track(half)


def test_a_stretch_outside_of_the_recording_is_refused(library: Library) -> None:
    """It names where the recording ends."""
    search, track = library.client.search, library.tracks["rain_garden.wav"]
    assert refused(search, track_id=track, start_s=5.5)[2] == ["start_s"]
    assert refused(search, track_id=track, start_s=1.0, end_s=9.0)[2] == ["end_s"]
    assert search(track_id=track, start_s=4.9).items


_OF_AN_EARLIER_RELEASE = (
    """
    INSERT INTO spaces (model, digest, kind)
    SELECT DISTINCT model_name, 'sha256:earlier', 'audio' FROM embeddings WHERE track_id = ANY(:tracks)
    """,
    """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, stem, vector)
    SELECT track_id, owner_id, model_name, 'sha256:earlier', stem, vector FROM embeddings
    WHERE track_id = ANY(:tracks)
    """,
    "DELETE FROM embeddings WHERE track_id = :last AND model_digest <> 'sha256:earlier'",
    "UPDATE spaces SET complete_at = NULL WHERE model IN (SELECT model_name FROM embeddings WHERE track_id = :last)",
)


def test_moments_are_searched_where_windows_are(stack: RunningStack, tmp_path: Path) -> None:
    """While an owner reads a space of an earlier release, which has no windows: in the one that is being filled."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with stack.client(f"upgraded-{uuid4()}") as client:
        paths = [write(tmp_path / f"{seed}.wav", melody(seed, 6.0)) for seed in (41, 42, 43)]
        tracks = [client.wait(client.analyze(path, ["embed"])).recording for path in paths]
        with database.transaction() as session:
            for statement in _OF_AN_EARLIER_RELEASE:
                session.execute(text(statement), {"tracks": tracks, "last": tracks[-1]})
        answer = client.search(track_id=tracks[0], start_s=0.0, end_s=3.0, unit="moment")
        assert {item.track.id for item in answer.items} >= {tracks[1]}
        assert answer.query.space is not None
        assert answer.query.space.digest != "sha256:earlier"
    with database.transaction() as session:
        session.execute(text("DELETE FROM embeddings WHERE model_digest = 'sha256:earlier'"))
        session.execute(text("DELETE FROM spaces WHERE digest = 'sha256:earlier'"))
    database.close()
