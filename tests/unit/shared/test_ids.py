"""Identifiers."""

from __future__ import annotations

import re
from collections import Counter

from phonoscope.ids import new_id


def test_an_identifier_says_its_kind() -> None:
    """The kind, an underscore, and 20 characters that nobody mistakes for one another."""
    assert re.fullmatch(r"trk_[0-9a-hjkmnp-tv-z]{20}", new_id("trk"))


def test_identifiers_do_not_repeat() -> None:
    """They are drawn, evenly over all characters and places: none comes twice."""
    drawn = {new_id("job") for _ in range(2_000)}
    assert len(drawn) == 2_000
    counts = Counter(character for one in drawn for character in one.removeprefix("job_"))
    assert len(counts) == 32
    assert max(counts.values()) < 1.3 * min(counts.values())
