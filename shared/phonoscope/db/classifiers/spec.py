"""What a classifier is to be taught from, and whether that can be taught."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import AUTO
from phonoscope.contract.classifiers import MOST_TAUGHT_LABELS, ExampleSpan, TeachRequest
from phonoscope.db.library.annotations import among
from phonoscope.db.schema.tables import TrackRow
from phonoscope.errors import ContradictoryLabels, InvalidRequest, TooFewExamples, TooManyLabels
from phonoscope.states import LabelState

FEWEST_LABELS = 2
_PLACE = ("track_id", "start_s", "end_s")
_NOW = text("SELECT clock_timestamp()")

SAID = """
    given AS (
        SELECT own.track_id, own.label, own.start_s, own.end_s, own.at
        FROM jsonb_to_recordset(CAST(:given AS jsonb))
             AS own (track_id text, label text, start_s float8, end_s float8, at timestamptz)
        JOIN tracks ON tracks.id = own.track_id AND tracks.owner_id = :owner_id
        WHERE CAST(:labels AS text[]) IS NULL OR own.label = ANY(:labels)
    ), later AS (
        SELECT own.*, given.label AS given_label, given.start_s AS given_start_s, given.end_s AS given_end_s,
               least(given.end_s, coalesce(own.end_s, own.start_s)) - greatest(given.start_s, own.start_s) AS both_s,
               given.end_s - given.start_s AS given_s, coalesce(own.end_s - own.start_s, 0) AS own_s
        FROM given JOIN annotations AS own ON own.track_id = given.track_id AND own.changed_at > given.at
        WHERE own.owner_id = :owner_id AND (CAST(:labels AS text[]) IS NULL OR own.label = ANY(:labels))
    ), said AS (
        SELECT track_id, label, state = 'confirmed' AS holds, start_s, end_s FROM annotations
        WHERE owner_id = :owner_id AND (CAST(:labels AS text[]) IS NULL OR label = ANY(:labels))
          AND (CAST(:since AS timestamptz) IS NULL OR changed_at > CAST(:since AS timestamptz)
               AND (CAST(:labels AS text[]) IS NOT NULL OR label IN (SELECT label FROM given)))
        UNION
        SELECT track_id, label, state = 'confirmed', start_s, end_s FROM later
        WHERE given_start_s IS NULL
           OR given_end_s IS NOT NULL AND both_s >= 0.5 * least(given_s, own_s) - 0.001
           OR given_end_s IS NULL AND given_start_s BETWEEN start_s - 0.001 AND coalesce(end_s, start_s) + 0.001
        UNION
        SELECT track_id, label, true, start_s, end_s FROM given
        WHERE NOT EXISTS (
            SELECT FROM later
            WHERE later.track_id = given.track_id AND given_label = given.label
              AND given_start_s IS NOT DISTINCT FROM given.start_s AND given_end_s IS NOT DISTINCT FROM given.end_s
              AND CASE state WHEN 'rejected' THEN later.label = given.label
                  ELSE later.label <> given.label AND NOT :several END
              AND (later.start_s IS NULL AND given.start_s IS NULL
                   OR later.end_s IS NOT NULL AND both_s >= 0.5 * given_s - 0.001
                   OR given.end_s IS NULL
                      AND given.start_s BETWEEN later.start_s - 0.001 AND coalesce(later.end_s, later.start_s) + 0.001))
    )
"""
"""All that is said of an owner's recordings, as SQL: confirmed, rejected, and given as an example.

Where labels that were confirmed before are no examples, those that are said once the classifier is made are: of the
labels that were named, else of those that examples were given of. What the owner confirmed or rejected after an example
was given, and within it, wins over the example: one of which it is about the half or more is none any more.
"""
_LABELS = text(
    f'WITH {SAID} SELECT DISTINCT label COLLATE "C" AS label FROM said WHERE holds ORDER BY label LIMIT :most'  # noqa: S608
)
_CONTRADICTIONS = text(
    f"""
    WITH {SAID}
    SELECT track_id, start_s, end_s, array_agg(label ORDER BY label) AS labels,
           count(*) FILTER (WHERE holds) AS confirmed, min(label) FILTER (WHERE NOT holds) AS rejected
    FROM said WHERE label = ANY(:known) GROUP BY track_id, start_s, end_s
    HAVING count(DISTINCT label) < count(*) OR NOT :several AND count(*) FILTER (WHERE holds) > 1
    ORDER BY track_id LIMIT 1
    """  # noqa: S608 - of constants
)


@dataclass(frozen=True)
class Spec:
    """What a classifier is taught from, as its row keeps it.

    Args:
        since: what is confirmed and rejected after this time counts; ``None`` where all does.
        given: the examples besides confirmed labels, as JSON's objects with ``label``, ``track_id``, ``start_s``,
            ``end_s``, and ``at``, when they were given, in ISO 8601.
        embedder: the name of a served model that embeds in its space; empty where there is none.
        chooses: whether each teaching chooses its space; else it stays.
    """

    since: datetime | None
    labels: list[str] | None
    given: Sequence[Mapping[str, Any]]
    several: bool
    embedder: str = ""
    chooses: bool = False

    @classmethod
    def of(cls, kept: Mapping[str, Any], made_at: datetime) -> Self:
        """As ``as_kept`` made it; one that was imported keeps nothing.

        Args:
            made_at: when the classifier was made: examples of earlier releases say no time, and count from then; so do
                labels where those of before are no examples.
        """
        since = None if kept.get("confirmed", True) else made_at
        given = [{"label": label, "at": made_at.isoformat(), **each} for label, each in _examples(kept)]
        several, embedder = kept.get("multi_label", False), kept.get("embedder", "")
        return cls(since, kept.get("labels"), given, several, embedder, kept.get("space") == AUTO)

    def asked(self, owner_id: str) -> dict[str, Any]:
        """The parameters of ``SAID``."""
        given = json.dumps(list(self.given))
        said = {"since": self.since, "labels": self.labels, "several": self.several}
        return {"owner_id": owner_id, "given": given, **said}


def as_kept(request: TeachRequest, embedder: str) -> dict[str, Any]:
    """A request in JSON's types, with all its fields."""
    kept = request.model_dump(mode="json", include={"confirmed", "labels", "multi_label", "reteach"})
    examples = {label: [_span(each).model_dump() for each in given] for label, given in request.examples.items()}
    return {**kept, "space": request.space or AUTO, "examples": examples, "embedder": embedder}


def dated(session: Session, kept: Mapping[str, Any], before: Spec | None = None) -> dict[str, Any]:
    """What is to be kept, with the time at which each example was given: now, or that which is kept of it before."""
    now = session.connection().scalar(_NOW).isoformat()
    known = {(each["label"], *_place(each)): each["at"] for each in (before.given if before else ())}
    examples: dict[str, list[dict[str, Any]]] = {}
    for label, each in _examples(kept):
        examples.setdefault(label, []).append({**each, "at": known.get((label, *_place(each)), now)})
    return {**kept, "examples": examples}


def merged(kept: Mapping[str, Any], request: TeachRequest, model: str) -> TeachRequest:
    """What was asked for before, with what a request says in its place.

    Args:
        model: the body in whose space it is; one that was imported, or made by an earlier release, stays there.
    """
    before = {"space": model} | {name: value for name, value in kept.items() if name != "embedder"}
    given: dict[str, list[dict[str, Any]]] = {}
    for label, each in _examples(kept):
        given.setdefault(label, []).append(dict(zip(_PLACE, _place(each), strict=True)))
    return TeachRequest.model_validate(
        before | {"examples": given} | request.model_dump(mode="json", exclude_unset=True)
    )


def placed(
    session: Session, owner_id: str, request: TeachRequest, kept: Mapping[str, Any] = MappingProxyType({})
) -> TeachRequest:
    """The request with its spans within their recordings.

    Args:
        kept: what is kept of the classifier, where it is taught again.

    Raises:
        InvalidRequest: a recording is not the owner's, a span is not within it, or a label is not among those that the
            classifier tells apart; the error names the field.
    """
    if not request.examples:
        return request
    labels = request.labels if "labels" in request.model_fields_set else kept.get("labels")
    known = None if labels is None else set(labels)
    wanted = {_span(each).track_id for given in request.examples.values() for each in given}
    # Nobody erases them before the commit, so that none stays in what is kept.
    tracks = {row.id: row for row in session.scalars(_tracks(owner_id, wanted))}
    for label in request.examples:
        if known is not None and label not in known:
            raise InvalidRequest.field(f"examples.{label}", "not among labels")
    examples: dict[str, list[str | ExampleSpan]] = {
        label: [_within(tracks, each, f"examples.{label}.{at}") for at, each in enumerate(given)]
        for label, given in request.examples.items()
    }
    return request.model_copy(update={"examples": examples})


def taught_labels(session: Session, owner_id: str, spec: Spec) -> list[str]:
    """The labels that a classifier tells apart, in alphabetical order.

    Raises:
        TooFewExamples: there is one label only, or a label without an example.
        TooManyLabels: there are more than ``MOST_TAUGHT_LABELS``.
    """
    if len(spec.labels or ()) > MOST_TAUGHT_LABELS:
        raise _too_many()
    asked = {**spec.asked(owner_id), "most": MOST_TAUGHT_LABELS + 1}
    found = list(session.connection().scalars(_LABELS, asked))
    without = [label for label in spec.labels or () if label not in set(found)]
    if without:
        raise TooFewExamples.field("labels", f"{without[0]!r} has no example: confirm it somewhere, or give one")
    if len(found) < FEWEST_LABELS:
        there = f"there is {found[0]!r} alone" if found else "there are none"
        raise TooFewExamples.field("labels", f"two labels with examples are needed, and {there}")
    if len(found) > MOST_TAUGHT_LABELS:
        raise _too_many()
    return found


def check_said(session: Session, owner_id: str, spec: Spec, known: Sequence[str], *, named: bool = True) -> None:
    """Refuses what contradicts itself.

    Args:
        named: whether the error says which recording it is.

    Raises ``ContradictoryLabels`` where one span of a recording has a label that is rejected there too, or has two
    labels of which only one can hold.
    """
    row = session.execute(_CONTRADICTIONS, {**spec.asked(owner_id), "known": list(known)}).first()
    if row is None:
        return
    where = "as a whole" if row.start_s is None else f"from {row.start_s:g} s"
    if row.end_s is not None:
        where += f" to {row.end_s:g} s"
    twice = next((label for label in row.labels if row.labels.count(label) > 1), None)
    what = f"{twice!r} and not {twice!r}" if twice else f"{row.labels[0]!r} and {row.labels[1]!r}"
    hint = "" if twice else "; set multi_label where several can hold"
    which = f"recording {row.track_id}" if named else "a recording"
    raise ContradictoryLabels.field("examples", f"{which} is {what} {where}{hint}")


def _too_many() -> TooManyLabels:
    return TooManyLabels.field("labels", f"a classifier has at most {MOST_TAUGHT_LABELS:,}; name those that it has")


def _examples(kept: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((label, each) for label, some in kept.get("examples", {}).items() for each in some)


def _place(example: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(example.get(name) for name in _PLACE)


def _tracks(owner_id: str, wanted: set[str]) -> Any:
    own = select(TrackRow).where(TrackRow.owner_id == owner_id, among(TrackRow.id, wanted))
    return own.order_by(TrackRow.id).with_for_update(read=True, key_share=True)


def _span(example: str | ExampleSpan) -> ExampleSpan:
    return ExampleSpan(track_id=example, start_s=None, end_s=None) if isinstance(example, str) else example


def _within(tracks: Mapping[str, TrackRow], example: str | ExampleSpan, field: str) -> ExampleSpan:
    span = _span(example)
    track = tracks.get(span.track_id)
    if track is None:
        raise InvalidRequest.field(field, f"no track {span.track_id!r}")
    said = Annotation("", LabelState.CONFIRMED, span.start_s, span.end_s)
    try:
        said = said.within(track.duration_s)
    except InvalidRequest as error:
        raise InvalidRequest.field(f"{field}.{error.errors[0]['field']}", error.errors[0]["message"]) from error
    return ExampleSpan(track_id=track.id, start_s=said.start_s, end_s=said.end_s)
