"""How many of an owner's tracks there are, and how many have each label."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from phonoscope.catalogue import Vocabularies

_COUNTS = text(
    """
    WITH own AS MATERIALIZED (SELECT id FROM tracks WHERE owner_id = :owner_id),
    said AS MATERIALIZED (
        SELECT track_id, label, state FROM annotations WHERE owner_id = :owner_id AND start_s IS NULL
    ),
    answers AS MATERIALIZED (
        SELECT track_id, model, labels FROM track_labels JOIN own ON own.id = track_id
    ),
    labelled AS (
        SELECT track_id, unnest(labels) AS label FROM answers WHERE model = '' AND CAST(:model AS text) IS NULL
        UNION
        SELECT track_id, label FROM said WHERE state = 'confirmed' AND label = ANY(:known) AND EXISTS (
            SELECT FROM answers WHERE answers.track_id = said.track_id AND answers.model = :model
        )
        UNION
        SELECT answers.track_id, one.label FROM answers CROSS JOIN unnest(answers.labels) AS one(label)
        WHERE answers.model <> '' AND (CAST(:model AS text) IS NULL OR answers.model = :model)
        AND NOT EXISTS (
            SELECT FROM said
            WHERE said.track_id = answers.track_id AND state = 'rejected' AND said.label = one.label
        )
        AND (
            NOT coalesce(:single -> answers.model ? one.label, false)
            OR NOT EXISTS (
                SELECT FROM said
                WHERE said.track_id = answers.track_id AND state = 'confirmed' AND :single -> answers.model ? said.label
            )
            OR EXISTS (
                SELECT FROM said
                WHERE said.track_id = answers.track_id AND state = 'confirmed' AND said.label = one.label
            )
        )
    )
    SELECT label, count(*) FROM labelled GROUP BY label ORDER BY count(*) DESC, label COLLATE "C" LIMIT :limit
    """
).bindparams(bindparam("model", type_=Text), bindparam("known", type_=ARRAY(Text)), bindparam("single", type_=JSONB))
_TRACKS = text("SELECT count(*) FROM tracks WHERE owner_id = :owner_id")


class LabelledTracks(NamedTuple):
    """How many tracks have a label."""

    label: str
    tracks: int


def count_tracks(session: Session, owner_id: str) -> int:
    """All of an owner's tracks."""
    return int(session.scalar(_TRACKS, {"owner_id": owner_id}) or 0)


def commonest_labels(
    session: Session, owner_id: str, model: str | None, vocabularies: Vocabularies, limit: int
) -> list[LabelledTracks]:
    """The labels that most of an owner's tracks have, as ``is_labelled`` finds them: by anybody or by a model.

    Args:
        vocabularies: of the served models, in which confirmed labels take the place of predicted ones.
    """
    own = {
        "owner_id": owner_id,
        "model": model,
        "known": sorted(vocabularies[model].labels) if model is not None and model in vocabularies else [],
        "single": {name: sorted(each.labels) for name, each in vocabularies.items() if not each.several},
        "limit": limit,
    }
    return [LabelledTracks(*row) for row in session.execute(_COUNTS, own)]
