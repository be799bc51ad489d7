"""Every format whose copy is left out, since browsers are said to play it, is played by them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.formats import unplayed


@pytest.mark.main
def test_chromium_plays_what_has_no_copy(chromium: Browser) -> None:
    assert unplayed(chromium) == []
