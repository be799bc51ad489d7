"""Windows of which their owner confirmed what is searched by, as SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from phonoscope.db.search.filters import Filters
from phonoscope.db.search.namespaces import Of
from phonoscope.db.search.reviewed import SaidLabel
from phonoscope.db.search.said import fits

_OF_WHOLE = 4
"""Windows of a recording that is confirmed as a whole: all count alike, and must not hide other recordings."""
_MOST_CONFIRMED = 4
"""Windows that are looked at because of what is confirmed, for each that is asked for."""

_TABLES = f"""
    chosen AS MATERIALIZED (
        SELECT v.* FROM unnest(CAST(:wanted AS text[])) AS asked (label) CROSS JOIN LATERAL (
            SELECT v.track_id, v.label, v.start_s, v.end_s
            FROM (SELECT annotations.*, CAST(:stem AS text) AS stem FROM annotations) AS v
            WHERE v.owner_id = :owner_id AND v.label = asked.label AND v.state = 'confirmed' {{somewhere}}
            ORDER BY v.track_id, v.id LIMIT :limit
        ) AS v
    ), confirmed AS MATERIALIZED (
        SELECT DISTINCT * FROM (
            SELECT fitting.* FROM chosen CROSS JOIN LATERAL (
                SELECT v.track_id, v.space_id, v.position FROM window_embeddings AS v
                WHERE v.track_id = chosen.track_id AND v.stem = :stem AND {fits("chosen", "v")} {{labelled}}
                  AND NOT (chosen.start_s IS NULL AND EXISTS (
                      SELECT FROM annotations AS said
                      WHERE said.track_id = chosen.track_id AND said.label = chosen.label
                        AND said.state = 'rejected' AND said.start_s IS NOT NULL AND {fits("said", "v")}
                  )) AND v.space_id = (SELECT min(v.space_id) FROM window_embeddings AS v
                                    WHERE v.track_id = chosen.track_id AND v.stem = :stem {{there}})
                ORDER BY v.position LIMIT CASE WHEN chosen.start_s IS NULL THEN :of_whole ELSE :of_part END
            ) AS fitting LIMIT :most
        ) AS windows
    )
"""  # noqa: S608 - of constants
BY_WHOLE = f"""(EXISTS (
    SELECT FROM annotations AS said
    WHERE said.owner_id = :owner_id AND said.label = ANY(CAST(:wanted AS text[])) AND said.track_id = v.track_id
      AND said.state = 'confirmed' AND said.start_s IS NULL
) AND NOT EXISTS (
    SELECT FROM annotations AS said
    WHERE said.track_id = v.track_id AND said.label = ANY(CAST(:wanted AS text[]))
      AND said.state = 'confirmed' AND said.start_s IS NOT NULL AND {fits("said", "v")}
))"""  # noqa: S608 - of constants
"""Whether a window ``v`` counts as confirmed only because its whole recording does; with ``confirmed_values``."""


def wanted_labels(weights: Mapping[int, float], said: Sequence[SaidLabel]) -> list[str]:
    """Labels of which something is said and that should be heard."""
    return [each.label for each in said if any(weights.get(id_, 0.0) > 0.0 for id_ in each.ids)]


def confirmed_tables(filters: Filters) -> str:
    """SQL of the tables ``chosen``, what is confirmed, and ``confirmed``, its windows; with ``confirmed_values``."""
    labelled = filters.labelled
    there = f"AND {fits('chosen', 'v')} {labelled}" if labelled else ""
    return _TABLES.format(somewhere=filters.conditions(Of.TRACKS), labelled=labelled, there=there)


def confirmed_values(wanted: Sequence[str], limit: int, *, in_track: bool) -> dict[str, Any]:
    """What ``confirmed_tables`` and ``BY_WHOLE`` read.

    Args:
        in_track: whether one window of each recording or span that is confirmed is enough.
    """
    of = {"of_whole": 1, "of_part": 1} if in_track else {"of_whole": _OF_WHOLE, "of_part": limit}
    return {"wanted": list(wanted), "most": _MOST_CONFIRMED * limit, **of}
