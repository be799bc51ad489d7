"""The mixer: numbers, undo, meters, solo, lanes on the page's axis, and what is kept of a mix."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Route, ViewportSize, expect

from phonoscope.contract import TrackChange
from phonoscope.tasks import Classify
from tests.browser.sound import expect_heard, listen
from tests.browser.visit import BOTH, MOST_SHIFT, WIDE, WIDE_FIRST, Visit, record_shifts
from tests.separators import network, write_separator
from tests.support import RunningStack, tone_wav

_TONES = """
    BaseAudioContext.prototype.decodeAudioData = async function () {
        const tone = this.createBuffer(2, 8 * this.sampleRate, this.sampleRate);
        [LEFT, RIGHT].forEach((gain, channel) => {
            tone.getChannelData(channel).forEach((_, at, samples) => {
                samples[at] = gain * Math.sin((2 * Math.PI * 440 * at) / this.sampleRate);
            });
        });
        return tone;
    };
"""
"""Has stems be a tone: a network that has learned nothing makes sounds that nobody knows."""
_DRAWN = """() => {
    const canvas = document.querySelector(".stem__lane canvas");
    const { data } = canvas.getContext("2d").getImageData(canvas.width >> 1, 0, 1, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length > 4;
}"""
"""Holds when the first stem's lane is drawn over more than a line in the middle."""
_LEVEL = "Number(document.querySelector('[aria-label=\"Level of {}\"]').ariaValueNow)"
_ENDS_MS = 60_000
_FORMATS = {"wav": ("audio/wav", b"RIFF"), "mp3": ("audio/mpeg", b"ID3"), "opus": ("audio/ogg", b"OggS")}


@pytest.fixture
def htdemucs(stack: RunningStack) -> Iterator[str]:
    """A separation model of that name, while the test runs."""
    folder = stack.pulled_models / "htdemucs"
    write_separator(folder, network())
    yield folder.name
    shutil.rmtree(folder)


@pytest.fixture
def mixer(visit: Callable[..., Visit], tmp_path: Path, tiny: str) -> Callable[[ViewportSize], Visit]:
    """Opens a separated recording at its mixer."""

    def opened(size: ViewportSize) -> Visit:
        here = visit(size)
        record_shifts(here.page)
        listen(here.page)
        path = tmp_path / "song.wav"
        path.write_bytes(tone_wav(8.0, seed=8))
        track = here.client.upload(path)
        here.client.wait(here.client.create_job(track.id, ["describe"]))
        here.client.wait(here.client.create_job(track.id, ["separate"], {"separate": {"model": tiny}}))
        _open(here, track.id)
        return here

    return opened


def _open(here: Visit, track_id: str) -> None:
    here.go(f"/tracks/{track_id}")
    here.page.locator("#stems").scroll_into_view_if_needed()
    expect(here.page.get_by_role("button", name="Play the stems")).to_be_enabled()


@WIDE_FIRST
def test_values_are_typed_reset_undone_and_kept(mixer: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """A number is the slider's value; a double click is 0; each change is undone by itself; a reload keeps the mix."""
    here = mixer(size)
    page = here.page
    row = _row(page, "vocals")
    gain, slider = row.get_by_label("Gain of vocals in dB"), row.get_by_role("slider", name="gain")
    pan = row.get_by_label("Pan of vocals in percent, left is negative")
    undo = page.get_by_role("button", name="Undo the last change of the mix")
    gain.press("Control+a")
    page.keyboard.type("-12")
    expect(slider).to_have_value("-12")
    page.keyboard.press("Control+z")
    expect(gain).to_have_value("0.0")
    expect(undo).to_be_disabled()
    page.reload()
    page.locator("#stems").scroll_into_view_if_needed()
    expect(gain).to_have_value("0.0")
    gain.fill("-7.5")
    expect(slider).to_have_value("-7.5")
    gain.fill("99")
    expect(slider).to_have_value("12")
    gain.press("Tab")
    expect(gain).to_have_value("12.0")
    pan.fill("-40")
    expect(row.get_by_role("slider", name="pan")).to_have_value("-0.4")
    slider.dblclick()
    expect(slider).to_have_value("0")
    undo.click()
    expect(slider).to_have_value("12")
    row.get_by_role("button", name="Mute vocals").click()
    page.keyboard.press("Control+z")
    expect(row.get_by_role("button", name="Mute vocals")).to_have_attribute("aria-pressed", "false")
    page.reload()
    page.locator("#stems").scroll_into_view_if_needed()
    expect(gain).to_have_value("12.0")
    expect(pan).to_have_value("-40")
    expect(undo).to_be_disabled()
    here.expect_fine()


def test_a_mix_is_its_owners_until_they_sign_out(mixer: Callable[[ViewportSize], Visit]) -> None:
    """It is stored without the key, and is gone after a sign-out."""
    here = mixer(WIDE)
    page = here.page
    _row(page, "drums").get_by_label("Gain of drums in dB").fill("-3")
    stored = "JSON.stringify(Object.entries(localStorage).filter(([name]) => name.includes('mixes')))"
    page.wait_for_function(f"() => {stored}.includes('-3')")
    assert here.key not in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate(stored) == "[]"


@pytest.mark.main
@WIDE_FIRST
def test_a_stem_alone_and_its_meter(mixer: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """With Shift, or held, a solo is the only one; each stem's meter shows what is heard of it."""
    here = mixer(size)
    page = here.page
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play the stems").click()
    for name in ("vocals", "drums", "bass", "other", "the mix"):
        page.wait_for_function(f"() => {_LEVEL.format(name)} > -60")
    solo = {name: page.get_by_role("button", name=f"Solo {name}") for name in ("vocals", "drums", "bass")}
    solo["vocals"].click()
    solo["drums"].click()
    _expect_solo(solo, "vocals", "drums")
    page.wait_for_function(f"() => {_LEVEL.format('bass')} === -60 && {_LEVEL.format('drums')} > -60")
    solo["bass"].click(modifiers=["Shift"])
    _expect_solo(solo, "bass")
    solo["bass"].click(modifiers=["Shift"])
    _expect_solo(solo)
    solo["drums"].click()
    solo["vocals"].scroll_into_view_if_needed()
    solo["vocals"].hover()
    page.mouse.down()
    _expect_solo(solo, "vocals")
    page.mouse.up()
    _expect_solo(solo, "vocals")
    solo["bass"].focus()
    page.keyboard.press("Shift+S")
    _expect_solo(solo, "bass")
    page.keyboard.press("m")
    page.wait_for_function(f"() => {_LEVEL.format('the mix')} === -60")
    expect(page.get_by_role("button", name="Mute bass")).to_have_attribute("aria-pressed", "true")


@WIDE_FIRST
def test_lanes_are_on_the_pages_axis(mixer: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """They are where the plots are to the pixel, show the loop and the playhead, and a drag on one makes a loop."""
    here = mixer(size)
    page = here.page
    lane = page.locator(".stem__lane").first
    plots = page.locator(".timeline__plots")
    assert _edges(lane) == _edges(plots)
    lane.evaluate("(one) => one.scrollIntoView({ block: 'center' })")
    left, right = _edges(lane)
    middle = _box(lane)["y"] + 20
    page.mouse.move(left + 0.25 * (right - left), middle)
    page.mouse.down()
    page.mouse.move(left + 0.5 * (right - left), middle, steps=5)
    page.mouse.up()
    loops = [_edges(page.locator(f"{where} .loop").first) for where in (".timeline", ".stem__lane")]
    assert loops[0] == loops[1]
    assert loops[0] == pytest.approx((left + 0.25 * (right - left), left + 0.5 * (right - left)), abs=1.5)
    heads = [_edges(page.locator(f"{where} .playhead").first) for where in (".timeline", ".stem__lane")]
    assert heads[0] == heads[1] == pytest.approx((loops[0][0] - 1, loops[0][0] + 1), abs=1.5)
    page.mouse.click(left + 0.75 * (right - left), middle)
    expect(page.locator(".loop")).to_have_count(0)


def test_stems_have_the_pages_speed_pitch_and_band(mixer: Callable[[ViewportSize], Visit]) -> None:
    """At half the speed a tone keeps its pitch, or is an octave lower; muted and outside of a band nothing is heard."""
    here = mixer(WIDE)
    page = here.page
    _be_tones(page, 0.1, 0.1)
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play the stems").click()
    expect_heard(page, "Math.abs(pitch() - 440) < 9")
    page.get_by_role("slider", name="speed", exact=True).fill("0.5")
    expect_heard(page, "Math.abs(pitch() - 440) < 9 && levelAt(220) < levelAt(440) - 20")
    page.get_by_label("keep the pitch").uncheck()
    expect_heard(page, "Math.abs(pitch() - 220) < 9")
    page.get_by_role("slider", name="speed", exact=True).dblclick()
    expect_heard(page, "Math.abs(pitch() - 440) < 9")
    page.get_by_text("Spectrogram settings").click()
    page.get_by_label("Lowest frequency that is played, in Hz").fill("2000")
    expect_heard(page, "levelAt(440) < -60")
    page.get_by_role("button", name="Play everything").click()
    expect_heard(page, "Math.abs(pitch() - 440) < 9")
    page.get_by_role("button", name="Mute", exact=True).click()
    expect_heard(page, "levelAt(440) < -100")
    here.expect_fine(*BOTH)


@pytest.mark.parametrize(("left", "right"), [(0.0, 0.3), (0.3, -0.3)], ids=["right", "opposed"])
def test_both_channels_of_a_stem_are_drawn_and_measured(
    mixer: Callable[[ViewportSize], Visit], left: float, right: float
) -> None:
    """What is on the right alone is neither empty nor half as loud; opposed channels are no silence."""
    here = mixer(WIDE)
    here.expected = ("willReadFrequently",)
    page = here.page
    _be_tones(page, left, right)
    page.wait_for_function(_DRAWN)
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Solo vocals").click()
    page.get_by_role("button", name="Play the stems").click()
    # A tone with a peak of 0.3 has a level of -13.5 dBFS.
    for name in ("vocals", "the mix"):
        page.wait_for_function(f"() => Math.abs({_LEVEL.format(name)} + 13.5) < 1")
    here.expect_fine(*BOTH)


@WIDE_FIRST
def test_the_mixer_moves_nothing(mixer: Callable[[ViewportSize], Visit], size: ViewportSize) -> None:
    """Its stems load, its picture appears, and what is below stays where it is."""
    here = mixer(size)
    page = here.page
    page.goto("about:blank")
    page.goto(f"{here.url}/tracks/{here.client.tracks().items[0].id}#stems")
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()
    expect(page.locator(".stem__lane .skeleton")).to_have_count(0)
    assert page.evaluate("window.shifted") <= MOST_SHIFT
    room = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--mixer-room')")
    assert _box(page.locator("#stems > div"))["height"] <= float(room.removesuffix("px")) + 1


def test_a_better_model_is_offered(
    mixer: Callable[[ViewportSize], Visit], request: pytest.FixtureRequest, tiny: str
) -> None:
    """By the command that pulls it; where it is served by a button, with its size and its time."""
    here = mixer(WIDE)
    page = here.page
    stems = page.locator("#stems")
    expect(stems.get_by_label("Separation model")).to_have_value(tiny)
    expect(stems).to_contain_text("phonoscope models pull htdemucs")
    expect(stems).to_contain_text("84 MB, about 5 s")
    here.expect_fine(*BOTH)
    better = request.getfixturevalue("htdemucs")
    page.reload()
    stems.scroll_into_view_if_needed()
    page.get_by_role("button", name="Separate better with htdemucs · 84 MB, about 5 s").click()
    expect(stems.get_by_label("Separation model")).to_have_value(better, timeout=60_000)
    expect(stems).not_to_contain_text("models pull")


@WIDE_FIRST
def test_a_stem_says_what_the_label_is_without_it(
    visit: Callable[..., Visit], recordings: dict[str, Path], tiny: str, size: ViewportSize
) -> None:
    """In percent, as everywhere on the page, and of which window."""
    here = visit(size)
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["describe", "classify", "explain"]))
    here.client.wait(here.client.create_job(job.recording, ["separate"], {"separate": {"model": tiny}}))
    label = job.result(Classify).top[0].label
    _open(here, job.recording)
    stems = page.locator("#stems")
    asked = stems.get_by_role("button", name=re.compile("Which stem is "))
    expect(asked).to_have_text(f"Which stem is {label}?")
    asked.click()
    shown = re.compile(rf"without it: {re.escape(label)} (< 1|> 99|\d+) % → (< 1|> 99|\d+) %")
    expect(stems.get_by_text(shown)).to_have_count(4, timeout=120_000)
    expect(stems.get_by_text(re.compile(r"These are of one window, [\d:.]+ – [\d:.]+"))).to_be_visible()
    expect(asked).to_have_count(0)
    here.expect_fine()


def test_downloads_have_the_recording_s_name(mixer: Callable[[ViewportSize], Visit]) -> None:
    """A stem and the ZIP of all: the file's name at first, and the given one as soon as there is one."""
    here = mixer(WIDE)
    page = here.page
    assert _downloads(page) == ("song - vocals.flac", "song - stems.zip")
    [track] = here.client.tracks().items
    here.client.change_track(track.id, TrackChange(name="Bell / mill"))
    _open(here, track.id)
    assert _downloads(page) == ("Bell - mill - vocals.flac", "Bell - mill - stems.zip")


def test_stems_that_are_too_long_for_the_mixer_are_downloaded(mixer: Callable[[ViewportSize], Visit]) -> None:
    """The page says how long they may be, and has the ZIP of all."""
    here = mixer(WIDE)
    page = here.page

    def longer(route: Route) -> None:
        answer = route.fetch()
        stems = answer.json()
        stems["stems"] = [{**stem, "duration_s": 36_000.0} for stem in stems["stems"]]
        route.fulfill(response=answer, json=stems)

    page.route("**/v1/tracks/*/stems", longer)
    page.reload()
    stems = page.locator("#stems")
    stems.scroll_into_view_if_needed()
    expect(stems).to_contain_text(re.compile(r"takes 4 stems of up to [\d:]+; these are longer"))
    expect(page.get_by_role("group", name="Mixer")).to_have_count(0)
    with page.expect_download() as download:
        stems.get_by_role("button", name="All stems (ZIP)").click()
    assert download.value.suggested_filename == "song - stems.zip"
    here.expect_fine(*BOTH)


def test_a_mix_is_saved_in_each_format(mixer: Callable[[ViewportSize], Visit]) -> None:
    """WAV, MP3 and Opus under the recording's name, with their own endings; what is served says the same."""
    here = mixer(WIDE)
    page = here.page
    [track] = here.client.tracks().items
    here.client.change_track(track.id, TrackChange(name="Bell / mill"))
    _open(here, track.id)
    for name, (media_type, start) in _FORMATS.items():
        page.get_by_label("Format of the mix").select_option(name)
        page.get_by_role("button", name="Export this mix").click()
        link = page.get_by_role("link", name="Download the mix")
        with page.expect_download(timeout=_ENDS_MS) as download:
            link.click(timeout=_ENDS_MS)
        assert download.value.suggested_filename == f"Bell - mill - mix.{name}"
        assert Path(download.value.path()).read_bytes().startswith(start)
        served = page.request.get(f"{here.url}{link.get_attribute('href')}")
        assert (served.status, served.headers["content-type"]) == (200, media_type)


def _be_tones(page: Page, left: float, right: float) -> None:
    """Has each stem be a tone with these peaks on the left and the right."""
    page.add_init_script(_TONES.replace("LEFT", str(left)).replace("RIGHT", str(right)))
    page.reload()
    page.locator("#stems").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()


def _downloads(page: Page) -> tuple[str, str]:
    """The names under which a stem and all stems are saved."""
    with page.expect_download() as stem:
        page.get_by_role("link", name="Download vocals").click()
    with page.expect_download() as stems:
        page.get_by_role("button", name="All stems (ZIP)").click()
    assert Path(stem.value.path()).read_bytes()[:4] == b"fLaC"
    with ZipFile(stems.value.path()) as archive:
        assert len(archive.namelist()) == 4
    return stem.value.suggested_filename, stems.value.suggested_filename


def _row(page: Page, name: str) -> Locator:
    return page.get_by_label("Stems", exact=True).get_by_role("listitem").filter(has_text=name)


def _expect_solo(buttons: dict[str, Locator], *names: str) -> None:
    for name, button in buttons.items():
        expect(button).to_have_attribute("aria-pressed", "true" if name in names else "false")


def _box(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box
    return box


def _edges(locator: Locator) -> tuple[float, float]:
    """The left and the right edge, in pixels."""
    box = _box(locator)
    return box["x"], box["x"] + box["width"]
