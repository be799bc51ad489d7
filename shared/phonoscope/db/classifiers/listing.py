"""Classifiers as they are: rows with their newest versions, their doubts and how their teachings stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, defer, load_only

from phonoscope.catalogue import AUTO
from phonoscope.contract.classifiers import MOST_LISTED_LABELS, ClassifierState
from phonoscope.db.classifiers.queue import count_to_ask
from phonoscope.db.classifiers.spec import Spec, check_said, taught_labels
from phonoscope.db.classifiers.teaching import failure_of
from phonoscope.db.library.annotations import among
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.schema.tables import TaskRow, TrackRow
from phonoscope.db.spaces.vectors import row_of
from phonoscope.errors import ContradictoryLabels, InvalidRequest
from phonoscope.states import TaskName
from phonoscope.work import Space

_FIRST = f"$[0 to {MOST_LISTED_LABELS - 1}]"
_DOUBTS = text(
    """
    SELECT track_id, start_s, end_s, given, label, probability FROM classifier_doubts
    WHERE classifier_id = :id AND version = :version ORDER BY rank
    """
)
# The list of an owner's classifiers, or of versions, must not read all labels of all of them.
_VERSIONS = """
    SELECT version, manifest #>> '{on,0,weights,sha256}' AS sha256,
           manifest #>> '{on,0,bodies,0,name}' AS body, taught_at, erased_at,
           jsonb_array_length(manifest -> 'labels') AS label_count
"""
_WHOLE = ", manifest -> 'labels' AS labels, figures"
_BRIEF = """
    , jsonb_path_query_array(manifest -> 'labels', CAST(:first AS jsonpath)) AS labels,
    CASE WHEN figures ? 'labels' THEN figures || jsonb_build_object(
        'labels', jsonb_path_query_array(figures -> 'labels', CAST(:first AS jsonpath)),
        'confusions', CAST('[]' AS jsonb), 'left_out', CAST('[]' AS jsonb)) ELSE figures END AS figures
"""
_OF_ONE = "FROM classifier_versions WHERE classifier_id = :id"
_ONE_WHOLE = text(f"{_VERSIONS} {_WHOLE} {_OF_ONE} AND version = :version")
_ONE_BRIEF = text(f"{_VERSIONS} {_BRIEF} {_OF_ONE} AND version = :version")
_ALL_BRIEF = text(f"{_VERSIONS} {_BRIEF} {_OF_ONE} ORDER BY version DESC")
_ASKED = text(
    """
    SELECT confirmed, examples, chooses, jsonb_array_length(labels) AS label_count,
           jsonb_path_query_array(labels, CAST(:first AS jsonpath)) AS labels,
           jsonb_path_query_array(named, CAST(:first AS jsonpath)) AS named
    FROM (
        SELECT coalesce(CAST(spec ->> 'confirmed' AS boolean), true) AS confirmed,
               coalesce(spec ->> 'space' = :chosen, false) AS chooses,
               (SELECT coalesce(sum(jsonb_array_length(value)), 0) FROM jsonb_each(spec -> 'examples')) AS examples,
               coalesce(named, (
                   SELECT jsonb_agg(label ORDER BY label COLLATE "C")
                   FROM jsonb_object_keys(spec -> 'examples') AS label), '[]') AS labels, named
        FROM classifiers CROSS JOIN LATERAL nullif(spec -> 'labels', 'null') AS named WHERE id = :id
    ) AS own
    """
)


@dataclass(frozen=True)
class Version:
    """A version of a classifier, without its weights.

    Args:
        sha256: of its weights.
        body: the name of the body on whose vectors it is.
        labels: all, or the first ``MOST_LISTED_LABELS`` of ``label_count``, as in ``figures``.
        erased_at: when a recording was erased that it was taught from.
    """

    version: int
    sha256: str
    body: str
    taught_at: datetime
    erased_at: datetime | None
    label_count: int
    labels: Sequence[str]
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What was asked for: whether confirmed labels are examples, how many others were given, and the labels.

    Args:
        chooses: whether each teaching chooses its space.
        labels: those that were named, or of the examples; all, or the first ``MOST_LISTED_LABELS`` of ``label_count``.
        named: likewise those that were named; ``None`` where none were.
    """

    confirmed: bool
    examples: int
    chooses: bool
    label_count: int
    labels: Sequence[str]
    named: Sequence[str] | None


@dataclass(frozen=True)
class Seen:
    """A classifier as it is now.

    Args:
        newest: its newest version; ``None`` before it was taught.
        space_id: ``None`` when its space was dropped.
        left_out: recordings of its examples without vectors, as sentences; those that were erased since are not named.
    """

    row: ClassifierRow
    asked: Asked
    state: ClassifierState
    problem: dict[str, Any] | None
    newest: Version | None
    space_id: int | None
    doubts: Sequence[Any]
    left_out: Sequence[str]
    queue: int


def list_classifiers(session: Session, owner_id: str) -> list[Seen]:
    """All of an owner's, by name, in brief."""
    of_owner = select(ClassifierRow).where(ClassifierRow.owner_id == owner_id).order_by(ClassifierRow.name)
    rows = session.scalars(of_owner.options(defer(ClassifierRow.spec)))
    return [see(session, row, whole=False) for row in rows.all()]


def see(session: Session, row: ClassifierRow, *, whole: bool = True) -> Seen:
    """A classifier as it is now; in brief without its doubts, what was left out, and all labels but the first ones."""
    state, problem = _standing(session, row)
    problem = _named(session, row, problem) if whole and problem else problem
    newest = _version(session, row, whole=whole)
    space = row_of(session, Space(row.model, row.digest))
    doubts = _doubts(session, row) if whole else []
    left_out = _left_out(session, row.owner_id, newest) if whole and newest is not None else []
    queue = count_to_ask(session, row)
    of = {"id": row.id, "first": "$[*]" if whole else _FIRST, "chosen": AUTO}
    asked = session.execute(_ASKED, of).mappings().one()
    return Seen(
        row, Asked(**asked), state, problem, newest, None if space is None else space.id, doubts, left_out, queue
    )


def list_versions(session: Session, row: ClassifierRow) -> list[Version]:
    """Its versions that are kept, the newest first, in brief."""
    rows = session.execute(_ALL_BRIEF, {"id": row.id, "first": _FIRST})
    return [Version(**found) for found in rows.mappings()]


def _standing(session: Session, row: ClassifierRow) -> tuple[ClassifierState, dict[str, Any] | None]:
    """Its state, and why its newest teaching failed: by its job, whose end nobody may have noted yet."""
    state = ClassifierState(row.state)
    if state is not ClassifierState.TEACHING or row.again:
        return state, row.problem
    of_job = select(TaskRow).where(TaskRow.job_id == row.job_id, TaskRow.name == TaskName.TEACH)
    problem = failure_of(session.scalar(of_job))
    return (ClassifierState.FAILED, problem) if problem else (state, None)


def _named(session: Session, row: ClassifierRow, problem: dict[str, Any]) -> dict[str, Any]:
    """The problem with the recording that it is about, as things are now: nothing that is kept names one."""
    if problem["code"] != ContradictoryLabels("").code:
        return problem
    spec = Spec.of(row.spec, row.created_at)
    try:
        check_said(session, row.owner_id, spec, taught_labels(session, row.owner_id, spec))
    except InvalidRequest as error:
        return {"code": error.code, "detail": error.detail}
    return problem


def _version(session: Session, row: ClassifierRow, *, whole: bool) -> Version | None:
    at = {"id": row.id, "version": row.version}
    found = session.execute(_ONE_WHOLE, at) if whole else session.execute(_ONE_BRIEF, {**at, "first": _FIRST})
    one = found.mappings().one_or_none()
    return None if one is None else Version(**one)


def _left_out(session: Session, owner_id: str, newest: Version) -> list[str]:
    kept = {each["track_id"]: each["silent"] for each in newest.figures.get("left_out", [])}
    names = _names(session, owner_id, kept)
    return [f"{name} {'is silent' if kept[id_] else 'could not be embedded'}" for id_, name in names.items()]


def _doubts(session: Session, row: ClassifierRow) -> list[dict[str, Any]]:
    found = session.execute(_DOUBTS, {"id": row.id, "version": row.version}).mappings().all()
    names = _names(session, row.owner_id, {each["track_id"] for each in found})
    return [{**each, "filename": names[each["track_id"]]} for each in found if each["track_id"] in names]


def _names(session: Session, owner_id: str, track_ids: Collection[str]) -> dict[str, str]:
    """The shown names of those of an owner's recordings that are there."""
    if not track_ids:
        return {}
    own = select(TrackRow).where(TrackRow.owner_id == owner_id, among(TrackRow.id, track_ids)).order_by(TrackRow.id)
    rows = session.scalars(own.options(load_only(TrackRow.filename, TrackRow.name)))
    return {row.id: row.shown_filename for row in rows}
