"""The rungs of the ladder above exact search: how each indexes a namespace, and how it is asked.

Exact search reads all rows of a namespace. ``hnsw`` keeps vectors in half precision, ``bits`` one bit of each of their
numbers, of which the nearest are ranked again by the vectors; VectorChord and pgvectorscale take the place of ``bits``
where they are installed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from phonoscope.db.schema.tables import EMBEDDING_DIM

EXACT_ROWS: Final = 5_000
"""Below this many vectors a namespace has no index: to read them all takes less than 5 ms of one core."""
QUANTISED_ROWS: Final = 1_000_000
"""From this many on an index of half-precision vectors would take more than 1.4 GB of memory."""

_EF_SEARCH: Final = 300
_MOST_EF_SEARCH: Final = 1000
_LEAST_RERANKED: Final = 400
_RERANKED_EACH: Final = 10
"""Vectors that are ranked again for each that is asked for, where the index knows only bits of them."""


@dataclass(frozen=True)
class Rung:
    """One kind of index.

    Args:
        extension: the extension of PostgreSQL that has it.
        method: what follows ``USING`` when it is made; ``{mean}`` is the mean of the namespace's vectors.
        distance: what the rows, called ``v``, are ordered by; ``{vector}`` is what is asked about.
        settings: of PostgreSQL, while it is asked, beside those of pgvector.
        reranked: whether its order is only near enough that more rows must be ranked again.
    """

    name: str
    extension: str
    method: str
    distance: str
    settings: Mapping[str, str] = field(default_factory=dict)
    reranked: bool = False

    def ahead(self, limit: int) -> int:
        """How many rows are taken from the index, to be ranked by their vectors."""
        return max(_LEAST_RERANKED, _RERANKED_EACH * limit) if self.reranked else limit


_BITS = f"(binary_quantize({{of}} - '{{mean}}'::halfvec({EMBEDDING_DIM}))::bit({EMBEDDING_DIM}))"

HNSW: Final = Rung(
    "hnsw",
    "vector",
    "hnsw (vector halfvec_ip_ops) WITH (m = 16, ef_construction = 256)",
    "v.vector <#> {vector}",
)
BITS: Final = Rung(
    "bits",
    "vector",
    f"hnsw ({_BITS.format(of='vector', mean='{mean}')} bit_hamming_ops) WITH (m = 16, ef_construction = 256)",
    f"{_BITS.format(of='v.vector', mean='{mean}')} <~> {_BITS.format(of='{vector}', mean='{mean}')}",
    reranked=True,
)
VCHORD: Final = Rung(
    "vchord",
    "vchord",
    "vchordrq (vector halfvec_ip_ops) WITH (options = 'build.internal.lists = [1000]')",
    "v.vector <#> {vector}",
    {"vchordrq.probes": "50"},
)
DISKANN: Final = Rung(
    "diskann",
    "vectorscale",
    f"diskann ((vector::vector({EMBEDDING_DIM})) vector_cosine_ops)",
    f"(v.vector::vector({EMBEDDING_DIM})) <=> ({{vector}}::vector({EMBEDDING_DIM}))",
    {"diskann.query_search_list_size": "400"},
)
RUNGS: Final = (HNSW, BITS, VCHORD, DISKANN)
"""The later ones are for more vectors."""


def ef_search(limit: int) -> int:
    """How many candidates an index of pgvector keeps so that the recall of so many rows is 0.95 or more."""
    return min(_MOST_EF_SEARCH, max(_EF_SEARCH, 2 * limit))


def rung_for(
    rows: int, extensions: Collection[str], exact_rows: int = EXACT_ROWS, quantised_rows: int = QUANTISED_ROWS
) -> Rung | None:
    """The rung of a namespace with so many vectors; ``None`` where it is searched exactly.

    >>> [rung and rung.name for rung in (rung_for(rows, {"vector"}) for rows in (4_999, 5_000, 1_000_000))]
    [None, 'hnsw', 'bits']
    >>> rung_for(2_000_000, {"vector", "vchord"}).name
    'vchord'
    """
    if rows < exact_rows:
        return None
    if rows < quantised_rows:
        return HNSW
    return next((rung for rung in (VCHORD, DISKANN) if rung.extension in extensions), BITS)
