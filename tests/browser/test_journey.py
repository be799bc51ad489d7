"""From a file to its evidence, its stems and its neighbours, as a person goes through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from phonoscope.client import Client
from phonoscope.settings import DEFAULT_MODEL
from phonoscope.states import Status
from phonoscope.tasks.classify import ClassifyResult
from tests.browser.visit import NARROW, WIDE, Visit

_SILENCE_DB = -60.0
_ENDS_MS = 60_000
_PATIENCE_S = 30.0


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_recording_s_way(
    visit: Callable[..., Visit], recordings: dict[str, Path], tiny: str, size: ViewportSize
) -> None:
    """Uploaded, heard, seen, played, taken apart, mixed, compared, erased: on a desk and on a telephone alike."""
    here = visit(size)
    here.go("/")
    page = here.page
    page.get_by_label("Recordings to upload").set_input_files([recordings["dog_large"], recordings["dog_small"]])
    for name in ("dog_large.flac", "dog_small.m4a"):
        row = page.get_by_label("Recordings", exact=True).get_by_role("listitem").filter(has_text=name)
        expect(row).to_contain_text("dog", timeout=_ENDS_MS)
        expect(row.locator(".track__label")).to_have_text("dog", timeout=_ENDS_MS)
    expect(page.get_by_label("Uploads").get_by_text("done")).to_have_count(2, timeout=_ENDS_MS)

    page.get_by_label("Recordings", exact=True).get_by_role("link", name="dog_large.flac").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("dog_large.flac")
    expect(page.get_by_label("What it hears")).to_contain_text("dog")
    assert _fits(page)
    _see_the_evidence(page)
    _hear_it(page)
    _find_the_neighbour(page)
    _mix(here, tiny)
    _let_another_take_it_apart(here)
    _compare_a_stem(page)
    _erase(page)
    assert [track.filename for track in here.client.tracks().items] == ["dog_small.m4a"]


def test_another_model_may_listen(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """It is asked once; then the page shows the one or the other, and of each what it heard alone."""
    here = visit()
    page, client = here.page, here.client
    job = client.wait(client.analyze(recordings["rain_roof"], ["classify", "embed", "explain", "features"]))
    here.go(f"/tracks/{job.recording}")
    listener, bars = page.get_by_label("Model that listens"), page.get_by_label("What it hears").get_by_role("listitem")
    expect(listener).to_have_value(DEFAULT_MODEL)
    expect(page.locator("#inside .depth")).to_have_count(5)
    listener.select_option("environment-10")
    expect(page.get_by_role("button", name="Look inside")).to_be_visible()
    expect(bars).to_have_count(3, timeout=_ENDS_MS)
    expect(page.get_by_label("Why")).to_contain_text("evidence for", timeout=_ENDS_MS)
    page.locator("#alike").scroll_into_view_if_needed()
    expect(page.locator("#alike")).to_contain_text("no other recording")
    assert _listeners(client) == ["environment-10", DEFAULT_MODEL]
    listener.select_option(DEFAULT_MODEL)
    expect(page.locator("#inside .depth")).to_have_count(5)
    expect(bars).to_have_count(3)
    assert _listeners(client) == ["environment-10", DEFAULT_MODEL]


def _listeners(client: Client) -> list[str]:
    """The models that have classified, the newest first."""
    results = [task.result for job in client.jobs().items for task in job.tasks]
    return [result.model.name for result in results if isinstance(result, ClassifyResult)]


def _see_the_evidence(page: Page) -> None:
    """It changes the picture, and the choice of a layer asks for another map."""
    plot = page.locator(".plot--spectrogram canvas")
    expect(plot).to_have_attribute("aria-label", re.compile("Mel spectrogram"))
    before = plot.screenshot()
    page.get_by_role("button", name="Evidence").click()
    expect(plot).to_have_attribute("aria-label", re.compile("evidence"))
    deep = _other_than(before, plot)
    page.get_by_label("Evidence layer").select_option("layer2")
    expect(page.locator(".evidence [role=status]")).not_to_be_empty()
    expect(page.locator(".evidence [role=status]")).to_be_empty(timeout=_ENDS_MS)
    _other_than(deep, plot)
    expect(page.get_by_label("Why")).to_contain_text("evidence for dog")


def _other_than(before: bytes, plot: Locator) -> bytes:
    """The picture as soon as it is another."""
    until = monotonic() + _PATIENCE_S
    while (after := plot.screenshot()) == before:
        assert monotonic() < until, "the picture stays the same"
        plot.page.wait_for_timeout(100)
    return after


def _hear_it(page: Page) -> None:
    """The clock runs; the other sound goes on from the same moment."""
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => parseFloat(document.querySelector('.clock').textContent.slice(2)) > 0.4")
    page.get_by_role("radio", name="what the model heard").click()
    at = _clock(page)
    page.wait_for_function(f"() => parseFloat(document.querySelector('.clock').textContent.slice(2)) > {at + 0.3}")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".transport__problem")).to_have_count(0)


def _find_the_neighbour(page: Page) -> None:
    """The other dog, which can be heard at once."""
    page.locator("#alike").scroll_into_view_if_needed()
    alike = page.locator("#alike")
    expect(alike.get_by_role("link")).to_have_text("dog_small.m4a")
    alike.get_by_role("button", name="Play dog_small.m4a").click()
    alike.get_by_role("button", name="Stop dog_small.m4a").click()


def _mix(here: Visit, model: str) -> None:
    """What is muted is not heard any more, by what goes to the loudspeaker; the mix can be had as a file."""
    page, client = here.page, here.client
    track_id = page.url.rpartition("/")[2].partition("#")[0]
    job = client.wait(client.create_job(track_id, ["separate"], {"separate": {"model": model}}))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    page.reload()
    page.locator("#stems").scroll_into_view_if_needed()
    page.get_by_role("button", name="Loop all that is seen").click()
    page.get_by_role("button", name="Play the stems").click()
    page.wait_for_function("() => Number(document.querySelector('[role=meter]').ariaValueNow) > -60")
    every = _loudest(page)
    assert every > _SILENCE_DB
    page.get_by_role("button", name="Solo drums").click()
    alone = _loudest(page)
    assert alone > _SILENCE_DB
    assert abs(alone - every) > 0.5
    page.get_by_role("button", name="Mute drums").click()
    _await_silence(page)
    page.get_by_role("button", name="Mute drums").click()
    page.get_by_role("button", name="Export this mix").click()
    with page.expect_download(timeout=_ENDS_MS) as download:
        page.get_by_role("link", name="Download the mix").click(timeout=_ENDS_MS)
    assert Path(download.value.path()).read_bytes()[:4] == b"fLaC"
    assert download.value.suggested_filename == "mix.flac"
    page.get_by_role("button", name="Pause", exact=True).first.click()


def _let_another_take_it_apart(here: Visit) -> None:
    """The model that ships, in place of the one that did: its stems stand there then."""
    page, client = here.page, here.client
    track_id = page.url.rpartition("/")[2].partition("#")[0]
    choice = page.locator("#stems").get_by_label("Model that takes apart")
    choice.select_option("demucs-mini")
    expect(page.locator("#stems").get_by_label("Taking the recording apart")).to_be_visible()
    expect(choice).to_have_value("demucs-mini", timeout=_ENDS_MS)
    assert client.stems(track_id).model["name"] == "demucs-mini"
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()


def _compare_a_stem(page: Page) -> None:
    """Once its stems are placed too, each can be compared; the other recording has none yet, and that is said."""
    alike = page.locator("#alike")
    alike.scroll_into_view_if_needed()
    alike.get_by_role("button", name="Compare its stems too").click()
    expect(alike.get_by_role("radio", name="drums")).to_be_enabled(timeout=_ENDS_MS)
    alike.get_by_role("radio", name="drums").click()
    expect(alike).to_contain_text("no other recording whose drums can be compared")


def _erase(page: Page) -> None:
    """Asked once more, then gone."""
    page.goto(page.url.partition("/tracks")[0] + "/")
    page.get_by_role("button", name="Delete dog_large.flac").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="dog_large.flac")).to_have_count(0)


def _loudest(page: Page) -> float:
    """Of the next second, in dBFS."""
    page.wait_for_timeout(200)
    level: float = page.evaluate(
        """async () => {
            const meter = document.querySelector('[role=meter]');
            let loudest = -60;
            for (let round = 0; round < 25; round += 1) {
                await new Promise((resolve) => setTimeout(resolve, 40));
                loudest = Math.max(loudest, Number(meter.getAttribute('aria-valuenow')));
            }
            return loudest;
        }"""
    )
    return level


def _await_silence(page: Page) -> None:
    """Returns after a second in which nothing was heard."""
    until = monotonic() + _PATIENCE_S
    while _loudest(page) > _SILENCE_DB:
        assert monotonic() < until, "it is still heard"


def _clock(page: Page) -> float:
    return float(page.locator(".clock").inner_text().partition(" ")[0].rpartition(":")[2])


def _fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
