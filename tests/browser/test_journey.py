"""From a file to its evidence, its stems and its neighbours, in the order of a visit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from phonoscope.client import Client
from phonoscope.contract import ModelCard
from phonoscope.settings import DEFAULT_MODEL
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Features
from phonoscope.tasks.classify import ClassifyResult
from tests.browser.visit import SIZES, Visit

_SILENCE_DB = -60.0
_ENDS_MS = 60_000
_PATIENCE_S = 30.0


@pytest.mark.main
@SIZES
def test_a_recording_from_upload_to_deletion(
    visit: Callable[..., Visit], recordings: dict[str, Path], tiny: str, size: ViewportSize
) -> None:
    """Uploaded, classified, explained, separated, mixed, compared and deleted, on a wide and a narrow screen."""
    here = visit(size)
    here.go("/")
    page = here.page
    page.get_by_label("Recordings to upload").set_input_files([recordings["dog_large"], recordings["dog_small"]])
    for name in ("dog_large.flac", "dog_small.m4a"):
        row = page.get_by_label("Recordings", exact=True).get_by_role("listitem").filter(has_text=name)
        expect(row).to_contain_text("dog", timeout=_ENDS_MS)
        expect(row.locator(".track__label")).to_contain_text("dog", timeout=_ENDS_MS)
    expect(page.get_by_label("Uploads").get_by_text("done")).to_have_count(2, timeout=_ENDS_MS)

    page.get_by_label("Uploads").get_by_role("button", name="Clear").click()
    page.get_by_label("Recordings", exact=True).get_by_role("link", name="dog_large.flac").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("dog_large.flac")
    expect(page.get_by_label("Labels", exact=True)).to_contain_text("dog")
    assert _fits(page)
    _see_the_evidence(page)
    _play_it(page)
    _find_the_neighbour(page)
    _mix(here, tiny)
    _separate_with_another_model(here)
    _compare_a_stem(page)
    _delete(page)
    assert [track.filename for track in here.client.tracks().items] == ["dog_small.m4a"]


def test_another_model_can_classify(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """It runs once. Then the page shows the results of the model that is selected, and no other's."""
    here = visit()
    page, client = here.page, here.client
    job = client.wait(client.analyze(recordings["rain_roof"], ["classify", "embed", "explain", "features"]))
    here.go(f"/tracks/{job.recording}")
    first, depths = job.result(Classify).model.name, len(job.result(Features).layers)
    model, bars = page.get_by_label("Classification model", exact=True), page.locator("#what .bars > li")
    expect(model).to_have_value(DEFAULT_MODEL)
    expect(page.get_by_label("What is heard")).to_contain_text("Sound")
    page.locator("#inside").scroll_into_view_if_needed()
    expect(page.locator("#inside .depth")).to_have_count(depths)
    model.select_option("environment-10")
    expect(page.get_by_role("button", name="Show the feature maps")).to_be_visible()
    expect(bars).to_have_count(3, timeout=_ENDS_MS)
    expect(page.get_by_label("What is heard")).not_to_contain_text("Sound")
    expect(page.get_by_label("Why")).to_contain_text("evidence for", timeout=_ENDS_MS)
    page.locator("#similar").scroll_into_view_if_needed()
    expect(page.locator("#similar")).to_contain_text("No other recording has an embedding by this model")
    assert _classifiers(client) == ["environment-10", first]
    model.select_option(DEFAULT_MODEL)
    expect(page.locator("#inside .depth")).to_have_count(depths)
    expect(bars).to_have_count(3)
    assert _classifiers(client) == ["environment-10", first]


def test_several_models_can_classify(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """Each answers; the first one's label counts, and a click on another one's label shows the evidence for it."""
    here = visit()
    page, client = here.page, here.client
    job = client.wait(client.analyze(recordings["dog_large"], ["classify", "explain"]))
    here.go(f"/tracks/{job.recording}")
    page.get_by_text("several models").click()
    for name in ("genre-10", "environment-10"):
        page.get_by_label("Classification models").get_by_label(name).check()
    page.get_by_role("button", name="Classify by these").click()
    expect(page.get_by_label("Classification model", exact=True)).to_have_value("genre-10,environment-10")
    tag = page.locator("#what").get_by_label("Labels by environment-10").get_by_role("button")
    expect(tag).to_contain_text("dog", timeout=_ENDS_MS)
    newest = client.results(job.recording).newest(TaskName.CLASSIFY, "genre-10")
    assert newest is not None
    assert isinstance(newest.result, ClassifyResult)
    assert [answer.model.name for answer in newest.result.answers] == ["genre-10", "environment-10"]
    expect(page.get_by_label("Why")).to_contain_text("evidence for", timeout=_ENDS_MS)
    tag.click()
    expect(page.get_by_label("Why")).to_contain_text("evidence for dog", timeout=_ENDS_MS)
    card = client.model("environment-10")
    assert isinstance(card, ModelCard)
    options = page.get_by_label("Evidence layer").locator("option")
    expect(options).to_have_count(len(card.layers))
    assert options.evaluate_all("nodes => nodes.map(({ value }) => value)") == card.layers
    expect(page.get_by_label("Evidence layer")).to_have_value(card.default_layer or "")


def _classifiers(client: Client) -> list[str]:
    """The models that have classified, newest first."""
    results = [task.result for job in client.jobs().items for task in job.tasks]
    return [result.model.name for result in results if isinstance(result, ClassifyResult)]


def _see_the_evidence(page: Page) -> None:
    """Evidence changes the picture, and another layer changes it again."""
    plot = page.locator(".plot--spectrogram canvas")
    expect(plot).to_have_attribute("aria-label", re.compile("Mel spectrogram"))
    expect(plot).to_have_attribute("aria-label", re.compile("evidence"))
    expect(page.locator(".amber")).to_contain_text("dog")
    page.get_by_role("button", name="Evidence", exact=True).click()
    expect(plot).not_to_have_attribute("aria-label", re.compile("evidence"))
    expect(page.locator(".amber")).to_be_hidden()
    before = plot.screenshot()
    page.get_by_role("button", name="Evidence", exact=True).click()
    expect(plot).to_have_attribute("aria-label", re.compile("evidence"))
    deep = _other_than(before, plot)
    layers = page.get_by_label("Evidence layer")
    names = layers.locator("option").evaluate_all("nodes => nodes.map(({ value }) => value)")
    layers.select_option(next(name for name in reversed(names) if name != layers.input_value()))
    expect(page.locator(".evidence [role=status]")).not_to_be_empty()
    expect(page.locator(".evidence [role=status]")).to_be_empty(timeout=_ENDS_MS)
    _other_than(deep, plot)
    expect(page.get_by_label("Why")).to_contain_text("evidence for dog")


def _other_than(before: bytes, plot: Locator) -> bytes:
    """The picture as soon as it differs from the one before."""
    until = monotonic() + _PATIENCE_S
    while (after := plot.screenshot()) == before:
        assert monotonic() < until, "the picture stays the same"
        plot.page.wait_for_timeout(100)
    return after


def _play_it(page: Page) -> None:
    """The clock runs, and the other sound continues at the same position."""
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => parseFloat(document.querySelector('.clock').textContent.slice(2)) > 0.4")
    page.get_by_role("radio", name="evidence only").click()
    at = _clock(page)
    # It is looped, so that it does not end meanwhile.
    page.wait_for_function(
        f"() => Math.abs(parseFloat(document.querySelector('.clock').textContent.slice(2)) - {at}) > 0.3"
    )
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".transport__problem")).to_have_count(0)


def _find_the_neighbour(page: Page) -> None:
    """The other dog is found and can be played."""
    page.locator("#similar").scroll_into_view_if_needed()
    similar = page.locator("#similar")
    expect(similar.get_by_role("listitem").get_by_role("link")).to_have_text("dog_small.m4a")
    similar.get_by_role("button", name="Play dog_small.m4a").click()
    similar.get_by_role("button", name="Stop dog_small.m4a").click()


def _mix(here: Visit, model: str) -> None:
    """The output's level follows solo and mute, and the mix can be downloaded."""
    page, client = here.page, here.client
    track_id = page.url.rpartition("/")[2].partition("#")[0]
    job = client.wait(client.create_job(track_id, ["separate"], {"separate": {"model": model}}))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    page.reload()
    page.locator("#stems").scroll_into_view_if_needed()
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play the stems").click()
    page.wait_for_function(
        "() => Number(document.querySelector('[aria-label=\"Level of the mix\"]').ariaValueNow) > -60"
    )
    _await_sound(page)
    page.get_by_role("button", name="Solo drums").click()
    level = "Number(document.querySelector('[aria-label=\"Level of {}\"]').ariaValueNow)"
    page.wait_for_function(f"() => {level.format('bass')} === -60 && {level.format('drums')} > -60")
    _await_sound(page)
    page.get_by_role("button", name="Mute drums").click()
    _await_silence(page)
    page.get_by_role("button", name="Mute drums").click()
    page.get_by_role("button", name="Export this mix").click()
    with page.expect_download(timeout=_ENDS_MS) as download:
        page.get_by_role("link", name="Download the mix").click(timeout=_ENDS_MS)
    assert Path(download.value.path()).read_bytes()[:4] == b"fLaC"
    assert download.value.suggested_filename == "dog_large - mix.flac"
    page.get_by_role("button", name="Pause", exact=True).first.click()


def _separate_with_another_model(here: Visit) -> None:
    """The stems of the model that ships replace those of the first one."""
    page, client = here.page, here.client
    track_id = page.url.rpartition("/")[2].partition("#")[0]
    choice = page.locator("#stems").get_by_label("Separation model")
    choice.select_option("demucs-mini")
    expect(page.locator("#stems").get_by_label("Separating the recording")).to_be_visible()
    expect(choice).to_have_value("demucs-mini", timeout=_ENDS_MS)
    assert client.stems(track_id).model["name"] == "demucs-mini"
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()


def _compare_a_stem(page: Page) -> None:
    """With embeddings of its stems each can be compared; the page says that the other recording has none."""
    similar = page.locator("#similar")
    similar.scroll_into_view_if_needed()
    similar.get_by_role("button", name="Compare by stems too").click()
    expect(similar.get_by_role("radio", name="drums")).to_be_enabled(timeout=_ENDS_MS)
    similar.get_by_role("radio", name="drums").click()
    expect(similar).to_contain_text("No other recording has an embedding of its drums")


def _delete(page: Page) -> None:
    """The page asks for confirmation, then the row is gone."""
    page.goto(page.url.partition("/tracks")[0] + "/")
    page.get_by_role("button", name="Delete dog_large.flac").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="dog_large.flac")).to_have_count(0)


def _loudest(page: Page) -> float:
    """The highest level of the next second, in dBFS."""
    page.wait_for_timeout(200)
    level: float = page.evaluate(
        """async () => {
            const meter = document.querySelector('[aria-label="Level of the mix"]');
            let loudest = -60;
            for (let round = 0; round < 25; round += 1) {
                await new Promise((resolve) => setTimeout(resolve, 40));
                loudest = Math.max(loudest, Number(meter.getAttribute('aria-valuenow')));
            }
            return loudest;
        }"""
    )
    return level


def _await_sound(page: Page) -> float:
    """The highest level of a second in which something is heard, in dBFS."""
    until = monotonic() + _PATIENCE_S
    while (level := _loudest(page)) <= _SILENCE_DB:
        assert monotonic() < until, "nothing is heard"
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
