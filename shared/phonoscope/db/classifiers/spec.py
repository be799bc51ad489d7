"""What a classifier is to be taught from, and whether that can be taught."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.annotations.values import Annotation
from phonoscope.contract.classifiers import MOST_TAUGHT_LABELS, ExampleSpan, TeachRequest
from phonoscope.db.library.annotations import among
from phonoscope.db.schema.tables import TrackRow
from phonoscope.errors import ContradictoryLabels, InvalidRequest, TooFewExamples, TooManyLabels
from phonoscope.states import LabelState

FEWEST_LABELS = 2

SAID = """
    said AS (
        SELECT track_id, label, state = 'confirmed' AS holds, start_s, end_s FROM annotations
        WHERE owner_id = :owner_id AND :confirmed AND (CAST(:labels AS text[]) IS NULL OR label = ANY(:labels))
        UNION
        SELECT tracks.id, given.label, true, given.start_s, given.end_s
        FROM jsonb_to_recordset(CAST(:given AS jsonb))
             AS given (track_id text, label text, start_s float8, end_s float8)
        JOIN tracks ON tracks.id = given.track_id AND tracks.owner_id = :owner_id
        WHERE CAST(:labels AS text[]) IS NULL OR given.label = ANY(:labels)
    )
"""
"""All that is said of an owner's recordings, as SQL: confirmed, rejected, and given as an example."""
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
        given: the examples besides confirmed labels, as JSON's objects with ``label``, ``track_id``, ``start_s`` and
            ``end_s``.
        embedder: the name of a served model that embeds in its space; empty where there is none.
    """

    confirmed: bool
    labels: list[str] | None
    given: Sequence[Mapping[str, Any]]
    several: bool
    embedder: str = ""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """As ``as_kept`` made it; one that was imported keeps nothing."""
        examples = kept.get("examples", {}).items()
        given = [{"label": label, **each} for label, some in examples for each in some]
        several, embedder = kept.get("multi_label", False), kept.get("embedder", "")
        return cls(kept.get("confirmed", True), kept.get("labels"), given, several, embedder)

    def asked(self, owner_id: str) -> dict[str, Any]:
        """The parameters of ``SAID``."""
        given = json.dumps(list(self.given))
        return {"owner_id": owner_id, "confirmed": self.confirmed, "labels": self.labels, "given": given}


def as_kept(request: TeachRequest, embedder: str) -> dict[str, Any]:
    """A request in JSON's types, with all its fields but the space's name."""
    kept = request.model_dump(mode="json", include={"confirmed", "labels", "multi_label", "reteach"})
    examples = {label: [_span(each).model_dump() for each in given] for label, given in request.examples.items()}
    return {**kept, "examples": examples, "embedder": embedder}


def merged(kept: Mapping[str, Any], request: TeachRequest) -> TeachRequest:
    """What was asked for before, with what a request says in its place."""
    before = {name: value for name, value in kept.items() if name != "embedder"}
    return TeachRequest.model_validate(before | request.model_dump(mode="json", exclude_unset=True))


def placed(session: Session, owner_id: str, request: TeachRequest) -> TeachRequest:
    """The request with its spans within their recordings.

    Raises:
        InvalidRequest: a recording is not the owner's, a span is not within it, or a label is not among ``labels``;
            the error names the field.
    """
    if not request.examples:
        return request
    wanted = {_span(each).track_id for given in request.examples.values() for each in given}
    # Nobody erases them before the commit, so that none stays in what is kept.
    tracks = {row.id: row for row in session.scalars(_tracks(owner_id, wanted))}
    for label in request.examples:
        if request.labels is not None and label not in request.labels:
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
    asked = {**spec.asked(owner_id), "most": MOST_TAUGHT_LABELS + 1}
    found = list(session.connection().scalars(_LABELS, asked))
    without = [label for label in spec.labels or () if label not in set(found)]
    if without:
        raise TooFewExamples.field("labels", f"{without[0]!r} has no example: confirm it somewhere, or give one")
    if len(found) < FEWEST_LABELS:
        there = f"there is {found[0]!r} alone" if found else "there are none"
        raise TooFewExamples.field("labels", f"two labels with examples are needed, and {there}")
    if len(found) > MOST_TAUGHT_LABELS:
        raise TooManyLabels.field("labels", f"a classifier has at most {MOST_TAUGHT_LABELS:,}; name those that it has")
    return found


def check_said(session: Session, owner_id: str, spec: Spec, known: Sequence[str]) -> None:
    """Refuses what contradicts itself.

    Raises ``ContradictoryLabels`` where one span of a recording has a label that is rejected there too, or has two
    labels of which only one can hold.
    """
    row = session.execute(
        _CONTRADICTIONS, {**spec.asked(owner_id), "known": list(known), "several": spec.several}
    ).first()
    if row is None:
        return
    where = "as a whole" if row.start_s is None else f"from {row.start_s:g} s"
    if row.end_s is not None:
        where += f" to {row.end_s:g} s"
    twice = next((label for label in row.labels if row.labels.count(label) > 1), None)
    what = f"{twice!r} and not {twice!r}" if twice else f"{row.labels[0]!r} and {row.labels[1]!r}"
    hint = "" if twice else "; set multi_label where several can hold"
    raise ContradictoryLabels.field("examples", f"recording {row.track_id} is {what} {where}{hint}")


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
