"""How much labels are heard in windows ``v``, once their owner's word counts: confirmed as 1, rejected as 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from phonoscope.db.search.filters import sparse
from phonoscope.db.search.said import HOLDS, fits

_HERE = f"""(
    SELECT said.label, {HOLDS} AS holds FROM annotations AS said
    WHERE said.track_id = v.track_id AND said.label = ANY(CAST(:{{of}}_labels AS text[])) AND {fits("said", "v")}
    GROUP BY said.label
)"""  # noqa: S608 - of constants
_SUM = "-(v.heard <#> CAST(:{of} AS sparsevec))"
# What is said is read once: in the tracks of which nothing is said it costs next to nothing.
_REVIEWED = f"""({_SUM} + CASE WHEN EXISTS (
    SELECT FROM annotations AS said
    WHERE said.owner_id = :owner_id AND said.label = ANY(CAST(:{{of}}_labels AS text[])) AND said.track_id = v.track_id
) THEN coalesce((
    SELECT sum(CASE WHEN holds THEN weight ELSE 0 END + (v.heard <#> CAST(weights AS sparsevec)))
    FROM {_HERE} AS here JOIN unnest(
        CAST(:{{of}}_labels AS text[]), CAST(:{{of}}_weight AS float8[]), CAST(:{{of}}_weights AS text[])
    ) AS own (label, weight, weights) USING (label)
), 0) ELSE 0 END)"""  # noqa: S608 - of constants
_SAID = f"(SELECT json_object_agg(label, holds) FROM {_HERE.format(of='said')} AS here) AS said"  # noqa: S608


class SaidLabel(NamedTuple):
    """A label of which the owner confirmed or rejected something, and the ids that it has.

    One that no model has has an id below 0, which is heard nowhere.
    """

    label: str
    ids: frozenset[int]


def sum_of(of: str, said: Sequence[SaidLabel]) -> str:
    """SQL of the sum of labels' probabilities by weight, with the values of ``values_of``."""
    return (_REVIEWED if said else _SUM).format(of=of)


def values_of(of: str, weights: Mapping[int, float], said: Sequence[SaidLabel]) -> dict[str, Any]:
    """What ``sum_of`` reads: weights of labels, by id; what is confirmed has the greatest of its label's."""
    own = {each.label: {id_: weights[id_] for id_ in each.ids if id_ in weights} for each in said}
    own = {label: weights for label, weights in own.items() if weights}
    values = {
        f"{of}_labels": list(own),
        f"{of}_weight": [max(weights.values(), key=abs) for weights in own.values()],
        f"{of}_weights": [sparse(weights) for weights in own.values()],
    }
    return {of: sparse(weights)} | (values if said else {})


def said_column(said: Sequence[SaidLabel]) -> str:
    """SQL of what is said of a window, as ``heard_hits`` reads it, with the value ``said_labels``."""
    return _SAID if said else "NULL AS said"
