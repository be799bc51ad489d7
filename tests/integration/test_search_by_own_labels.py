"""Searches count what their owner confirmed and rejected, over HTTP: as filters, and as words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from phonoscope.client import Client
from phonoscope.contract import LabelState
from phonoscope.states import Status
from tests.integration.searches import refused
from tests.support import RunningStack, examples

NO = LabelState.REJECTED
FILES = ("rain_garden.wav", "dog_large.flac")
DAY = "day.opus"
DOG_S = (11.5, 14.5)
UNITS = ("track", "moment")


@dataclass(frozen=True)
class Library:
    """A client whose owner has recordings of known sounds, embedded: their ids by file."""

    client: Client
    tracks: dict[str, str]

    def with_label(self, label: str, unit: str, **more: Any) -> set[str]:
        """The files in which a search by a sound finds a label."""
        filters = {"labels": [{"label": label, **more}]}
        answer = self.client.search(vector=[1.0] * 512, space="environment-50", unit=unit, filters=filters)
        return {item.track.filename for item in answer.items}


@pytest.fixture(scope="module")
def embedded(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Made once; nothing is said of its recordings between tests."""
    folder, made = tmp_path_factory.mktemp("library"), examples()
    for clip in made.CLIPS:
        if clip.file in FILES:
            made.write(folder / clip.file, made.quantised(clip.samples(), clip.peak))
    made.write(folder / DAY, made.quantised(made.day()[0], 0.9))
    with stack.client(f"own-labels-{uuid4()}") as client:
        jobs = {path.name: client.analyze(path) for path in sorted(folder.iterdir())}
        ended = {name: client.wait(job) for name, job in jobs.items()}
        assert {job.status for job in ended.values()} == {Status.SUCCEEDED}
        yield Library(client, {name: job.recording for name, job in ended.items()})


@pytest.fixture
def library(embedded: Library) -> Iterator[Library]:
    yield embedded
    for track in embedded.tracks.values():
        embedded.client.replace_labels(track, [])


@pytest.mark.long
def test_a_label_of_one_s_own_is_a_filter(library: Library, stranger: Client) -> None:
    """Of a whole recording it finds that and its moments; before it is said, and for another owner, it is unknown."""
    filters = {"labels": [{"label": "min\u0065\u0301"}]}
    assert refused(library.client.search, "rain", filters=filters)[1:] == ("unknown_label", ["filters.labels.0.label"])
    library.client.say_label(library.tracks["dog_large.flac"], "min\u00e9")
    for unit in UNITS:
        assert library.with_label("min\u0065\u0301", unit) == {"dog_large.flac"}
        assert library.with_label("min\u00e9", unit) == {"dog_large.flac"}
    assert refused(stranger.search, "rain", filters=filters)[1:] == ("unknown_label", ["filters.labels.0.label"])
    of_model = {"labels": [{"label": "min\u00e9", "model": "environment-50"}]}
    assert refused(library.client.search, "rain", filters=of_model)[1] == "unknown_label"


@pytest.mark.long
def test_a_rejected_label_finds_nothing_more(library: Library) -> None:
    """Though it is heard; once it is undone it does again."""
    dog = library.tracks["dog_large.flac"]
    for unit in UNITS:
        assert "dog_large.flac" in library.with_label("dog", unit)
    library.client.say_label(dog, "dog", NO)
    for unit in UNITS:
        for more in ({}, {"model": "environment-50"}):
            found = library.with_label("dog", unit, **more)
            assert "dog_large.flac" not in found
            assert DAY in found
    library.client.undo_labels(dog)
    assert "dog_large.flac" in library.with_label("dog", "track")


def test_what_is_said_of_a_part_is_of_its_moments(library: Library) -> None:
    """A confirmed span finds what overlaps it, a rejected one hides it; with nothing left of it the recording too."""
    client, day = library.client, library.tracks[DAY]
    client.say_label(day, "mine", start_s=20.0, end_s=24.0)
    filters = {"labels": [{"label": "mine"}]}
    found = client.search(vector=[1.0] * 512, space="environment-50", unit="moment", filters=filters).items
    assert {item.track.filename for item in found} == {DAY}
    for item in found:
        assert item.moment is not None
        assert item.moment.start_s < 24.0
        assert item.moment.end_s > 20.0
    client.say_label(day, "dog", NO, *DOG_S)
    assert library.with_label("dog", "moment") == library.with_label("dog", "track") == {"dog_large.flac"}
    assert client.track(day).rejected == []


def test_words_find_what_was_confirmed_with_them(library: Library) -> None:
    """Spelled in another case too; the answer names the label as one of the owner's, and no word is missing."""
    client = library.client
    assert client.search("Qwx Zj").query.missing
    client.say_label(library.tracks["rain_garden.wav"], "qwx_zj")
    client.say_label(library.tracks[DAY], "qwx_zj", start_s=5.0, end_s=10.0)
    for unit in UNITS:
        answer = client.search("Qwx Zj", unit=unit)
        assert {item.track.filename for item in answer.items} == {"rain_garden.wav", DAY}
        assert {(label.model, label.label) for label in answer.query.labels} == {("", "qwx_zj")}
        assert (answer.query.missing, answer.query.near) == ([], [])
        for item in answer.items:
            assert [(label.model, label.label, label.probability) for label in item.labels] == [("", "qwx_zj", 1.0)]
            assert [label.words for label in item.labels] == [["qwx zj"]]
    moments = [item.moment for item in client.search("qwx_zj", unit="moment").items if item.track.filename == DAY]
    assert len(moments) == 1
    assert moments[0] is not None
    assert (moments[0].start_s >= 2.4, moments[0].end_s <= 12.6) == (True, True)


def test_words_do_not_find_what_was_rejected(library: Library) -> None:
    """A rejected label is no reason to find a recording; a confirmed one counts as if it was surely heard."""
    client = library.client
    client.say_label(library.tracks["dog_large.flac"], "dog", NO)
    for unit in UNITS:
        found = client.search("dog", unit=unit).items
        reasons = {(item.track.filename, label.label) for item in found for label in item.labels}
        assert (DAY, "dog") in reasons
        assert ("dog_large.flac", "dog") not in reasons
    assert client.search("a dog and rain").items[0].track.filename == DAY
    client.say_label(library.tracks["rain_garden.wav"], "dog")
    first = client.search("dog").items[0]
    assert (first.track.filename, first.labels[0].label, first.labels[0].probability) == ("rain_garden.wav", "dog", 1.0)
    assert client.search("rain without dog").items[0].track.filename != "rain_garden.wav"


def test_a_label_of_one_s_own_counts_among_several_things(library: Library) -> None:
    """What has it too comes first; alone it is found as well, beside what should not be heard, or spelled as all."""
    client = library.client
    before = client.search("dog and zqx").query
    assert (before.together, before.missing) == ([], ["zqx"])
    client.say_label(library.tracks[DAY], "zqx", start_s=DOG_S[0], end_s=DOG_S[1])
    client.say_label(library.tracks["rain_garden.wav"], "zqx")
    for unit in UNITS:
        answer = client.search("dog and zqx", unit=unit)
        assert (answer.query.together, answer.query.missing) == (["dog", "zqx"], [])
        files = [item.track.filename for item in answer.items]
        assert (files[0], set(files)) == (DAY, {DAY, "dog_large.flac", "rain_garden.wav"})
        assert ("", "zqx") in {(label.model, label.label) for label in answer.items[0].labels}
    first, *others = client.search("zqx without rain").items
    assert first.track.filename == DAY
    assert all(item.similarity < first.similarity for item in others)
    client.say_label(library.tracks["dog_large.flac"], "rain and zqx")
    whole = client.search("rain and zqx")
    assert whole.query.together == []
    assert "dog_large.flac" in {item.track.filename for item in whole.items}
