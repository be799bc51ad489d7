"""Windows, and tracks, in which several things are heard at once or one close after another.

How much of all is heard is the geometric mean of how much of each is, by the sum of its labels' probabilities and
weights; ``SLACK`` is added to each before and taken away afterwards, so that one thing alone is found too, after both.
A sum would put one loud sound before two that share a window, in which a head hears each less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.search.confirmed import confirmed_tables, confirmed_values, wanted_labels
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.hits import HEARD, WINDOW_COLUMNS, WindowHit, heard_hits
from phonoscope.db.search.namespaces import Of
from phonoscope.db.search.reviewed import SaidLabel, said_column, sum_of, values_of
from phonoscope.text.meant import SLACK

_FIRST_TRACKS = 50
_MORE = 6
_DEEP = 2_000
"""Of a label, the tracks in which it is most probable."""
_APART_S = 5.0
"""Windows that start no further apart are one stretch: they overlap, or touch."""

# No window, and no stretch of a track, has more of a thing than the sum of its labels' best in the track: tracks with
# the greatest means of these come first, and beside them all in which one of the things is confirmed.
_STATEMENT = f"""
    WITH {{tables}} wanted AS (
        SELECT unnest(CAST(:labels AS int[])) AS label_id, unnest(CAST(:positive AS real[])) AS weight,
               unnest(CAST(:of_things AS int[])) AS thing
    ), peaks AS MATERIALIZED (
        SELECT v.track_id, v.space_id, thing, weight * v.best AS most FROM wanted CROSS JOIN LATERAL (
            SELECT v.track_id, v.space_id, v.best FROM label_peaks AS v
            WHERE v.owner_id = :owner_id AND v.label_id = wanted.label_id AND v.stem = :stem {{somewhere}}
            ORDER BY v.best DESC LIMIT :deep
        ) AS v
    ), each AS (
        SELECT track_id, thing, max(most) AS most FROM (
            SELECT track_id, thing, sum(most) AS most FROM peaks GROUP BY track_id, space_id, thing
        ) AS of_space GROUP BY track_id, thing
    ), bounded AS MATERIALIZED (
        SELECT track_id, exp((sum(ln(most + :slack)) + (:things - count(*)) * ln(:slack)) / :things) - :slack AS bound
        FROM each GROUP BY track_id ORDER BY bound DESC, track_id LIMIT :tracks + 1
    ), first AS MATERIALIZED (
        (SELECT track_id FROM bounded ORDER BY bound DESC, track_id LIMIT :tracks) {{or_chosen}}
    ), windows AS MATERIALIZED (
        SELECT DISTINCT track_id, v.space_id, unnest(positions) AS position
        FROM first JOIN label_peaks AS v USING (track_id)
        WHERE v.stem = :stem AND v.label_id = ANY(:labels)
        {{or_confirmed}}
    ), heard AS MATERIALIZED (
        SELECT v.track_id, v.space_id, v.position, v.start_s, {{sums}}, {{unwanted}} AS unwanted
        FROM windows JOIN window_embeddings AS v USING (track_id, space_id, position)
        WHERE v.stem = :stem AND v.owner_id = :owner_id {{labelled}}
    ), scored AS (
        SELECT track_id, space_id, position, {{near}} - unwanted AS score, {{whole}} - unwanted AS of_track FROM heard
        WINDOW near AS (PARTITION BY track_id ORDER BY start_s
                        RANGE BETWEEN {_APART_S} PRECEDING AND {_APART_S} FOLLOWING),
               whole AS (PARTITION BY track_id)
    ), found AS MATERIALIZED ({{found}})
    SELECT {WINDOW_COLUMNS}, {HEARD}, found.score AS similarity, {{said}}, rest.bound
    FROM (SELECT CASE WHEN count(*) > :tracks THEN min(bound) ELSE 0 END AS bound FROM bounded) AS rest
    LEFT JOIN (
        found JOIN window_embeddings AS v ON v.stem = :stem AND v.track_id = found.track_id
                                         AND v.space_id = found.space_id AND v.position = found.position
    ) ON true ORDER BY found.score DESC NULLS LAST, v.track_id, v.position
"""  # noqa: S608 - of constants
_WINDOWS = """
    SELECT track_id, space_id, position, score FROM scored WHERE score > 0
    ORDER BY score DESC, track_id, position LIMIT :limit
"""
_TRACKS = """
    SELECT track_id, space_id, position, of_track AS score FROM (
        SELECT DISTINCT ON (track_id) * FROM scored ORDER BY track_id, score DESC, position
    ) AS best WHERE of_track > 0 ORDER BY of_track DESC, track_id LIMIT :limit
"""
_NOTHING_CONFIRMED = {"tables": "", "or_chosen": "", "or_confirmed": ""}


def windows_of_all(
    session: Session,
    owner_id: str,
    things: Sequence[Mapping[int, float]],
    unwanted: Mapping[int, float],
    filters: Filters,
    limit: int,
    said: Sequence[SaidLabel] = (),
    *,
    in_track: bool,
) -> list[WindowHit]:
    """The owner's windows of all spaces in which most of all things is heard, in them or in those that touch them.

    A window's own ``unwanted`` labels count against it. Which windows and tracks are looked at: see ``by_labels``.

    Args:
        things: two or more: of each the weights of its labels, above 0, by id.
        unwanted: weights above 0 of labels, by id.
        said: labels of which the owner confirmed or rejected something.
        in_track: whether things may be heard anywhere in a track; then it is the best window of each track.
    """
    listed = [(label, weight, number) for number, thing in enumerate(things) for label, weight in thing.items()]
    labels = [label for label, _, _ in listed]
    wanted = wanted_labels(dict.fromkeys(labels, 1.0), said)
    values: dict[str, Any] = {
        "owner_id": owner_id,
        "stem": filters.stem,
        "labels": labels,
        "positive": [weight for _, weight, _ in listed],
        "of_things": [number for _, _, number in listed],
        "things": len(things),
        "slack": SLACK,
        "limit": limit,
        "deep": _DEEP,
        "said_labels": [each.label for each in said],
        **confirmed_values(wanted, limit, in_track=in_track),
        **values_of("unwanted", unwanted, said),
        **filters.values,
    }
    for number, thing in enumerate(things):
        values |= values_of(f"thing_{number}", thing, said)
    statement = text(
        _statement(len(things), filters, said, confirmed=bool(wanted), unwanted=bool(unwanted), in_track=in_track)
    )
    tracks = max(_FIRST_TRACKS, limit // 8)
    while True:
        rows = list(session.execute(statement, {**values, "tracks": tracks}))
        found = heard_hits([row for row in rows if row.track_id is not None], said)
        last = found[-1].similarity if len(found) == limit else 0.0
        if rows[0].bound <= last:
            return found
        tracks *= _MORE


def _statement(
    things: int, filters: Filters, said: Sequence[SaidLabel], *, confirmed: bool, unwanted: bool, in_track: bool
) -> str:
    return _STATEMENT.format(
        **(_confirmed(filters) if confirmed else _NOTHING_CONFIRMED),
        somewhere=filters.conditions(Of.TRACKS),
        labelled=filters.labelled,
        sums=", ".join(f"{sum_of(f'thing_{number}', said)} AS sum_{number}" for number in range(things)),
        unwanted=sum_of("unwanted", said) if unwanted else "0.0",
        said=said_column(said),
        near=_mean_over("near", things),
        whole=_mean_over("whole", things),
        found=_TRACKS if in_track else _WINDOWS,
    )


def _confirmed(filters: Filters) -> dict[str, str]:
    return {
        "tables": f"{confirmed_tables(filters)},",
        "or_chosen": "UNION SELECT track_id FROM chosen",
        "or_confirmed": "UNION SELECT track_id, space_id, position FROM confirmed",
    }


def _mean_over(window: str, things: int) -> str:
    logarithms = " + ".join(f"ln(greatest(max(sum_{number}) OVER {window}, 0.0) + :slack)" for number in range(things))
    return f"(exp(({logarithms}) / :things) - :slack)"
