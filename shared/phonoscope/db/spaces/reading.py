"""Which space an owner's searches read: the served one once it is complete, until then the one before it.

A served model that is replaced starts a new space. It is complete for an owner when each of the owner's tracks that has
a vector in an older space of that model has one in it too, or when a reembedding has tried every such track.
"""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.windows import SpaceRow
from phonoscope.work import WHOLE_TRACK, Space

# Of an older space, what the served one lacks. What a reembedding has tried already does not count.
_LACKING = """
    FROM embeddings AS old
    WHERE old.model_name = :model AND old.model_digest <> :digest AND old.stem = :stem
      AND (CAST(:owner_id AS text) IS NULL OR old.owner_id = :owner_id)
      AND old.created_at > coalesce((
          SELECT finished_at FROM reembeddings JOIN spaces ON spaces.id = space_id
          WHERE reembeddings.owner_id = old.owner_id AND spaces.model = :model AND digest = :digest), '-infinity')
      AND NOT EXISTS (
          SELECT FROM embeddings AS new
          WHERE new.track_id = old.track_id AND new.model_name = :model AND new.model_digest = :digest
            AND new.stem = :stem)
"""
_LACKS = text(f"SELECT EXISTS (SELECT {_LACKING})")
_FULLEST = text(
    f"""
    SELECT DISTINCT ON (owner_id) owner_id, model_digest
    FROM (
        SELECT owner_id, model_digest, count(*) AS tracks, max(created_at) AS newest
        FROM embeddings
        WHERE model_name = :model AND model_digest <> :digest AND stem = :stem
          AND owner_id = ANY(ARRAY(SELECT DISTINCT old.owner_id {_LACKING}))
        GROUP BY owner_id, model_digest
    ) AS counted
    ORDER BY owner_id, tracks DESC, newest DESC, model_digest
    """  # noqa: S608 - of constants
)


def reading_space(session: Session, owner_id: str, served: Space, stem: str = WHOLE_TRACK) -> Space:
    """The space that an owner's searches read in place of the served one: itself unless it is incomplete.

    Of several older spaces it is the one with most of the owner's tracks.

    Args:
        stem: by which tracks are compared.
    """
    beside = select(SpaceRow.digest, SpaceRow.complete_at).where(SpaceRow.model == served.model)
    complete = {digest: at is not None for digest, at in session.execute(beside)}
    if not complete.keys() - {served.digest} or (complete.get(served.digest) and stem == WHOLE_TRACK):
        return served
    asked = _asked(served, owner_id, stem)
    if not session.scalar(_LACKS, asked):
        return served
    found = session.execute(_FULLEST, asked).first()
    return served if found is None else Space(served.model, found.model_digest)


def readers_elsewhere(session: Session, served: Space) -> dict[str, str]:
    """The owners who read an older space than the served one, each with the digest of the space that is read."""
    found = session.execute(_FULLEST, _asked(served, None, WHOLE_TRACK))
    return {row.owner_id: row.model_digest for row in found}


def _asked(served: Space, owner_id: str | None, stem: str) -> dict[str, str | None]:
    return {"model": served.model, "digest": served.digest, "owner_id": owner_id, "stem": stem}
