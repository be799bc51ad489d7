"""The centres of spaces: the mean of a body's unit vectors over named sets, which is subtracted before cosines.

The vectors of a body lie in a narrow cone, since most of what they say is common to all sounds. Without their mean,
cosines use the whole range, and zero means unrelated (Mu and Viswanath, All-but-the-Top, 2018). A body with another
centre has another space.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from math import hypot
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator

from phonoscope.errors import InvalidManifest

CENTRES = Path(__file__).with_name("centres")
"""The folder of the centres of published and shipped bodies: a file for each, named by the digest of its weights."""
_DIM = 512
_LONGEST = 1.001
"""Of a mean of unit vectors, with its rounding."""


class Centre(BaseModel):
    """The mean of unit vectors that a body gave.

    Args:
        body: its name.
        digest: of the body's weights.
        sets: the sets of recordings; each counts alike.
    """

    body: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    sets: list[str] = Field(min_length=1)
    mean: list[float] = Field(min_length=_DIM, max_length=_DIM)

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if not hypot(*self.mean) <= _LONGEST:
            raise ValueError("a mean of unit vectors cannot be longer than 1")
        return self

    @property
    def space_digest(self) -> str:
        """The digest by which the body's space is known: of its weights and of the centre."""
        text = json.dumps([self.digest, self.mean])
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def centre_of(digest: str) -> Centre | None:
    """The centre of the body with these weights, where there is one. Raises ``InvalidManifest``."""
    path = CENTRES / f"{digest}.json"
    if not path.is_file():
        return None
    try:
        centre = Centre.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise InvalidManifest(f"{path}: {error}") from error
    if centre.digest != digest:
        raise InvalidManifest(f"{path}: digest: it is the centre of another body")
    return centre
