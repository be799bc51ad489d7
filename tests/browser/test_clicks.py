"""Beats are heard as clicks with the stems too, by the clock of their samples."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import ViewportSize, expect

from phonoscope.tasks import Describe
from tests.browser.sound import STARTS
from tests.browser.visit import SIZES, Visit
from tests.corpus import music

_STEMS = 4


@SIZES
def test_stems_are_heard_with_clicks(
    visit: Callable[..., Visit], tmp_path: Path, tiny: str, size: ViewportSize
) -> None:
    """Each click starts with its beat's sample of the stems; the recording is decoded when it is played itself."""
    here = visit(size)
    page = here.page
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"]))
    here.client.wait(here.client.create_job(job.recording, ["separate"], {"separate": {"model": tiny}}))
    page.add_init_script(STARTS)
    here.go(f"/tracks/{job.recording}")
    page.locator("#stems").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()
    page.get_by_role("radio", name="stems").click()
    clicks = page.get_by_role("button", name="Click on the beats")
    clicks.click()
    said = page.get_by_text("a higher click where a bar starts")
    expect(said).to_be_visible()
    expect(page.get_by_role("radio", name="stems")).to_be_checked()
    # So that it does not end meanwhile.
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play the stems").click()
    page.wait_for_function(f"() => started.length > {_STEMS} + 6")
    started: list[dict[str, float]] = page.evaluate("started")
    stems, beats = started[:_STEMS], started[_STEMS : _STEMS + 7]
    assert len({stem["when"] for stem in stems}) == 1
    beats_s = job.result(Describe).beats
    assert beats_s is not None
    with np.load(io.BytesIO(here.client.download(beats_s)), allow_pickle=False) as arrays:
        wanted = arrays["beats_s"]
    found = [beat["when"] - stems[0]["when"] + stems[0]["offset"] for beat in beats]
    assert found == pytest.approx(wanted[: len(found)].tolist(), abs=1.0 / stems[0]["rate"])
    here.expect_fine()
    count = page.evaluate("started.length")
    page.get_by_role("radio", name="recording", exact=True).click()
    # Whenever their loop begins anew, all stems start together.
    long = f"started.slice({count}).filter((one) => one.seconds > 5).length"
    page.wait_for_function(f"() => {long} % {_STEMS} === 1")
    expect(said).to_be_visible()
    clicks.click()
    expect(said).to_have_count(0)
    count = page.evaluate("started.length")
    page.get_by_role("radio", name="stems").click()
    page.wait_for_function(f"() => started.length >= {count} + {_STEMS}")
    assert page.evaluate(f"started.slice({count}).every((one) => one.seconds > 5)")
