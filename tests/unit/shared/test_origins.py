"""Origins and path prefixes of settings."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phonoscope.settings import Settings
from phonoscope_gateway.openapi import nowhere


def changed(**values: Any) -> Settings:
    """Settings with these values, which are checked."""
    return Settings.model_validate({**nowhere().model_dump(exclude_unset=True), **values})


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ""),
        ("*", "*"),
        ("https://Studio.example", "https://studio.example"),
        ("https://studio.example:443,http://studio.example:80", "https://studio.example,http://studio.example"),
        ("http://localhost:5173, http://[::1]:3000,", "http://localhost:5173,http://[::1]:3000"),
        ("capacitor://localhost,chrome-extension://abcdef", "capacitor://localhost,chrome-extension://abcdef"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(text: str, origins: str) -> None:
    """In lower case, without a usual port."""
    assert changed(cors_origins=text).cors_origins == origins


@pytest.mark.parametrize(
    "text",
    ["studio.example", "https://a.example/", "https://a.example/x", "*,https://a.example", "null", "https://*.a"],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """When the gateway starts, with a word on what is expected."""
    with pytest.raises(ValidationError, match="cors_origins"):
        changed(cors_origins=text)


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("/", ""), ("/phonoscope", "/phonoscope"), ("/a/b.c/", "/a/b.c"), (" /x ", "/x")]
)
def test_a_prefix_has_no_slash_at_its_end(text: str, prefix: str) -> None:
    """However it was written."""
    assert changed(root_path=text).root_path == prefix


@pytest.mark.parametrize(
    "text", ["phonoscope", "/v1", "/docs/x", "//a", "/a//b", "/../a", "/a b", "/ä", "/a?b", "https://a"]
)
def test_what_is_no_prefix_is_refused(text: str) -> None:
    """So is one that begins as a path of the gateway's own does: it could not be told from that."""
    with pytest.raises(ValidationError, match="root_path"):
        changed(root_path=text)
