"""What a recording's page shows while some of its tasks have ended and others have not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from phonoscope.states import Status, TaskName
from tests.browser.visit import BOTH, PLOTS_LOADED, Visit
from tests.support import RunningStack, hung

_GPU, _CPU = ("gpu", "gpu-long"), ("cpu", "cpu-short")
_ENDS_MS = 90_000
_EVENTS = re.compile(r"/v1/jobs/job_[^/]+/events$")


def test_each_view_is_drawn_when_its_own_task_has_ended(
    visit: Callable[..., Visit], stack: RunningStack, recordings: dict[str, Path]
) -> None:
    """The plots when `describe` has measured, while the same job waits to be classified; then the labels too."""
    here = visit()
    page, client = here.page, here.client
    plots, bars = page.locator(".plot--wave, .plot--spectrogram"), page.locator("#what .bars > li")
    with hung(stack, *_GPU):
        with hung(stack, *_CPU):
            job = client.analyze(recordings["dog_large"], ["describe", "classify", "explain"])
            with page.expect_request(_EVENTS):
                here.go(f"/tracks/{job.recording}")
            expect(page.locator(".plot[aria-busy=true]")).to_have_count(2)
        page.wait_for_function(PLOTS_LOADED, timeout=_ENDS_MS)
        expect(page.get_by_label("How it sounds")).to_contain_text("LUFS")
        ended = {task.name: task.status is Status.SUCCEEDED for task in client.job(job.id).tasks}
        assert ended == {TaskName.DESCRIBE: True, TaskName.CLASSIFY: False, TaskName.EXPLAIN: False}
        expect(page.get_by_label("Labels", exact=True)).to_contain_text("It is being listened to.")
        expect(bars).to_have_count(0)
        expect(page.locator(".amber")).to_have_count(0)
        here.expect_fine(*BOTH)
    expect(bars).to_have_count(3, timeout=_ENDS_MS)
    expect(page.locator(".amber")).to_contain_text("made it say dog", timeout=_ENDS_MS)
    expect(plots).to_have_count(2)
