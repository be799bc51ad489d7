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
_ASKED = re.compile(r"/v1/jobs/job_[^/?]+\?wait=")
_SILENCE = """
    const fetched = window.fetch;
    window.fetch = async (...given) => {
        const answer = await fetched(...given);
        if (!String(given[0]).endsWith("/events")) return answer;
        const { value } = await answer.body.getReader().read();
        const { signal } = given[1];
        const start = (stream) => {
            stream.enqueue(value);
            signal.addEventListener("abort", () => stream.error(signal.reason));
        };
        window.silent = true;
        return new Response(new ReadableStream({ start }), answer);
    };
"""
"""Hands on what each event stream brings at first, and no more of it."""


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


def test_a_stream_that_hangs_is_given_up(
    visit: Callable[..., Visit], stack: RunningStack, recordings: dict[str, Path]
) -> None:
    """Once it was silent for too long: then the page asks for the job, and the upload's row gets its label."""
    here = visit()
    page, client = here.page, here.client
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if _ASKED.search(one.url) else None)
    page.add_init_script(_SILENCE)
    page.clock.install()
    here.go("/")
    with hung(stack, *_GPU, *_CPU):
        page.get_by_label("Recordings to upload").set_input_files(recordings["dog_large"])
        page.wait_for_function("() => window.silent")
    [job] = client.jobs().items
    client.wait(job)
    page.clock.fast_forward("00:30")
    row = page.get_by_role("complementary", name="Uploads").get_by_role("listitem")
    expect(row).to_contain_text(re.compile(r"dog (> )?\d+ %"), timeout=_ENDS_MS)
    assert asked
