"""Searches as clients see them: tracks with links, moments with links that play just them, and why they were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from phonoscope.catalogue import Vocabularies
from phonoscope.contract import (
    Copy,
    Coverage,
    FoundMoment,
    MatchedLabel,
    Neighbour,
    SearchAnswer,
    SearchCopy,
    SearchItem,
    Track,
)
from phonoscope.db.library.tracks import tracks_by_id
from phonoscope.db.search.stored import best_stretches
from phonoscope_gateway.search.candidates import Candidate
from phonoscope_gateway.search.copies import Item
from phonoscope_gateway.search.pages import FoundPage
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.spaces import space_id_of
from phonoscope_gateway.signing import Signer
from phonoscope_gateway.tracks.view import describe_tracks, moment_link

_LEAST_SHOWN = 0.005
_MOST_LOOKED_THROUGH_S = 36_000.0
"""Seconds of whole tracks in which the most similar window is looked for, so that a page of long ones is quick."""

Span = tuple[float, float]


def neighbours(session: Session, signer: Signer, items: Sequence[Item], known: Vocabularies) -> list[Neighbour]:
    """Items as neighbours of a track, without those that were erased meanwhile."""
    tracks = _tracks(session, signer, items, known)
    found = (_there(item, tracks) for item in items)
    return [_neighbour(item, tracks) for item in found if item is not None]


def describe_page(
    session: Session, signer: Signer, query: Query, page: FoundPage, coverage: Coverage, known: Vocabularies
) -> SearchAnswer:
    """A page as its client sees it, without tracks that were erased meanwhile."""
    tracks = _tracks(session, signer, page.items, known)
    items = [item for item in (_there(item, tracks) for item in page.items) if item is not None]
    shown = _Shown(query, tracks, _stretches(session, query, items, tracks))
    return SearchAnswer(
        items=[shown.item(item) for item in items],
        next_cursor=page.next_cursor,
        unit=query.unit,
        query=query.understood,
        coverage=coverage,
    )


@dataclass(frozen=True)
class _Shown:
    """What items are shown with.

    Args:
        stretches: of whole tracks their most similar windows.
    """

    query: Query
    tracks: Mapping[str, Track]
    stretches: Mapping[str, Span]

    def item(self, item: Item) -> SearchItem:
        best, understood = item.best, self.query.understood
        return SearchItem(
            track=self.tracks[best.track_id],
            similarity=best.similarity,
            way=understood.way,
            space=understood.space.name if understood.space else None,
            moment=self._moment(best),
            labels=self._heard(best.heard),
            is_copy=item.is_copy,
            copies=[
                SearchCopy(track=self.tracks[copy.track_id], similarity=copy.similarity, moment=self._moment(copy))
                for copy in item.copies
            ],
        )

    def _moment(self, candidate: Candidate) -> FoundMoment | None:
        span_s = candidate.span_s or self.stretches.get(candidate.track_id)
        if span_s is None:
            return None
        track = self.tracks[candidate.track_id]
        start_s, end_s = _within(track, span_s)
        best_start_s, best_end_s = _within(track, candidate.best_span_s or span_s)
        return FoundMoment(
            start_s=start_s,
            end_s=end_s,
            best_start_s=best_start_s,
            best_end_s=best_end_s,
            audio=moment_link(track.audio, start_s, end_s),
        )

    def _heard(self, heard: Mapping[int, float]) -> list[MatchedLabel]:
        """Of the labels that were searched by those that are heard, each once, the most probable first."""
        wanted, words = self.query.wanted, self.query.words
        found = [
            MatchedLabel(
                model=wanted[id_].model, label=wanted[id_].label, probability=probability, words=list(words[id_])
            )
            for id_, probability in sorted(heard.items(), key=lambda pair: -pair[1])
            if id_ in wanted and probability >= _LEAST_SHOWN
        ]
        return list({(label.model, label.label): label for label in reversed(found)}.values())[::-1]


def _within(track: Track, span_s: Span) -> Span:
    start_s, end_s = (round(min(second, track.duration_s), 3) for second in span_s)
    return start_s, end_s


def _tracks(session: Session, signer: Signer, items: Sequence[Item], known: Vocabularies) -> dict[str, Track]:
    ids = {member.track_id for item in items for member in item.members}
    return {track.id: track for track in describe_tracks(signer, session, tracks_by_id(session, ids), known)}


def _there(item: Item, tracks: Mapping[str, Track]) -> Item | None:
    """The item without tracks that were erased since it was found."""
    members = [member for member in item.members if member.track_id in tracks]
    return Item(members[0], item.is_copy, members[1:]) if members else None


def _stretches(session: Session, query: Query, items: Sequence[Item], tracks: Mapping[str, Track]) -> dict[str, Span]:
    if query.by_windows or query.space is None:
        return {}
    space_id = space_id_of(session, query.space)
    if space_id is None:
        return {}
    durations_s = {member.track_id: tracks[member.track_id].duration_s for item in items for member in item.members}
    return best_stretches(session, space_id, query.filters.stem, query.vectors[0], looked_through(durations_s))


def looked_through(durations_s: Mapping[str, float]) -> list[str]:
    """The tracks that are looked through: one by one those that do not make it too much, so that a long one is left
    out alone.
    """
    wanted, left_s = [], _MOST_LOOKED_THROUGH_S
    for track_id, duration_s in durations_s.items():
        if duration_s <= left_s:
            wanted.append(track_id)
            left_s -= duration_s
    return wanted


def _neighbour(item: Item, tracks: Mapping[str, Track]) -> Neighbour:
    first, *copies = (Copy(track=tracks[each.track_id], similarity=each.similarity) for each in item.members)
    return Neighbour(track=first.track, similarity=first.similarity, is_copy=item.is_copy, copies=copies)
