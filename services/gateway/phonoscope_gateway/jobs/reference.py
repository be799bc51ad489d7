"""Compares descriptions with their genre's reference profile, whenever a job is read.

The describing worker cannot do that: the genre is recognised in another pool, maybe later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from phonoscope.audio.bands import BANDS
from phonoscope.audio.profiles import BandLevel as GivenLevel
from phonoscope.audio.profiles import compare, reference_profiles
from phonoscope.db.schema.tables import JobRow
from phonoscope.states import TaskName
from phonoscope.tasks.describe import BandLevel, Reference

_NAMES = [band.name for band in BANDS]


def reference(
    row: JobRow, levels: Sequence[BandLevel], recognised: Iterable[str], labels: Iterable[str]
) -> Reference | None:
    """Compares a description's levels with a genre: the one named, else one recognised by its job, else a label.

    Args:
        row: the job that asked for the description.
        levels: the description's levels.
        recognised: what the owner confirmed of the track, then the labels of the same job's classification, by all
            models that answered, without rejected ones.
        labels: the track's, the newest first.

    The first label with a profile counts. ``None`` in silence, and when there is no profile for any of them.
    """
    named = row.options.get(TaskName.DESCRIBE, {}).get("genre")
    known = reference_profiles().genres
    genre = next((genre for genre in (named, *recognised, *labels) if genre in known), None)
    if genre is None or not _comparable(levels):
        return None
    given = [GivenLevel(name=level.name, level_db=level.level_db) for level in levels]
    return Reference.model_validate(compare(given, genre, named=genre == named))


def _comparable(levels: Sequence[BandLevel]) -> bool:
    """Whether the levels are of the profiles' bands, and not of silence."""
    return [level.name for level in levels] == _NAMES and any(level.level_db is not None for level in levels)
