"""Named arrays as a compressed NumPy archive, and back; nothing is unpickled."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MEDIA_TYPE = "application/x-npz"


def packed(arrays: dict[str, ArrayLike]) -> bytes:
    """The archive of arrays, for ``unpacked`` and ``numpy.load``; in row-major order, which readers in other languages
    expect.
    """
    file = io.BytesIO()
    by_rows = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    np.savez_compressed(file, **by_rows)  # type: ignore[arg-type]
    return file.getvalue()


def unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an archive. Raises ``ValueError`` for bytes that are no such archive, or that hold objects.

    >>> unpacked(packed({"x": [1, 2]}))
    {'x': array([1, 2])}
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
