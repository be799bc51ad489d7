"""The library as a map: drawn, read, and used with mouse and keys."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from phonoscope.client import Client
from tests.browser.visit import BOTH, WIDE, WIDE_FIRST, Visit, record_players
from tests.support import tone_wav

_ENDS_MS = 60_000
_SCRIPT = "<img src=x onerror=document.title='run'>.wav"
_TONES_HZ = (220, 330, 880)


@pytest.fixture
def embedded(recordings: dict[str, Path], tmp_path: Path) -> Callable[[Client], list[str]]:
    """Embeds six recordings, one with markup in its name, one that is not listened to, and returns their names."""

    def analysed(client: Client) -> list[str]:
        shutil.copy(recordings["rain_roof"], tmp_path / _SCRIPT)
        files = [recordings["dog_large"], recordings["dog_small"], tmp_path / _SCRIPT]
        for hertz in _TONES_HZ:
            files.append(tmp_path / f"tone-{hertz}.wav")
            files[-1].write_bytes(tone_wav(1.0, hertz, seed=hertz))
        heard = [["classify", "embed"]] * (len(files) - 1)
        for job in [client.analyze(path, tasks) for path, tasks in zip(files, [*heard, ["embed"]], strict=True)]:
            client.wait(job)
        return [path.name for path in files]

    return analysed


@pytest.mark.main
@WIDE_FIRST
def test_a_library_as_a_map(
    visit: Callable[..., Visit], embedded: Callable[[Client], list[str]], size: ViewportSize
) -> None:
    """The map is drawn on demand and shows every recording, as a picture, as text and with keys."""
    here = visit(size)
    names = embedded(here.client)
    here.go("/")
    page = here.page
    page.get_by_role("radio", name="map").click()
    expect(page).to_have_url(f"{here.url}/?view=map")
    expect(page.get_by_label("Map of the library")).to_contain_text("6 recordings can be shown on it")
    page.get_by_role("button", name="Draw the map").click()
    expect(page.locator(".map__plot canvas")).to_have_attribute(
        "aria-label", re.compile("^6 recordings"), timeout=_ENDS_MS
    )
    expect(page.get_by_text("along the two directions in which the recordings differ most")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    _read_all(page, names)
    for theme in ("Light theme", "Dark theme"):
        assert here.violations() == []
        page.get_by_role("button", name=theme).click()
    _open_by_click(page)
    _open_by_keys(page)
    _filter(page)
    assert page.locator("main img").count() == 0
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("link", name="Map of the library")).to_be_visible()


def _read_all(page: Page, names: list[str]) -> None:
    """The map's text lists every recording."""
    page.get_by_text("6 recordings in view").click()
    links = page.get_by_label("Recordings in view").get_by_role("link")
    assert sorted(links.all_inner_texts()) == sorted(names)
    expect(page.locator(".map__text")).to_contain_text(re.compile(r"6 recordings: .*dog 2"))
    unheard = page.get_by_label("Recordings in view").get_by_role("listitem").filter(has_text="not listened to")
    expect(unheard.get_by_role("link")).to_have_text([f"tone-{_TONES_HZ[-1]}.wav"])


def _open_by_click(page: Page) -> None:
    """A click on a dot opens its recording, and going back shows the map."""
    plot = page.locator(".map__plot")
    plot.focus()
    page.keyboard.press("Shift+ArrowRight")
    card = page.locator(".map__card")
    name = card.locator("span").first.inner_text()
    left, top = (float(card.evaluate(f"node => parseFloat(node.style.{side})")) for side in ("left", "top"))
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    plot.hover(position={"x": left, "y": top})
    expect(card).to_contain_text(name)
    plot.click(position={"x": left, "y": top})
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(plot).to_be_visible()


def _open_by_keys(page: Page) -> None:
    """Keys go from recording to recording, announce each and open one."""
    plot = page.locator(".map__plot")
    plot.focus()
    card = page.locator(".map__card")
    seen: set[str] = set()
    for key in ["Right", "Right", "Up", "Left", "Left", "Left", "Down", "Right", "Down", "Right"]:
        page.keyboard.press(f"Shift+Arrow{key}")
        name = card.locator("span").first.inner_text()
        seen.add(name)
        expect(page.locator("[role=status]").last).to_contain_text(name)
    assert len(seen) > 2
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Zoom out")).to_be_enabled()
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(plot).to_be_visible()


def _filter(page: Page) -> None:
    """The library's search and labels filter the map."""
    seen = page.locator(".map__text summary")
    page.get_by_label("Filter by name").fill("TONE")
    expect(page).to_have_url(re.compile(r"\?view=map&q=TONE$"))
    expect(seen).to_have_text("3 recordings in view")
    page.get_by_label("Filter by name").fill("nothing is called so")
    expect(page.get_by_text("No recording on the map matches.")).to_be_visible()
    page.get_by_label("Filter by name").fill("")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="dog").click()
    expect(seen).to_have_text("2 recordings in view")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="all").click()
    expect(seen).to_have_text("6 recordings in view")


def test_a_map_grows_with_the_library(visit: Callable[..., Visit], recordings: dict[str, Path], tmp_path: Path) -> None:
    """An empty map says what to do, new recordings are counted, and a refused request can be tried again."""
    here = visit()
    here.expected = ("503",)
    page = here.page
    here.go("/?view=map")
    expect(page.get_by_label("Map of the library")).to_contain_text("The map is empty")
    page.get_by_label("Recordings to upload").set_input_files(recordings["rain_roof"])
    draw = page.get_by_role("button", name="Draw the map")
    draw.wait_for(timeout=_ENDS_MS)

    def refuse(route: Route) -> None:
        problem = {"title": "Busy", "status": 503, "detail": "the queue is full", "code": "busy", "retryable": True}
        route.fulfill(status=503, json=problem, content_type="application/problem+json")

    page.route("**/v1/jobs", refuse)
    draw.click()
    expect(page.get_by_role("alert")).to_contain_text("The queue is full.")
    page.unroute("**/v1/jobs", refuse)
    page.get_by_role("button", name="Try again").click()
    seen = page.locator(".map__text summary")
    expect(seen).to_have_text("1 recording in view", timeout=_ENDS_MS)

    path = tmp_path / "later.wav"
    path.write_bytes(tone_wav(1.0, 500, seed=5))
    here.client.wait(here.client.analyze(path, ["classify", "embed"]))
    page.reload()
    expect(page.get_by_label("Map of the library")).to_contain_text("1 recording is not on the map yet.")
    page.get_by_role("button", name="Redraw the map").click()
    expect(seen).to_have_text("2 recordings in view", timeout=_ENDS_MS)
    expect(page.get_by_role("button", name="Redraw the map")).to_have_count(0)


def test_a_map_says_how_far_its_drawing_is(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """In words and as a bar, until it is drawn."""
    here = visit()
    # Without events the page asks for the job again and again.
    here.expected = ("ERR_FAILED",)
    page = here.page
    here.client.wait(here.client.analyze(recordings["rain_roof"], ["embed"]))
    page.route(re.compile(r"/v1/jobs/job_[^/]+/events$"), lambda route: route.abort())
    page.route(re.compile(r"/v1/jobs/job_[^/?]+(\?|$)"), _half_drawn)
    here.go("/?view=map")
    page.get_by_role("button", name="Draw the map").click()
    bar = page.get_by_role("progressbar", name="Drawing the map")
    expect(bar).to_have_attribute("aria-valuenow", "42")
    expect(page.get_by_label("Map of the library")).to_contain_text("Drawing the map 42 %")
    here.expect_fine(*BOTH)
    page.unroute_all(behavior="wait")
    expect(page.locator(".map__text summary")).to_have_text("1 recording in view", timeout=_ENDS_MS)
    expect(bar).to_have_count(0)


def _half_drawn(route: Route) -> None:
    """The service's answer, as long as the page is to think that the map is being drawn."""
    answer = route.fetch()
    job = answer.json()
    job["status"] = job["tasks"][0]["status"] = "running"
    job["tasks"][0]["progress"] = 0.42
    route.fulfill(response=answer, json=job)


def _spots(here: Visit) -> list[tuple[float, float]]:
    """Where the dots are on the plot: keys say it of some, and with the map's coordinates it is known of all."""
    page = here.page
    points = {point.filename: (point.x, point.y) for point in here.client.library_map().points}
    plot, card = page.locator(".map__plot"), page.locator(".map__card")
    plot.focus()
    shown: dict[str, tuple[float, float]] = {}
    for key in ["Right", "Left", "Left", "Left", "Right", "Right", "Right", "Up", "Down"]:
        page.keyboard.press(f"Shift+Arrow{key}")
        left, top = (float(card.evaluate(f"node => parseFloat(node.style.{side})")) for side in ("left", "top"))
        shown[card.locator("span").first.inner_text()] = (left, top)
    page.keyboard.press("Escape")
    by_x = sorted(shown, key=lambda name: points[name][0])
    (x1, y1), (x2, _), (left1, top1), (left2, _) = points[by_x[0]], points[by_x[-1]], shown[by_x[0]], shown[by_x[-1]]
    scale = (left2 - left1) / (x2 - x1)
    return [(left1 + (x - x1) * scale, top1 - (y - y1) * scale) for x, y in points.values()]


@pytest.fixture
def size() -> ViewportSize:
    """Of the map that is drawn, where a test does not try it at both."""
    return WIDE


@pytest.fixture
def map_drawn(visit: Callable[..., Visit], embedded: Callable[[Client], list[str]], size: ViewportSize) -> Visit:
    """A map of six recordings, shown."""
    here = visit(size)
    embedded(here.client)
    here.client.wait(here.client.create_job(None, ["map"]))
    record_players(here.page)
    here.go("/?view=map")
    expect(here.page.locator(".map__text summary")).to_have_text("6 recordings in view", timeout=_ENDS_MS)
    return here


@WIDE_FIRST
def test_some_of_a_map_are_selected(map_drawn: Visit) -> None:
    """By a line around them, or by what is in view; the selection is put in a collection, which the map then shows."""
    page = map_drawn.page
    spots = _spots(map_drawn)
    apart = [
        min(max(abs(across - x), abs(down - y)) for x, y in spots if (x, y) != (across, down)) for across, down in spots
    ]
    page.get_by_role("button", name="Lasso").click()
    plot = page.locator(".map__plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    # The buttons lie over the plot's right corners.
    away, (left, top) = max((far, spot) for far, spot in zip(apart, spots, strict=True) if spot[0] < box["width"] / 2)
    reach = min(away / 2, 24)
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -0.5)]
    places = [(box["x"] + left + x * reach, box["y"] + top + y * reach) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()
    selection = page.get_by_label("Selected recordings")
    expect(selection.get_by_role("status")).to_have_text("1 selected")
    map_drawn.expect_fine()
    selection.get_by_role("button", name="Collect …").click()
    selection.get_by_label("Name of the new collection").fill("one")
    selection.get_by_role("button", name="Put there").click()
    expect(selection.get_by_role("status")).to_have_text("Put in one: 1")
    selection.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Select what is in view")).to_be_focused()
    page.get_by_label("Collection that is shown").select_option("one (1)")
    expect(page.locator(".map__text summary")).to_have_text("1 recording in view")
    page.get_by_label("Collection that is shown").select_option("all recordings")
    expect(page.locator(".map__text summary")).to_have_text("6 recordings in view")
    page.get_by_role("button", name="Select what is in view").click()
    expect(selection.get_by_role("status")).to_have_text("6 selected")
    map_drawn.expect_fine()


def test_a_map_plays_what_one_rests_on(map_drawn: Visit) -> None:
    """Quietly, by mouse and by keys, once the sound is on, which is remembered; nothing plays before."""
    page = map_drawn.page
    playing = "() => window.players.some(player => !player.paused && player.currentTime > 0)"
    left, top = _spots(map_drawn)[0]
    assert page.evaluate("window.players.length") == 0
    page.get_by_role("button", name="Sound").click()
    page.locator(".map__plot").hover(position={"x": left, "y": top})
    page.wait_for_function(playing)
    assert page.evaluate("window.players.at(-1).volume") == pytest.approx(0.4)
    page.mouse.move(0, 0)
    page.wait_for_function("() => window.players.every(player => player.paused)")
    map_drawn.expect_fine(*BOTH)
    page.reload()
    expect(page.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "true")
    page.locator(".map__plot").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function(playing)
    page.keyboard.press("Escape")
    page.wait_for_function("() => window.players.every(player => player.paused)")


def test_a_map_is_drawn_again_by_itself(map_drawn: Visit, tmp_path: Path) -> None:
    """What was added since is on it without a click, minutes later and not at once."""
    path = tmp_path / "later.wav"
    path.write_bytes(tone_wav(1.0, 700, seed=8))
    page = map_drawn.page
    map_drawn.client.wait(map_drawn.client.analyze(path, ["classify", "embed"]))
    page.clock.install()
    page.reload()
    expect(page.get_by_label("Map of the library")).to_contain_text("1 recording is not on the map yet.")
    expect(page.locator(".map__text summary")).to_have_text("6 recordings in view")
    page.clock.fast_forward("03:00")
    expect(page.locator(".map__text summary")).to_have_text("7 recordings in view", timeout=_ENDS_MS)
    map_drawn.expect_fine(*BOTH)
