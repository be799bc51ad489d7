"""Pages go on whatever came before them meanwhile, and searches by windows do not end at long recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from phonoscope.contract import SearchRequest, SearchUnit, UnderstoodQuery
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.nearest import WindowHit
from phonoscope.errors import InvalidRequest
from phonoscope.work import Space
from phonoscope_gateway.search.candidates import Candidate
from phonoscope_gateway.search.copies import Item
from phonoscope_gateway.search.cursors import SearchCursor
from phonoscope_gateway.search.find import _tracks, nearest_to_any
from phonoscope_gateway.search.pages import items_after, page_of
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.requests import check_search
from phonoscope_gateway.search.view import looked_through

_EAST = np.eye(2, dtype=np.float32)[0]
_CLAP = UnderstoodQuery(by="text", way="clap")
_QUERY = Query("own_1", SearchUnit.TRACK, Filters(), _CLAP, Space("m", "d"), (_EAST,), windows=True)


def item(number: float) -> Item:
    """Earlier ones are more similar."""
    return Item(Candidate(f"trk_{number}", 1.0 - number / 1_000.0, _EAST))


def page(items: Sequence[Item], cursor: SearchCursor, limit: int, most: int = 1_000) -> tuple[list[str], bool]:
    """The tracks of a page, and whether there is another one."""
    rest = items_after(cursor, lambda wanted: list(items[:wanted]), limit + 1, most)
    found = page_of(rest, cursor, limit)
    return [shown.best.track_id for shown in found.items], found.next_cursor is not None


@pytest.mark.parametrize("newer", [0, 1, 2, 3, 40])
def test_pages_go_on_though_items_came_before_them(newer: int) -> None:
    """Fewer than a page has, as many, and many more."""
    items = [item(number) for number in range(6)]
    cursor = SearchCursor("digest", 2, items[1].place)
    found = sorted([*items, *(item(-1.0 - number) for number in range(newer))], key=lambda each: each.place)
    assert page(found, cursor, 2) == (["trk_2", "trk_3"], True)
    assert page(found, SearchCursor("digest", 4, items[3].place), 2) == (["trk_4", "trk_5"], False)


def test_a_page_looks_at_no_more_than_it_may() -> None:
    """However many came before it."""
    newer = [item(number) for number in range(-50, 0)]
    cursor = SearchCursor("digest", 2, item(1).place)
    assert page([*newer, *map(item, range(6))], cursor, 2, most=20) == ([], False)


def window(track_id: str, position: int, similarity: float) -> WindowHit:
    """One of five seconds, half over the next."""
    return WindowHit(track_id, 1, position, 2.5 * position, 2.5 * position + 5.0, similarity, _EAST, {})


def test_what_is_near_to_any_of_several_vectors_keeps_its_order() -> None:
    """Nothing is below what a list that was cut off may still have; of a window the nearer vector counts."""
    cut_off = [window("a", 0, 0.9), window("a", 2, 0.8)]
    whole = [window("b", 0, 0.85), window("a", 2, 0.82), window("b", 2, 0.3)]
    merged = [("a", 0, 0.9), ("b", 0, 0.85), ("a", 2, 0.82)]
    found = nearest_to_any([cut_off, whole[:1]], 2)
    assert [(hit.track_id, hit.position) for hit in found] == [("a", 0), ("b", 0), ("a", 2)]
    found = nearest_to_any([[*cut_off, window("a", 4, 0.5)], whole], 3)
    assert [(hit.track_id, hit.position, hit.similarity) for hit in found] == [*merged, ("a", 4, 0.5)]
    found = nearest_to_any([cut_off, whole], 4)
    assert [(hit.track_id, hit.position, hit.similarity) for hit in found] == [*merged, ("b", 2, 0.3)]


def test_a_few_long_recordings_hide_no_others() -> None:
    """Though the most windows that are looked at are theirs alone, time and again."""
    long = [window(f"long_{number}", each, 0.9 - number / 100.0) for number in range(6) for each in range(2_500)]
    windows = [*long, *(window(f"short_{number}", 0, 0.3 - number / 100.0) for number in range(9))]

    def fetch(asked: Query, pool: int) -> list[WindowHit]:
        return [hit for hit in windows if hit.track_id not in asked.filters.without][:pool]

    found = [candidate.track_id for candidate in _tracks(_QUERY, fetch, 11)]
    assert found[:11] == [*(f"long_{number}" for number in range(6)), *(f"short_{number}" for number in range(5))]


def test_long_recordings_are_left_out_alone() -> None:
    """When the most similar windows of a page's recordings are looked for: shorter ones after them are not."""
    hours = {"a": 6.0, "long": 9.0, "b": 3.0, "longer": 40.0, "c": 0.5, "d": 1.0}
    assert looked_through({name: 3_600.0 * hour for name, hour in hours.items()}) == ["a", "b", "c"]
    assert looked_through({}) == []


def test_a_moment_by_clap_has_no_label() -> None:
    """So a filter of labels is refused there; recordings may have them anywhere."""
    asked = {"text": "a dog", "way": "clap", "filters": {"labels": [{"label": "dog"}]}}
    check_search(SearchRequest.model_validate(asked), by_file=False)
    check_search(SearchRequest.model_validate({**asked, "unit": "moment", "way": "labels"}), by_file=False)
    with pytest.raises(InvalidRequest, match=r"^way: "):
        check_search(SearchRequest.model_validate({**asked, "unit": "moment"}), by_file=False)
