"""Content negotiation."""

from __future__ import annotations

import pytest

from phonoscope.errors import NotAcceptable
from phonoscope_gateway.accept import negotiate

PNG, JSON = "image/png", "application/json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, PNG),
        ("", PNG),
        ("*/*", PNG),
        ("image/*", PNG),
        ("image/png", PNG),
        ("IMAGE/PNG", PNG),
        ("application/json", JSON),
        ("application/*", JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/json, image/png", PNG),
        ("application/json, image/png;q=0.9", JSON),
        ("application/json;q=0.5, image/png;q=0.4", JSON),
        ("application/json;q=0.5, */*;q=0.1", JSON),
        ("application/json;q=0.1, */*", PNG),
        ("image/png;q=0, */*", JSON),
        ("image/*;q=0.2, image/png;q=0.9, application/json;q=0.5", PNG),
        ("*/*, image/png;q=0.3", JSON),
        ("text/html, application/json ; Q=0.3", JSON),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", PNG),
        ("nonsense, application/json", JSON),
    ],
)
def test_the_best_liked_is_chosen(accept: str | None, chosen: str) -> None:
    """By quality, the closest range deciding on each; of equals the first offered."""
    assert negotiate(accept, (PNG, JSON)) == chosen


@pytest.mark.parametrize(
    "accept", ["text/html", "image/jpeg, audio/*", "*/*;q=0", "image/png;q=0.000", "nonsense", "image/png;q=0, text/*"]
)
def test_what_cannot_be_had_is_refused(accept: str) -> None:
    """406 with a stable code, and what there is."""
    with pytest.raises(NotAcceptable) as refusal:
        negotiate(accept, (PNG, JSON))
    assert (refusal.value.status, refusal.value.code) == (406, "not_acceptable")
    assert PNG in refusal.value.detail
    assert JSON in refusal.value.detail
