"""A client's own data of a job, which is returned as it came."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

MAX_METADATA_BYTES = 16 * 1024
_MAX_DEPTH = 64


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    if _depth(metadata) > _MAX_DEPTH:
        raise PydanticCustomError("metadata_depth", "is nested more than {most} levels deep", {"most": _MAX_DEPTH})
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > MAX_METADATA_BYTES:
        sizes = {"size": f"{size:,}", "most": f"{MAX_METADATA_BYTES:,}"}
        raise PydanticCustomError("metadata_size", "has {size} bytes; {most} are allowed", sizes)
    return metadata


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


Metadata: TypeAlias = Annotated[dict[str, Any], AfterValidator(_bounded)]
"""At most 16 KiB as JSON, and 64 levels deep."""
