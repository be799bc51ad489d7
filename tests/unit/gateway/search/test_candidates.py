"""Windows that touch are one moment, and what is alike is put apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from phonoscope.audio.copies import Comparable
from phonoscope.contract import SearchRequest
from phonoscope.db.search.nearest import WindowHit
from phonoscope.db.search.stored import KeptWindow
from phonoscope.errors import InvalidCursor, InvalidRequest
from phonoscope.work import AcousticFingerprint
from phonoscope_gateway.search import copies
from phonoscope_gateway.search.candidates import Candidate, best_of_tracks, moments_of
from phonoscope_gateway.search.copies import Item, _Relation, copies_of, grouped
from phonoscope_gateway.search.cursors import MOST_SHOWN, SearchCursor
from phonoscope_gateway.search.diversity import diversified
from phonoscope_gateway.search.queries import _mean, unit_vector

_EAST, _NORTH = np.eye(2, dtype=np.float32)


def hit(position: int, similarity: float, track_id: str = "a") -> WindowHit:
    """A window of five seconds, each half over the next."""
    start_s = 2.5 * position
    return WindowHit(track_id, 1, position, start_s, start_s + 5.0, similarity, _EAST, {})


def spans(*hits: WindowHit, by_labels: bool = False) -> list[tuple[Any, ...]]:
    moments = moments_of(hits, by_labels=by_labels)
    return [(moment.track_id, *(moment.span_s or ()), moment.similarity) for moment in moments]


def test_windows_that_touch_and_are_alike_are_one_moment() -> None:
    """Whatever their order; it has the best one's similarity. Those of another track are another moment."""
    found = [("a", 10.0, 20.0, 0.9), ("b", 10.0, 15.0, 0.8)]
    hits = [hit(4, 0.88), hit(6, 0.85), hit(5, 0.9), hit(4, 0.8, "b")]
    assert spans(*hits) == spans(*reversed(hits)) == found


def test_a_moment_has_the_span_of_its_best_window() -> None:
    """Wherever in it that is, also after it was joined with another one."""
    (moment,) = moments_of([hit(0, 0.85), hit(4, 0.9), hit(2, 0.88), hit(5, 0.86)], by_labels=False)
    assert (moment.span_s, moment.best_span_s) == ((0.0, 17.5), (10.0, 15.0))


def test_a_moment_does_not_grow_over_what_is_much_less_similar() -> None:
    """Nor is that another moment where it touches the better one; beyond that it is."""
    assert spans(hit(4, 0.9), hit(5, 0.5), hit(6, 0.4), hit(7, 0.45)) == [
        ("a", 10.0, 15.0, 0.9),
        ("a", 17.5, 22.5, 0.45),
    ]


@given(st.permutations(range(12)), st.lists(st.sampled_from([0.9, 0.88, 0.86, 0.5]), min_size=12, max_size=12))
def test_no_two_moments_touch_and_the_best_of_each_stays(order: list[int], similarities: list[float]) -> None:
    """Whatever windows there are; each moment has the similarity of its best window, which is within it."""
    hits = [hit(2 * number, similarity) for number, similarity in zip(order[:8], similarities, strict=False)]
    moments = moments_of(hits, by_labels=False)
    found = sorted(moment.span_s for moment in moments if moment.span_s is not None)
    assert all(before[1] < after[0] for before, after in pairwise(found))
    assert [moment.similarity for moment in moments] == sorted((m.similarity for m in moments), reverse=True)
    best = max(hits, key=lambda each: (each.similarity, -each.position))
    assert (moments[0].similarity, moments[0].position) == (best.similarity, best.position)
    for moment in moments:
        assert moment.span_s is not None
        assert moment.span_s[0] <= 2.5 * moment.position < moment.span_s[1]


def test_a_whole_track_is_no_moment_of_one_sound() -> None:
    """Though all of its windows are found."""
    assert spans(*(hit(number, 0.9 if number == 8 else 0.2) for number in range(40)))[0] == ("a", 20.0, 25.0, 0.9)


def test_moments_that_come_to_touch_are_joined() -> None:
    """By a window between them; the better one stays, and no two of a track touch."""
    assert spans(hit(0, 0.9), hit(4, 0.89), hit(2, 0.88)) == [("a", 0.0, 15.0, 0.9)]


@pytest.mark.parametrize("seed", range(20))
def test_no_two_moments_of_a_track_touch(seed: int) -> None:
    """Of any windows; and the best window of all is the first moment's."""
    random = np.random.default_rng(seed)
    hits = [hit(int(number), float(random.random())) for number in random.permutation(40)[:25]]
    for by_labels in (True, False):
        found = spans(*hits, by_labels=by_labels)
        ordered = sorted((start_s, end_s) for _, start_s, end_s, _ in found)
        assert all(before[1] < after[0] for before, after in pairwise(ordered))
        assert found[0][3] == max(each.similarity for each in hits)


def test_sums_of_labels_are_alike_from_their_half_on() -> None:
    """As probabilities differ more than cosines."""
    assert spans(hit(0, 0.8), hit(1, 0.5), by_labels=True) == [("a", 0.0, 7.5, 0.8)]
    assert spans(hit(0, 0.8), hit(1, 0.3), by_labels=True) == [("a", 0.0, 5.0, 0.8)]


def test_a_track_is_found_once_by_its_best_moment() -> None:
    """In the order of these."""
    moments = moments_of([hit(0, 0.5), hit(9, 0.7), hit(0, 0.6, "b")], by_labels=False)
    assert [(each.track_id, each.similarity) for each in best_of_tracks(moments)] == [("a", 0.7), ("b", 0.6)]


def items(*found: tuple[float, np.ndarray]) -> list[Item]:
    return [Item(Candidate(str(number), similarity, vector)) for number, (similarity, vector) in enumerate(found)]


def test_diversity_puts_what_is_alike_apart() -> None:
    """The twin of the first comes after what differs, unless nothing is asked for; all stay."""
    found = items((0.9, _EAST), (0.89, _EAST), (0.5, _NORTH))
    assert diversified(found, 0.0) == found
    assert [item.best.track_id for item in diversified(found, 0.7)] == ["0", "2", "1"]
    assert [item.best.track_id for item in diversified(found, 0.1)] == ["0", "1", "2"]
    assert [item.best.track_id for item in diversified(found, 0.7, found[:1])] == ["2", "0", "1"]
    assert diversified([], 1.0) == []


def test_vectors_of_two_spaces_are_not_alike() -> None:
    """What was found in another space is as unlike what is before it as anything."""
    twins = items((0.9, _EAST), (0.89, _EAST), (0.5, _NORTH))
    other = Item(replace(twins[1].best, space_id=2))
    assert [item.best.track_id for item in diversified([twins[0], other, twins[2]], 0.7)] == ["0", "1", "2"]
    assert [item.best.track_id for item in diversified([other, twins[2]], 0.7, twins[:1])] == ["1", "2"]


def test_copies_in_two_spaces_are_told_by_duration_and_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their vectors have no cosine: neither one that is low by chance parts them, nor does a high one join them."""
    durations = {"a": 5.0, "b": 5.0, "c": 500.0}
    prints = {name: AcousticFingerprint(b"", duration_s) for name, duration_s in durations.items()}
    monkeypatch.setattr(copies, "durations_of", lambda *_: durations)
    monkeypatch.setattr(copies, "fingerprints_of", lambda _, ids: {name: prints[name] for name in ids})
    monkeypatch.setattr(copies, "are_copies", lambda one, other: one.duration_s == other.duration_s)
    one, unlike, long = (
        Candidate(name, 0.9, vector) for name, vector in zip("abc", (_EAST, -_EAST, _EAST), strict=True)
    )
    elsewhere = [replace(each, space_id=2) for each in (unlike, long)]
    grouped_ids = [[member.track_id for member in item.members] for item in grouped(Session(), [one, *elsewhere], 9)]
    assert grouped_ids == [["a", "b"], ["c"]]
    assert len(grouped(Session(), [one, unlike, long], 9)) == 3


def test_a_cursor_holds_for_its_search_alone() -> None:
    """Whatever the page's size; not for other fields, another file, or after the last item that may be shown."""
    asked = SearchRequest(text="rain")
    begun = SearchCursor.of(asked, None)
    place = Candidate("trk_1", 0.25, _EAST, 3).place(is_copy=False)
    cursor = begun.after(7, place)
    again = asked.model_copy(update={"cursor": cursor, "limit": 3})
    assert SearchCursor.of(again, None) == SearchCursor(begun.digest, 7, place)
    for other, sha256 in ((again, "0"), (again.model_copy(update={"text": "wind"}), None)):
        with pytest.raises(InvalidCursor, match="of another search"):
            SearchCursor.of(other, sha256)
    assert begun.after(MOST_SHOWN, place) is None
    for wrong in ("", "e30", "Ww", "%", "W10x", "x" * 399):
        with pytest.raises(InvalidCursor, match="not a cursor"):
            SearchCursor.of(asked.model_copy(update={"cursor": wrong}), None)


@pytest.mark.parametrize("scale", [1e-320, 1e-30, 1.0, 1e38, 1e300])
def test_a_vector_of_any_length_is_made_one_of_length_1(scale: float) -> None:
    """Also where squares would be too large, or too small, for a number."""
    found = unit_vector([scale, -scale] * 256)
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("numbers", [[], [1.0] * 511, [1.0] * 513, [0.0] * 512])
def test_a_vector_without_the_size_or_a_direction_is_refused(numbers: list[float]) -> None:
    """The error names the field."""
    with pytest.raises(InvalidRequest, match=r"^vector: has"):
        unit_vector(numbers)


def test_a_window_that_only_touches_a_stretch_is_its_sound() -> None:
    """Its times are kept in single precision, so that it may overlap the stretch by nothing."""
    touching = KeptWindow(4, 13.37, 18.37, _EAST)
    stretch = SearchRequest(track_id="trk_1", start_s=5.0, end_s=13.37)
    np.testing.assert_allclose(_mean([touching], stretch), _EAST, atol=1e-6)


def test_so_many_fingerprints_are_compared_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pairs after them count as different recordings."""
    monkeypatch.setattr(copies, "_MOST_COMPARED", 1)
    monkeypatch.setattr(copies, "are_copies", lambda *_: True)
    relation = _Relation({name: Comparable(AcousticFingerprint(b"", 5.0)) for name in "abc"})
    one, other, third = (Candidate(name, 0.9, _EAST) for name in "abc")
    assert [relation.same(one, other), relation.same(one, third), relation.same(one, other)] == [True, False, True]


def test_a_recording_that_was_erased_meanwhile_is_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fingerprint is gone between two statements."""
    monkeypatch.setattr(copies, "durations_of", lambda *_: {"a": 5.0})
    monkeypatch.setattr(copies, "fingerprints_of", lambda *_: {})
    assert copies_of(Session(), AcousticFingerprint(b"", 5.0), [Candidate("a", 0.9, _EAST)]) == []
