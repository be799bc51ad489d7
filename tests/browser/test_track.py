"""A track's page: its state, its sound, and what it says of models that were replaced."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from phonoscope.client import Client
from phonoscope.states import Status
from phonoscope.tasks import Features
from tests.browser.sound import HOUR_S, hour_wav
from tests.browser.visit import BOTH, Visit, record_players
from tests.classifiers import write_classifier
from tests.support import RunningStack, tone_wav

_PATIENCE_S = 60.0
_RATE_HZ = 8_000
_LATER_JOBS = 55
_SAMPLES_OF_PLAYERS = """async () => {
    const seen = [];
    const until = performance.now() + 45_000;
    while (performance.now() < until && new Set(seen.map(({ url }) => url)).size < 2) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        const playing = window.players.filter((player) => !player.paused && !player.seeking && player.readyState > 2);
        const at = Math.max(-1, ...playing.map((player) => player.currentTime));
        seen.push({ at, url: playing.at(-1)?.src, now: performance.now() / 1000 });
    }
    return seen;
}"""


@pytest.fixture
def replaced(stack: RunningStack) -> Iterator[Path]:
    """A classifier that the running gateway and workers look for, and that a test replaces."""
    folder = stack.pulled_models / "replaced"
    write_classifier(folder, "bell", 1)
    yield folder
    shutil.rmtree(folder)


def test_results_are_found_however_many_jobs_came_later(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """The page shows what the first of many jobs found, and offers no second analysis."""
    here = visit()
    client = here.client
    first = client.wait(client.analyze(recordings["rain_roof"], ["classify", "explain", "features", "describe"]))
    for _ in range(_LATER_JOBS):
        client.wait(client.create_job(first.recording, ["embed"]))
    here.go(f"/tracks/{first.recording}")
    page = here.page
    expect(page.get_by_label("Labels", exact=True).get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_label("Why")).to_contain_text("evidence for")
    expect(page.get_by_label("How it sounds")).to_contain_text("loudness")
    page.locator("#inside").scroll_into_view_if_needed()
    expect(page.locator("#inside .depth")).to_have_count(len(first.result(Features).layers))
    expect(page.get_by_text("has not been analysed yet")).to_have_count(0)
    here.expect_fine(*BOTH)


def test_a_long_recording_is_streamed(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """An hour is played from its middle by ranges, by a link without the key, and little of it is fetched."""
    here = visit()
    page, client = here.page, here.client
    path = hour_wav(tmp_path / "hour.wav")
    track = client.upload(path)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/audio?" in request.url else None)
    fetched = _bytes_by_address(page)
    here.go(f"/tracks/{track.id}")
    plots = page.locator(".timeline__plots")
    box = plots.bounding_box()
    assert box
    plots.click(position={"x": box["width"] / 2, "y": 40})
    expect(page.get_by_label("Position")).to_contain_text("30:0")
    page.get_by_role("button", name="Play", exact=True).click()
    _until(page, lambda: _clock_s(page) > HOUR_S / 2 + 2)
    expect(page.locator(".transport__problem")).to_have_count(0)
    page.get_by_role("button", name="Pause", exact=True).click()
    here.expect_fine(*BOTH)
    headers = [request.all_headers() for request in asked]
    starts = [int(one["range"].removeprefix("bytes=").partition("-")[0]) for one in headers]
    assert max(starts) > 0.45 * track.size_bytes
    assert not any("authorization" in one for one in headers)
    assert 0 < sum(size for url, size in fetched.items() if "/audio" in url) < 0.4 * track.size_bytes
    client.delete_track(track.id)
    here.expected = ("404",)


def test_a_sound_plays_on_when_its_link_is_renewed(
    visit: Callable[..., Visit], short_lived: RunningStack, tmp_path: Path
) -> None:
    """Before the link expires another one takes over, without a break and at the same position."""
    here = visit(gateway=short_lived)
    page, client = here.page, here.client
    path = tmp_path / "minute.wav"
    path.write_bytes(tone_wav(60.0, rate_hz=_RATE_HZ, seed=4_711))
    track = client.upload(path)
    record_players(page)
    here.go(f"/tracks/{track.id}")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    _until(page, lambda: _clock_s(page) > 0.2)
    seen: list[dict[str, Any]] = page.evaluate(_SAMPLES_OF_PLAYERS)
    assert len({one["url"] for one in seen}) == 2
    silent = [one for one in seen if one["at"] < 0]
    assert silent == []
    before, after = seen[-2:]
    assert before["url"] != after["url"]
    assert abs((after["at"] - before["at"]) - (after["now"] - before["now"])) < 0.5
    assert _clock_s(page) < 45.0
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()


def test_recordings_that_an_earlier_model_embedded(
    visit: Callable[..., Visit], replaced: Path, recordings: dict[str, Path]
) -> None:
    """Their neighbours stay those of before until all are embedded by the new one; then they are its own."""
    here = visit()
    page, client = here.page, here.client
    tracks = [_embedded(client, recordings[name], replaced.name) for name in ("dog_large", "dog_small", "rain_roof")]
    write_classifier(replaced, "bell", 2)
    _embedded(client, recordings["dog_large"], replaced.name)
    similar = page.locator("#similar")
    for track in tracks[:2]:
        here.go(f"/tracks/{track}")
        similar.scroll_into_view_if_needed()
        expect(similar.get_by_role("listitem")).to_have_count(2)
    for name in ("dog_small", "rain_roof"):
        _embedded(client, recordings[name], replaced.name)
    page.reload()
    similar.scroll_into_view_if_needed()
    expect(similar.get_by_role("listitem")).to_have_count(2)
    here.expect_fine(*BOTH)


def test_labels_by_model(visit: Callable[..., Visit], replaced: Path, recordings: dict[str, Path]) -> None:
    """A recording's page has the label by each model; the library shows and filters by one model's or by any."""
    here = visit()
    page, client = here.page, here.client
    client.wait(client.analyze(recordings["dog_large"], ["classify"], {"classify": {"model": replaced.name}}))
    job = client.wait(client.analyze(recordings["dog_large"], ["classify"]))
    client.wait(client.analyze(recordings["rain_roof"], ["classify"]))
    here.go(f"/tracks/{job.recording}")
    expect(page.get_by_label("Labels by model")).to_contain_text("environment-50dogreplacedbell", use_inner_text=False)
    here.expect_fine(*BOTH)
    here.go("/")
    rows = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="dog_large")).to_contain_text("dog")
    page.get_by_label("Model of the labels").select_option(replaced.name)
    expect(rows.filter(has_text="dog_large").locator(".track__label")).to_contain_text("bell")
    expect(rows.filter(has_text="rain_roof").locator(".track__label")).to_have_text("not heard by replaced")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="bell").click()
    expect(rows).to_have_count(1)
    assert page.url.endswith("?label=bell&model=replaced")
    here.expect_fine(*BOTH)
    page.get_by_label("Model of the labels").select_option("newest")
    expect(rows).to_have_count(2)


def _embedded(client: Client, path: Path, model: str) -> str:
    job = client.wait(client.analyze(path, ["classify", "embed"], {"classify": {"model": model}}))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job.recording


def _bytes_by_address(page: Page) -> dict[str, int]:
    """How many bytes each address has sent so far; what a browser cancels counts as far as it came."""
    sent: dict[str, int] = {}
    urls: dict[str, str] = {}
    browser = page.context.new_cdp_session(page)
    browser.send("Network.enable")
    browser.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))

    def received(event: dict[str, Any]) -> None:
        url = urls.get(event["requestId"], "")
        sent[url] = sent.get(url, 0) + event["dataLength"]

    browser.on("Network.dataReceived", received)
    return sent


def _until(page: Page, holds: Callable[[], bool]) -> None:
    until = monotonic() + _PATIENCE_S
    while not holds():
        assert monotonic() < until, "it has not come about"
        page.wait_for_timeout(100)


def _clock_s(page: Page) -> float:
    """The position that the page shows, in seconds."""
    seconds = 0.0
    for part in page.locator(".clock").inner_text().partition(" ")[0].split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
