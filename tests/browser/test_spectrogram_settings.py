"""How the spectrogram is drawn, measured in pixels, and which of its frequencies are played, measured in the sound."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import log2
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.sound import expect_heard, listen, tones_wav
from tests.browser.visit import BOTH, NARROW, PLOTS_LOADED, WIDE, WIDE_FIRST, Visit
from tests.support import tone_wav

_LOW_HZ, _HIGH_HZ, _RATE_HZ = 400, 4_000, 22_050
_READS = ("willReadFrequently",)
_MIDDLE = """() => {
    const canvas = document.querySelector(".plot--spectrogram canvas");
    const { data } = canvas.getContext("2d").getImageData(canvas.width >> 1, 0, 1, canvas.height);
    return Array.from({ length: canvas.height }, (_, y) => [...data.slice(4 * y, 4 * y + 3)]);
}"""


@pytest.fixture
def tones(visit: Callable[..., Visit], tmp_path: Path) -> Callable[[ViewportSize], Visit]:
    """Opens a recording of two tones, 400 Hz and 4 kHz."""

    def opened(size: ViewportSize) -> Visit:
        here = visit(size)
        here.expected = _READS
        listen(here.page)
        path = tmp_path / "tones.wav"
        path.write_bytes(tones_wav(60, _LOW_HZ, _HIGH_HZ, rate_hz=_RATE_HZ))
        track = here.client.upload(path)
        here.client.wait(here.client.create_job(track.id, ["describe"]))
        here.go(f"/tracks/{track.id}")
        here.page.wait_for_function(PLOTS_LOADED)
        return here

    return opened


@WIDE_FIRST
def test_the_picture_has_the_look_that_was_chosen(tones: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """Tones lie where the scale says; colours, inversion and range change pixels; a reload keeps the look."""
    here = tones(size)
    page = here.page
    page.get_by_text("Spectrogram settings").click()
    page.get_by_label("Frequency scale").select_option("linear")
    top = _RATE_HZ / 2
    for hertz in (_LOW_HZ, _HIGH_HZ):
        _until_loud_at(page, 1 - hertz / top)
    page.get_by_label("Frequency scale").select_option("log")
    bottom = max(20.0, _lowest_hz(here))
    assert _height_of_loud(page) == pytest.approx(log2(_HIGH_HZ / _LOW_HZ) / log2(top / bottom), abs=0.03)
    page.get_by_label("Colours of the spectrogram").select_option("gray")
    dark = _quietest(page)
    assert max(dark) < 16
    page.get_by_label("loud is dark, for print").check()
    page.wait_for_function(f"() => ({_MIDDLE})().some(([red, green, blue]) => Math.min(red, green, blue) > 240)")
    assert here.violations() == []
    page.get_by_role("slider", name="range", exact=True).fill("10")
    page.wait_for_function(f"() => ({_MIDDLE})().filter(([red]) => red === 255).length > 0.8 * ({_MIDDLE})().length")
    page.get_by_role("slider", name="range", exact=True).dblclick()
    expect(page.get_by_role("slider", name="range", exact=True)).to_have_value("80")
    page.reload()
    page.wait_for_function(PLOTS_LOADED)
    expect(page.locator(".plot--spectrogram canvas")).to_have_attribute("aria-label", re.compile("^Logarithmic"))
    page.get_by_text("Spectrogram settings").click()
    expect(page.get_by_label("Frequency scale")).to_have_value("log")
    expect(page.get_by_label("loud is dark, for print")).to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Default look").click()
    expect(page.get_by_label("Frequency scale")).to_have_value("mel")


def test_each_colour_map_has_colours_of_its_own(tones: Callable[[ViewportSize], Visit]) -> None:
    """Each draws other pixels than all others, dark where it is quiet and bright where it is loud; gray has none."""
    here = tones(WIDE)
    page = here.page
    page.get_by_text("Spectrogram settings").click()
    choice = page.get_by_label("Colours of the spectrogram")
    names = [option.get_attribute("value") for option in choice.get_by_role("option").all()]
    assert names == ["magma", "viridis", "inferno", "cividis", "gray"]
    drawn: list[list[list[int]]] = []
    for name in names:
        choice.select_option(name)
        page.wait_for_function(
            f"""drawn => {{
                const now = JSON.stringify(({_MIDDLE})());
                return drawn.every((earlier) => JSON.stringify(earlier) !== now);
            }}""",
            arg=drawn,
        )
        drawn.append(page.evaluate(_MIDDLE))
        lights = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in drawn[-1]]
        assert min(lights) < 60, name
        assert max(lights) > 150, name
    assert [all(max(pixel) == min(pixel) for pixel in pixels) for pixels in drawn] == [False] * 4 + [True]
    here.expect_fine(*BOTH)


@WIDE_FIRST
def test_the_window_has_the_length_that_was_chosen(tones: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """A tone is the thinner the longer the window; the choice is kept over a reload, and undone by the default look."""
    here = tones(size)
    page = here.page
    page.get_by_text("Spectrogram settings").click()
    page.get_by_label("Colours of the spectrogram").select_option("gray")
    window, picture = page.get_by_label("Window of the frames"), page.locator(".plot--spectrogram canvas")
    expect(window.get_by_role("option", name="512 samples · 23 ms")).to_be_attached()
    rows = []
    for samples in ("512", "2048", "8192"):
        window.select_option(samples)
        expect(picture).to_have_attribute("aria-label", re.compile(f"window of {samples} samples"))
        page.wait_for_function(PLOTS_LOADED)
        rows.append(_bright_rows(page))
    assert rows == sorted(rows, reverse=True)
    assert rows[0] > 2 * rows[2]
    here.expect_fine()
    page.reload()
    page.wait_for_function(PLOTS_LOADED)
    expect(picture).to_have_attribute("aria-label", re.compile("window of 8192 samples"))
    page.get_by_text("Spectrogram settings").click()
    page.get_by_role("button", name="Default look").click()
    expect(window).to_have_value("by zoom")
    expect(picture).not_to_have_attribute("aria-label", re.compile("window"))


def test_a_window_is_for_what_is_close(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Of seven minutes on a small screen it says to come closer, and shows the frames that are kept until then."""
    here = visit(NARROW)
    page = here.page
    path = tmp_path / "long.wav"
    path.write_bytes(tone_wav(420.0, rate_hz=8_000))
    track = here.client.upload(path)
    here.client.wait(here.client.create_job(track.id, ["describe"]))
    here.go(f"/tracks/{track.id}")
    page.wait_for_function(PLOTS_LOADED)
    page.get_by_text("Spectrogram settings").click()
    page.get_by_label("Window of the frames").select_option("1024")
    far = page.get_by_text("No window of 1024 samples here: come closer.")
    expect(far).to_be_visible()
    page.wait_for_function(PLOTS_LOADED)
    assert here.violations() == []
    page.get_by_role("slider", name="zoom").fill("0.5")
    expect(far).to_have_count(0)
    picture = page.locator(".plot--spectrogram canvas")
    expect(picture).to_have_attribute("aria-label", re.compile("window of 1024 samples"))


@WIDE_FIRST
def test_a_band_alone_is_played(tones: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """A tone outside of the band is more than 30 dB quieter than one inside; the picture shows what is not played."""
    here = tones(size)
    page = here.page
    page.get_by_text("Spectrogram settings").click()
    low, high = (page.get_by_label(f"{edge} frequency that is played, in Hz") for edge in ("Lowest", "Highest"))
    page.get_by_role("button", name="Play", exact=True).click()
    low.fill("20")
    expect_heard(page, f"levelAt({_LOW_HZ}) > -40 && Math.abs(levelAt({_LOW_HZ}) - levelAt({_HIGH_HZ})) < 3")
    high.fill("1000")
    expect_heard(page, f"levelAt({_LOW_HZ}) > -40 && levelAt({_LOW_HZ}) - levelAt({_HIGH_HZ}) > 30")
    expect(page.locator(".band__shade--above")).to_be_visible()
    expect(page.get_by_text("Only 20 Hz – 1 kHz is played.")).to_be_visible()
    high.fill("8000")
    low.fill("2000")
    expect_heard(page, f"levelAt({_HIGH_HZ}) > -40 && levelAt({_HIGH_HZ}) - levelAt({_LOW_HZ}) > 30")
    assert here.violations() == []
    page.get_by_role("button", name="Play everything").click()
    expect_heard(page, f"levelAt({_LOW_HZ}) > -40 && Math.abs(levelAt({_LOW_HZ}) - levelAt({_HIGH_HZ})) < 3")
    expect(page.locator(".band__shade")).to_have_count(0)


@WIDE_FIRST
def test_a_band_is_drawn_at_the_frequencies(tones: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """A drag at the left edge chooses the band, and neither seeks nor loops; a click there plays everything."""
    here = tones(size)
    page = here.page
    axis = page.locator(".band__axis")
    axis.scroll_into_view_if_needed()
    box = axis.bounding_box()
    assert box
    x = box["x"] + 20
    page.mouse.move(x, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.5, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Play everything")).to_be_visible()
    expect(page.locator(".timeline .loop")).to_have_count(0)
    above, below = (_height(page, f".band__shade--{side}") / box["height"] for side in ("above", "below"))
    assert (above, below) == pytest.approx((0.25, 0.5), abs=0.03)
    page.mouse.click(x, box["y"] + 10)
    expect(page.get_by_role("button", name="Play everything")).to_have_count(0)


def _lowest_hz(here: Visit) -> float:
    """The lower edge of the lowest band."""
    [track] = here.client.tracks().items
    address = f"{here.url}/v1/tracks/{track.id}/spectrogram/levels"
    answer = here.page.request.get(address, headers={"Authorization": f"Bearer {here.key}"})
    lowest: float = answer.json()["edge_hz"][0]
    return lowest


def _height(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["height"]


def _until_loud_at(page: Page, share: float) -> None:
    """Waits until the picture is bright at a height, 0 at its top, and not a tenth of it further up."""
    page.wait_for_function(
        f"""() => {{
            const rows = ({_MIDDLE})().map(([red, green, blue]) => red + green + blue);
            const loudest = Math.max(...rows);
            const at = (share) => Math.max(...rows.slice(Math.max(0, Math.floor((share - 0.02) * rows.length)),
                Math.ceil((share + 0.02) * rows.length)));
            return at({share}) > 0.8 * loudest && at({share} - 0.1) < 0.6 * loudest;
        }}"""
    )


def _height_of_loud(page: Page) -> float:
    """The distance of the two loudest spots, as a share of the picture's height, once there are two."""
    found = page.wait_for_function(
        f"""() => {{
            const rows = ({_MIDDLE})().map(([red, green, blue]) => red + green + blue);
            const loud = rows.map((one) => one > 0.9 * Math.max(...rows));
            const middles = [];
            for (let y = 0; y < rows.length; y += 1) {{
                if (!loud[y]) continue;
                const from = y;
                while (loud[y + 1]) y += 1;
                middles.push((from + y) / 2);
            }}
            const share = (middles[1] - middles[0]) / rows.length;
            return middles.length === 2 && share > 0.3 ? share : null;
        }}"""
    )
    share: float = found.json_value()
    return share


def _bright_rows(page: Page) -> int:
    """How many rows of the picture's middle are brighter than half of its brightest one."""
    found: int = page.evaluate(
        f"""() => {{
            const rows = ({_MIDDLE})().map(([red]) => red);
            return rows.filter((one) => one > 0.5 * Math.max(...rows)).length;
        }}"""
    )
    return found


def _quietest(page: Page) -> list[int]:
    found = page.wait_for_function(
        f"""() => {{
            const rows = ({_MIDDLE})();
            const grey = rows.every((row) => Math.max(...row) - Math.min(...row) < 8);
            return grey && rows.reduce((least, row) => (row[0] < least[0] ? row : least));
        }}"""
    )
    row: list[int] = found.json_value()
    return row
