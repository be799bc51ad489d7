"""What the page shows of a file's tags, and of a file with several audio tracks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from phonoscope.contract import TrackChange
from tests.browser.visit import NARROW, WIDE_FIRST, Visit
from tests.corpus.tagged import id3, png
from tests.integration.test_audio_tracks import several
from tests.support import tone_wav


def _tagged(folder: Path) -> Path:
    """A recording whose tags say more than its name."""
    path = folder / "untitled 7.wav"
    tags = id3([("TIT2", "<b>So What</b>"), ("TPE1", "Miles Davis"), ("TALB", "Kind of Blue")], cover=png(80, 80))
    path.write_bytes(tags + tone_wav(0.5, seed=71))
    return path


def test_title_artist_and_cover_are_shown(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """In the list and over the track, as text whatever they hold; and the list finds them."""
    here = visit()
    track = here.client.upload(_tagged(tmp_path))
    here.go("/?q=davis")
    row = here.page.get_by_role("link", name="<b>So What</b>")
    expect(row).to_contain_text("Miles Davis")
    here.go(f"/tracks/{track.id}")
    head = here.page.locator(".studio__head")
    expect(head.get_by_role("heading")).to_have_text("<b>So What</b>")
    expect(head).to_contain_text("Miles Davis · Kind of Blue · untitled 7.wav")
    cover = head.locator("img")
    expect(cover).to_have_js_property("naturalWidth", 80)
    assert not here.violations()


@WIDE_FIRST
def test_the_map_finds_what_the_list_finds(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """By tags too, and by the name that its owner gave it; it calls recordings as the list does."""
    here = visit(size)
    page, client = here.page, here.client
    (tmp_path / "tone.wav").write_bytes(tone_wav(1.0, seed=72))
    tagged, other = (
        client.wait(client.analyze(path, ["embed"])).recording for path in (_tagged(tmp_path), tmp_path / "tone.wav")
    )
    client.change_track(other, TrackChange(name="The Bell"))
    client.wait(client.create_job(None, ["map"]))
    here.go("/?view=map&q=davis")
    seen = page.locator(".map__text summary")
    expect(seen).to_have_text("1 recording in view")
    seen.click()
    link = page.get_by_label("Recordings in view").get_by_role("link")
    expect(link).to_have_attribute("href", f"/tracks/{tagged}")
    expect(link).to_have_text("<b>So What</b>")
    page.get_by_label("Filter by name").fill("BELL")
    expect(link).to_have_attribute("href", f"/tracks/{other}")
    expect(link).to_have_text("The Bell")
    page.locator(".map__plot").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".map__card")).to_contain_text("The Bell")
    page.get_by_label("Filter by name").fill("trane")
    expect(page.get_by_text("No recording on the map matches.")).to_be_visible()
    page.get_by_label("Filter by name").fill("")
    expect(seen).to_have_text("2 recordings in view")
    here.expect_fine()


def test_another_audio_track_is_chosen(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The page names them, reads the chosen one, keeps results apart, and says what the player plays."""
    here = visit(NARROW)
    path = tmp_path / "several.mka"
    path.write_bytes(several(0.5, 0.25, 0.125, seconds=1.5))
    track = here.client.upload(path)
    here.client.wait(here.client.create_job(track.id, ["classify", "describe"]))
    here.go(f"/tracks/{track.id}")
    page = here.page
    choice = page.get_by_label("Audio track")
    expect(choice).to_have_value("1")
    assert [one.strip() for one in choice.locator("option").all_inner_texts()] == [
        "1 · pcm_s16le · mono",
        "2 · stem 1 · deu · pcm_s16le · mono · its own",
        "3 · stem 2 · deu · pcm_s16le · mono",
    ]
    expect(page.get_by_text("−12.0 dBFS", exact=False).first).to_be_visible()
    choice.select_option("0")
    expect(page.get_by_text("Results below are of this audio track")).to_be_visible()
    page.get_by_role("button", name="Analyse it").click()
    expect(page.get_by_text("−6.0 dBFS", exact=False).first).to_be_visible(timeout=90_000)
    assert not here.violations()
    found = here.client.results(track.id)
    assert {item.audio_track for item in found.items} == {None, 0}
    choice.select_option("1")
    expect(page.get_by_text("−12.0 dBFS", exact=False).first).to_be_visible()
