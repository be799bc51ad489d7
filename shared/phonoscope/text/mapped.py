"""Tensors that stay in their file: memory of the system's cache, which all processes share and none has to keep."""

from __future__ import annotations

import json
import mmap
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from phonoscope.errors import UnreadableWeights
from phonoscope.text.encoder import Array

_LENGTH_BYTES = 8
_FLOAT_BYTES = 4


def map_tensors(path: Path, prefix: str = "") -> dict[str, Array]:
    """The float32 tensors of a safetensors file whose names have a prefix, by the rest of their names, read-only.

    Raises ``UnreadableWeights``, also for tensors of another type.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start, header = _header(content)
        wanted = {name: entry for name, entry in header.items() if name.startswith(prefix) and name != "__metadata__"}
        return {name.removeprefix(prefix): _tensor(content, start, entry) for name, entry in wanted.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnreadableWeights(f"{path} cannot be read as safetensors of float32: {error}") from error


def _header(content: mmap.mmap) -> tuple[int, dict[str, Any]]:
    """Where the tensors begin, and their descriptions by name."""
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    if start > len(content):
        raise ValueError(f"a header of {start} bytes")
    return start, json.loads(content[_LENGTH_BYTES:start])


def _tensor(content: mmap.mmap, start: int, entry: dict[str, Any]) -> Array:
    shape, (begin, end) = entry["shape"], entry["data_offsets"]
    count = prod(shape)
    if entry["dtype"] != "F32" or min(begin, *shape, 0) < 0 or end - begin != _FLOAT_BYTES * count:
        raise ValueError(f"a tensor of {entry['dtype']} {shape} from {begin} to {end}")
    return np.frombuffer(content, np.float32, count, start + begin).reshape(shape)
