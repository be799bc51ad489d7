"""Classifiers as clients see them."""

from __future__ import annotations

from phonoscope.contract import SpaceRef
from phonoscope.contract.classifiers import (
    Application,
    ClassifierCard,
    ClassifierFigures,
    ClassifierProblem,
    ClassifierVersion,
    DoubtfulExample,
    SpaceChooser,
)
from phonoscope.db.classifiers.listing import Seen, Version
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope_gateway.state import State

_GONE = 0


def card(state: State, seen: Seen) -> ClassifierCard:
    """A classifier's card."""
    row, newest, asked = seen.row, seen.newest, seen.asked
    return ClassifierCard(
        id=row.id,
        name=row.name,
        state=seen.state,
        version=row.version,
        space_chosen_by=SpaceChooser.ITSELF if asked.chooses else SpaceChooser.MAKER,
        space=SpaceRef(id=seen.space_id or _GONE, model=row.model, digest=row.digest),
        labels=list((newest or asked).labels),
        label_count=(newest or asked).label_count,
        named_labels=None if asked.named is None else list(asked.named),
        multi_label=row.several,
        reteach=row.reteach,
        confirmed=asked.confirmed,
        examples=asked.examples,
        job_id=row.job_id,
        problem=ClassifierProblem.model_validate(seen.problem) if seen.problem else None,
        figures=None if newest is None else _figures(newest, list(seen.left_out)),
        doubts=[DoubtfulExample.model_validate(each) for each in seen.doubts],
        queue=seen.queue,
        applied=_applied(row),
        erased=newest is not None and newest.erased_at is not None,
        shadowed=state.catalogue.has(row.name),
        created_at=row.created_at,
        taught_at=None if newest is None else newest.taught_at,
    )


def version(row: Version) -> ClassifierVersion:
    """A version, without what was left out of it."""
    return ClassifierVersion(
        version=row.version,
        labels=list(row.labels),
        label_count=row.label_count,
        digest=f"sha256:{row.sha256}",
        space=row.body,
        figures=_figures(row, []),
        taught_at=row.taught_at,
    )


def _figures(row: Version, left_out: list[str]) -> ClassifierFigures | None:
    return ClassifierFigures.model_validate({**row.figures, "left_out": left_out}) if row.figures else None


def _applied(row: ClassifierRow) -> Application | None:
    if row.applied_version is None:
        return None
    counts = {name: row.applied.get(name, 0) for name in ("tracks", "changed", "unknown", "without_vectors")}
    job_id = row.applied.get("job_id")
    return Application(version=row.applied_version, job_id=job_id, finished_at=row.applied_at, **counts)
