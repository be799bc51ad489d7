"""Which windows and tracks a search looks at, and the SQL that says so."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from phonoscope.db.schema.windows import LABEL_DIMENSIONS
from phonoscope.db.search import said
from phonoscope.db.search.namespaces import Of
from phonoscope.windows import MOST_PEAKS
from phonoscope.work import WHOLE_TRACK


class AnyLabel(NamedTuple):
    """Labels, by id, of which one has at least a probability; nothing has one of no labels.

    Args:
        name, models: the label's text, and classifiers of the owner's own: a track that one of them labelled so when it
            was applied has it too, by the classifier's thresholds.
        rivals: by those of these classifiers that know one label at a time, the others: one of them that is confirmed
            of the whole track takes the place of what the classifier gave.
        said: whether the owner confirmed or rejected the label anywhere, which then counts before what was heard.
        of: the model whose label it is; any model's where it is empty.
    """

    ids: frozenset[int]
    least: float
    name: str = ""
    models: tuple[str, ...] = ()
    rivals: Mapping[str, Sequence[str]] = {}
    said: bool = False
    of: str = ""


@dataclass(frozen=True)
class Filters:
    """What is looked at; everything of the owner by default.

    Args:
        stem: that of the whole track is empty.
        labels: ids of labels, each with the least probability that a window, or a track somewhere, must have.
        any_of: likewise, where one of several labels is enough.
        kinds: of sound, of which the newest classification by some model told one.
        since, until: when the track was uploaded.
        least_s, most_s: the track's duration.
        words: text in the file's name or tags.
        metadata: what a job of the track has in its metadata.
        collection: the id of a collection that the track is in, whose owner the caller has checked.
        without: ids of tracks that are left out.
        somewhere: whether of a window, too, it is its track that must have the labels, in whichever of its windows.
    """

    stem: str = WHOLE_TRACK
    labels: Mapping[int, float] = field(default_factory=dict)
    any_of: Sequence[AnyLabel] = ()
    kinds: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    least_s: float | None = None
    most_s: float | None = None
    words: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    collection: str | None = None
    without: Collection[str] = ()
    somewhere: bool = False

    @property
    def selective(self) -> bool:
        """Whether they may leave few rows."""
        return bool(self._labels or self._of_tracks)

    def conditions(self, of: Of | None) -> str:
        """What must hold of a row ``v``, as SQL that begins with ``AND``, with the values ``values``.

        Args:
            of: what the row is of; ``None`` asks for the conditions on its track alone.
        """
        found = ["v.track_id <> ALL(:without)"] if self.without else []
        if self._of_tracks:
            own = "tracks.id = v.track_id AND tracks.owner_id = :owner_id"
            found.append(f"EXISTS (SELECT FROM tracks WHERE {own} AND {self._of_tracks})")
        if of is Of.TRACKS or (of is Of.WINDOWS and self.somewhere):
            found += [_somewhere(number, label) for number, label in enumerate(self._labels)]
        of_row = self.labelled if of is Of.WINDOWS else ""
        return "".join(f" AND {condition}" for condition in found) + of_row

    @property
    def labelled(self) -> str:
        """What must hold of a window ``v`` itself, as SQL that begins with ``AND``; empty without such labels."""
        labels = [] if self.somewhere else self._labels
        return "".join(f" AND {_has(number, label)}" for number, label in enumerate(labels))

    def candidates(self, of: Of) -> str:
        """SQL that finds the rows that could pass, by ``track_id`` and, of windows, ``position``; some more than once.

        It begins with the filter that leaves fewest, labels before all else: where these are few it is quick.
        """
        if not self._labels:
            return _OF_TRACKS[of].format(conditions=self._of_tracks)
        if of is Of.WINDOWS and self.somewhere:
            return _WINDOWS_OF.format(tracks=self.candidates(Of.TRACKS))
        first, *others = self._labels
        also = "".join(f" AND {_somewhere(number, label)}" for number, label in enumerate(others, 1))
        conditions = also + self.conditions(None)
        found = [_OF_PEAKS[of].format(conditions=conditions, most=MOST_PEAKS)]
        found += [_OF_APPLIED[of].format(conditions=conditions)] if first.models else []
        if first.said:
            confirmed = said.CONFIRMED.format(number=0, counts=_counts(0, first))
            found.append(_OF_CONFIRMED[of].format(confirmed=confirmed, conditions=conditions))
        return " UNION ALL ".join(found)

    @property
    def values(self) -> dict[str, Any]:
        given = {name: value for name, value in self._track_values.items() if not _absent(value)}
        for number, label in enumerate(self._labels):
            given |= {f"labels_{number}": sorted(label.ids), f"least_{number}": label.least}
            given |= {f"label_{each}": sparse({each: 1.0}) for each in label.ids}
            given |= {f"name_{number}": label.name, f"of_{number}": label.of}
            given |= {f"models_{number}": list(label.models), f"rivals_{number}": json.dumps(label.rivals)}
        return given | ({"without": list(self.without)} if self.without else {})

    @property
    def _labels(self) -> list[AnyLabel]:
        return [*(AnyLabel(frozenset([label]), least) for label, least in self.labels.items()), *self.any_of]

    @property
    def _track_values(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "until": self.until,
            "least_s": self.least_s,
            "most_s": self.most_s,
            "words": self.words,
            "kinds": list(self.kinds),
            "metadata": json.dumps(self.metadata) if self.metadata else None,
            "collection": self.collection,
        }

    @property
    def _of_tracks(self) -> str:
        return " AND ".join(_TRACKS[name] for name, value in self._track_values.items() if not _absent(value))


def sparse(weights: Mapping[int, float]) -> str:
    """Weights of labels, by id, as PostgreSQL reads a ``sparsevec``; without ids below 0, which stand for no model's.

    >>> sparse({7: 1.0, 2: -0.5})
    '{2:-0.5,7:1.0}/1000000'
    """
    known = (label for label in sorted(weights) if label > 0)
    return "{" + ",".join(f"{label}:{weights[label]}" for label in known) + f"}}/{LABEL_DIMENSIONS}"


def _absent(value: Any) -> bool:
    return value is None or value == []


def _has(number: int, label: AnyLabel) -> str:
    """Whether a window has a label: by its owner's word, else by what was heard in it or applied to its track."""
    applied = _APPLIED.format(number=number)
    found = f"({_heard(number, label)} OR {applied})" if label.models else _heard(number, label)
    if not label.said:
        return found
    counts = _counts(number, label)
    in_parts = _said(number, "said.start_s IS NOT NULL")
    confirmed = _said(number, "said.start_s IS NULL AND said.state = 'confirmed'", counts)
    rejected = _said(number, "said.start_s IS NULL AND said.state = 'rejected'")
    word = said.OF_WINDOW.format(number=number, counts=counts)
    return f"""CASE WHEN {in_parts} THEN coalesce({word}, {found})
        WHEN {confirmed} THEN true WHEN {rejected} THEN false ELSE {found} END"""


def _somewhere(number: int, label: AnyLabel) -> str:
    """Whether a track has a label: by its owner's word, else in one of its windows or by what was applied to it."""
    peak, applied = _PEAK.format(number=number), f" OR {_APPLIED.format(number=number)}" if label.models else ""
    if not label.said:
        return f"({peak}{applied})"
    left = said.NOT_IN_PARTS.format(number=number, heard=_heard(number, label, "w"))
    word = said.OF_TRACK.format(number=number, counts=_counts(number, label))
    anything = _said(number, "true")
    return f"CASE WHEN {anything} THEN coalesce({word}, {peak} AND {left}{applied}) ELSE {peak}{applied} END"


def _said(number: int, which: str, counts: str = "") -> str:
    return said.SOMETHING.format(number=number, which=which, counts=counts)


def _counts(number: int, label: AnyLabel) -> str:
    return said.ANSWERED.format(number=number) if label.of else ""


def _heard(number: int, label: AnyLabel, row: str = "v") -> str:
    each = [f"-({row}.heard <#> CAST(:label_{id_} AS sparsevec)) >= :least_{number}" for id_ in sorted(label.ids)]
    return f"({' OR '.join(each) or 'false'})"


_TRACKS = {
    "since": "tracks.created_at >= :since",
    "until": "tracks.created_at < :until",
    "least_s": "tracks.duration_s >= :least_s",
    "most_s": "tracks.duration_s <= :most_s",
    "words": """(strpos(tracks.words, lower(normalize(:words, NFC))) > 0
        OR strpos(lower(tracks.own_name), lower(normalize(:words, NFC))) > 0)""",
    "kinds": """EXISTS (
        SELECT FROM track_results JOIN results USING (task_id)
        WHERE track_results.track_id = tracks.id AND task = 'classify' AND audio_track IS NULL
          AND body ->> 'kind' = ANY(:kinds)
    )""",
    "metadata": """EXISTS (
        SELECT FROM jobs WHERE jobs.track_id = tracks.id AND jobs.metadata @> CAST(:metadata AS jsonb)
    )""",
    "collection": """EXISTS (
        SELECT FROM collection_tracks WHERE collection_id = :collection AND collection_tracks.track_id = tracks.id
    )""",
}
_PEAK = """EXISTS (
    SELECT FROM label_peaks WHERE label_peaks.track_id = v.track_id AND label_peaks.stem = v.stem
      AND label_id = ANY(CAST(:labels_{number} AS int[])) AND best >= :least_{number}
)"""
_LABELLED = """
    model = ANY(CAST(:models_{number} AS text[])) AND labels @> ARRAY[CAST(:name_{number} AS text)] AND NOT EXISTS (
        SELECT FROM annotations AS rival
        WHERE rival.track_id = track_labels.track_id AND rival.start_s IS NULL AND rival.state = 'confirmed'
          AND CAST(:rivals_{number} AS jsonb) -> model ? rival.label
    )
"""
_APPLIED = f"EXISTS (SELECT FROM track_labels WHERE track_labels.track_id = v.track_id AND {_LABELLED})"
_OF_TRACKS = {
    Of.WINDOWS: """
        SELECT v.track_id, v.position FROM tracks JOIN window_embeddings AS v ON v.track_id = tracks.id
        WHERE tracks.owner_id = :owner_id AND {conditions} AND v.space_id = :space AND v.stem = :stem
    """,
    Of.TRACKS: "SELECT tracks.id AS track_id FROM tracks WHERE tracks.owner_id = :owner_id AND {conditions}",
}
_WINDOWS_OF = """
    SELECT v.track_id, w.position FROM ({tracks}) AS v JOIN window_embeddings AS w
        ON w.track_id = v.track_id AND w.space_id = :space AND w.stem = :stem
"""
_PEAKS = """
    FROM label_peaks AS v WHERE v.owner_id = :owner_id AND v.label_id = ANY(CAST(:labels_0 AS int[]))
      AND v.best >= :least_0 AND v.stem = :stem
"""
# Where a label has as many peaks as are kept, it may be heard in other windows too.
_OF_PEAKS = {
    Of.WINDOWS: f"""
        SELECT v.track_id, unnest(v.positions) AS position {_PEAKS}
          AND v.space_id = :space AND cardinality(v.positions) < {{most}} {{conditions}}
        UNION ALL
        SELECT v.track_id, w.position FROM (
            SELECT v.track_id {_PEAKS} AND v.space_id = :space AND cardinality(v.positions) >= {{most}} {{conditions}}
        ) AS v JOIN window_embeddings AS w ON w.track_id = v.track_id AND w.space_id = :space AND w.stem = :stem
    """,  # noqa: S608 - of constants
    Of.TRACKS: f"SELECT v.track_id {_PEAKS} {{conditions}}",
}
_APPLIED_FIRST = f"""(
    SELECT track_labels.track_id, CAST(:stem AS text) AS stem FROM track_labels JOIN tracks ON tracks.id = track_id
    WHERE tracks.owner_id = :owner_id AND {_LABELLED.format(number=0)}
) AS v"""  # noqa: S608 - of constants
_OF_APPLIED = {
    Of.WINDOWS: f"""
        SELECT v.track_id, w.position FROM {_APPLIED_FIRST} JOIN window_embeddings AS w
            ON w.track_id = v.track_id AND w.space_id = :space AND w.stem = :stem
        WHERE true {{conditions}}
    """,  # noqa: S608 - of constants
    Of.TRACKS: f"SELECT v.track_id FROM {_APPLIED_FIRST} WHERE true {{conditions}}",  # noqa: S608 - likewise
}
_OF_CONFIRMED = {
    Of.WINDOWS: f"""
        SELECT v.track_id, w.position FROM {{confirmed}} AS v JOIN window_embeddings AS w
            ON w.track_id = v.track_id AND w.space_id = :space AND w.stem = :stem
        WHERE {said.fits("v", "w")} {{conditions}}
    """,  # noqa: S608 - of constants
    Of.TRACKS: "SELECT v.track_id FROM {confirmed} AS v WHERE true {conditions}",
}
