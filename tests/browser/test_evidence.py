"""Whether the evidence can be believed: asked for on the page, and told apart by colours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Request, Route, ViewportSize, expect

from phonoscope.contract import ModelCard
from phonoscope.tasks import Explain
from tests.browser.axis import axis
from tests.browser.visit import BOTH, PLOTS_LOADED, RATE_HZ, WIDE_FIRST, Visit, held_at, last_of
from tests.support import RunningStack, examples, hung

_ENDS_MS = 60_000
_CHECKS = {"random_deletion": 0.8, "deletion": 0.2, "random_insertion": 0.5, "insertion": 0.5, "randomised": 0.9}
"""The first check passes, the second is doubtful, the third fails."""
_BARKS_S, _BARK_S, _AROUND_S = 2.35, 0.3, 0.5
_AMBER = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const found = new Set();
    for (let at = 0; at < data.length; at += 4) if (data[at] - data[at + 2] > 20) found.add((at / 4) % width);
    return [...found];
}"""
"""The columns that have amber; the spectrogram below it is grey."""


@pytest.fixture(scope="module")
def bark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.3 s of the demo's dog in five seconds of silence."""
    demo = examples()
    dog = next(clip for clip in demo.CLIPS if clip.file == "dog_large.flac").samples()
    first, start, length = (round(seconds * RATE_HZ) for seconds in (0.4, _BARKS_S, _BARK_S))
    samples = np.zeros_like(dog)
    samples[start : start + length] = dog[first : first + length]
    path: Path = demo.write(tmp_path_factory.mktemp("bark") / "bark.flac", demo.quantised(samples, 0.5))
    return path


@WIDE_FIRST
def test_the_amber_of_a_short_bark_does_not_cover_the_silence_around_it(
    visit: Callable[..., Visit], bark: Path, size: ViewportSize
) -> None:
    """Evidence is shown at first, at the default layer: amber lies on the bark, and less than half a second off it."""
    here = visit(size)
    here.expected = ("willReadFrequently",)
    page = here.page
    job = here.client.wait(here.client.analyze(bark, ["classify", "explain", "describe"]))
    explained = job.result(Explain)
    card = here.client.model(explained.model.name)
    assert isinstance(card, ModelCard)
    here.go(f"/tracks/{job.recording}")
    expect(page.get_by_role("button", name="Evidence", exact=True)).to_have_attribute("aria-pressed", "true")
    assert card.default_layer is not None
    expect(page.get_by_label("Evidence layer")).to_have_value(card.default_layer)
    expect(page.locator(".amber")).to_contain_text("made it say dog")
    page.wait_for_function(PLOTS_LOADED)
    picture = page.locator(".plot--spectrogram canvas")
    page.wait_for_function(f"() => ({_AMBER})(document.querySelector('.plot--spectrogram canvas')).length > 0")
    start_s, px_per_s = axis(page)
    off_s = np.abs(np.array(picture.evaluate(_AMBER)) / px_per_s + start_s - (_BARKS_S + _BARK_S / 2))
    assert (off_s < _BARK_S / 2).any()
    assert (off_s > _BARK_S / 2 + _AROUND_S).sum() / px_per_s < 0.5


def test_evidence_is_checked_when_it_is_asked_for(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """A press of the button brings the verdict and its checks, which a reload keeps."""
    here = visit()
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    here.go(f"/tracks/{job.recording}")
    why = page.get_by_label("Why", exact=True)
    check = why.get_by_role("button", name="Check the evidence")
    expect(why.locator(".believed__verdict")).to_have_count(0)
    with page.expect_request(lambda one: one.method == "POST" and one.url.endswith("/v1/jobs")) as sent:
        check.click()
    assert json.loads(sent.value.post_data or "")["options"]["explain"]["trust"] is True
    verdict = why.locator(".believed__verdict")
    expect(verdict).to_have_text(re.compile(r"^It (passes|is doubtful|fails): "), timeout=_ENDS_MS)
    expect(check).to_have_count(0)
    page.reload()
    expect(verdict).to_be_visible()
    expect(why.locator(".believed__check")).to_have_count(3)
    here.expect_fine(*BOTH)


@WIDE_FIRST
def test_what_is_being_computed_is_not_asked_for_again(
    visit: Callable[..., Visit], stack: RunningStack, recordings: dict[str, Path], size: ViewportSize
) -> None:
    """A check and another label, each asked for once, whatever is chosen, in another tab and after a reload."""
    here = visit(size)
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    own = job.result(Explain).label
    asked: list[Request] = []
    page.context.on("request", lambda one: asked.append(one) if one.method == "POST" else None)
    address = f"/tracks/{job.recording}"
    here.go(address)
    label, (check, checking) = page.get_by_label("Evidence label"), _checks(page)
    expect(check).to_be_enabled()
    labels = label.locator("option").evaluate_all("all => all.map((one) => one.value)")
    another = next(name for name in labels if name != own)
    with hung(stack, "gpu", "gpu-long"):
        check.click()
        expect(checking).to_be_disabled()
        with page.expect_request(lambda one: one.method == "POST"):
            label.select_option(another)
        expect(check).to_have_count(0)
        expect(page.get_by_label("Why", exact=True)).to_contain_text("The evidence is being computed.")
        for name in (own, another, own):
            label.select_option(name)
        expect(checking).to_be_disabled()
        here.expect_fine()
        other = page.context.new_page()
        other.goto(f"{here.url}{address}")
        expect(_checks(other)[1]).to_be_disabled()
        other.get_by_label("Evidence label").select_option(another)
        expect(other.get_by_label("Why", exact=True)).to_contain_text("The evidence is being computed.")
        page.reload()
        expect(checking).to_be_disabled()
    expect(page.locator(".believed__verdict")).to_be_visible(timeout=_ENDS_MS)
    expect(other.locator(".amber")).to_contain_text(f"made it say {another.replace('_', ' ')}", timeout=_ENDS_MS)
    other.get_by_label("Evidence label").select_option(own)
    expect(other.locator(".believed__verdict")).to_be_visible(timeout=_ENDS_MS)
    assert [json.loads(one.post_data or "")["options"]["explain"]["label"] for one in asked] == [own, another]
    assert len(here.client.jobs().items) == 3


def test_of_several_requests_each_says_why_it_failed(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """The problem of the first is shown though another was asked for meanwhile, and goes when it is asked for again."""
    here = visit()
    here.expected = ("503",)
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    own = job.result(Explain).label
    held = held_at(page, "**/v1/jobs", "POST")
    here.go(f"/tracks/{job.recording}")
    label = page.get_by_label("Evidence label")
    expect(label).to_have_value(own)
    names = label.locator("option").evaluate_all("all => all.map((one) => one.value)")
    others = [name for name in names if name != own]
    for count, name in enumerate(others[:2]):
        label.select_option(name)
        last_of(page, held, count + 1)
    shown = page.locator(".evidence").get_by_role("alert")
    for count, said in enumerate(["no room for the first", "no room for the second"]):
        held[count].fulfill(status=503, json={"detail": said, "status": 503})
        expect(shown).to_contain_text(said.capitalize())
    expect(shown).to_contain_text("No room for the first. No room for the second.")
    label.select_option(own)
    label.select_option(others[0])
    expect(shown).to_have_count(0)
    here.expect_fine()


def test_a_page_that_knows_of_nothing_follows_what_is_computed(
    visit: Callable[..., Visit], stack: RunningStack, recordings: dict[str, Path]
) -> None:
    """What another program asked for since the page was opened is found before it is asked for."""
    here = visit()
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    explained = job.result(Explain)
    here.go(f"/tracks/{job.recording}")
    check, checking = _checks(page)
    expect(check).to_be_enabled()
    with hung(stack, "gpu", "gpu-long"):
        options = {"classify": {"model": explained.model.name}, "explain": {"label": explained.label, "trust": True}}
        here.client.create_job(job.recording, ["explain"], options)
        check.click()
        expect(checking).to_be_disabled()
    expect(page.locator(".believed__verdict")).to_be_visible(timeout=_ENDS_MS)
    assert len(here.client.jobs().items) == 2


def _checks(page: Page) -> tuple[Locator, Locator]:
    """The button that asks for a check, and the one that says that it is made."""
    why = page.get_by_label("Why", exact=True)
    return why.get_by_role("button", name="Check the evidence"), why.get_by_role("button", name="Checking …")


@WIDE_FIRST
def test_what_passes_looks_other_than_what_fails(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Each outcome has a colour of its own, in both themes; the verdict has that of the worst one."""
    here = visit(size)
    page = here.page
    options = {"explain": {"trust": True}}
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain"], options))
    page.route(re.compile(r"/v1/tracks/[^/]+/results"), _with_other_checks)
    here.go(f"/tracks/{job.recording}")
    why = page.get_by_label("Why", exact=True)
    expect(why.locator(".believed__outcome strong")).to_have_text(["passes", "doubtful", "fails"])
    expect(why.locator(".believed__verdict")).to_have_text(re.compile("^It fails: 1 of 3 checks fails"))
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator(f"html[data-theme={theme}]")).to_have_count(1)
        checks = _edges(page, ".believed__check")
        assert len(set(checks)) == 3, (theme, checks)
        assert _edges(page, ".believed__verdict") == checks[2:]
        here.expect_fine()


def _with_other_checks(route: Route) -> None:
    """The service's answer with other figures of the checks."""
    answer = route.fetch()
    if answer.status != 200:
        route.fulfill(response=answer)
        return
    found = answer.json()
    for item in found["items"]:
        if item["result"]["task"] == "explain":
            item["result"]["trust"] = _CHECKS
    route.fulfill(response=answer, json=found)


def _edges(page: Page, rows: str) -> list[str]:
    """The colours of the left edges of rows that are 3 pixels wide."""
    found: list[list[str]] = page.locator(rows).evaluate_all(
        "all => all.map((one) => getComputedStyle(one)).map((one) => [one.borderLeftWidth, one.borderLeftColor])"
    )
    assert {width for width, _ in found} == {"3px"}
    return [colour for _, colour in found]
