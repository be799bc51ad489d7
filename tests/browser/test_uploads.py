"""Ways to add a recording."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from phonoscope.tasks import Explain, Features
from tests.browser.visit import BOTH, WIDE_FIRST, Visit
from tests.support import tone_wav

_ENDS_MS = 60_000
_DROP = """
    (zone, content) => {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], 'dropped.wav', { type: 'audio/wav' }));
        zone.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer }));
        zone.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
    }
"""


@WIDE_FIRST
def test_a_dropped_file_is_analysed(visit: Callable[..., Visit], size: ViewportSize) -> None:
    """It is uploaded and analysed, and the library lists it."""
    here = visit(size)
    here.go("/")
    here.page.locator(".upload__drop").evaluate(_DROP, b64encode(tone_wav(1.0, seed=81)).decode())
    expect(here.page.get_by_label("Uploads").get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    expect(here.page.get_by_label("Recordings", exact=True).get_by_role("link", name="dropped.wav")).to_be_visible()


def test_an_upload_makes_no_pictures(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """The page draws heatmaps and feature maps itself, so its jobs ask for arrays and sound only."""
    here = visit()
    here.go("/")
    here.page.get_by_label("Recordings to upload").set_input_files(recordings["rain_roof"])
    expect(here.page.get_by_label("Uploads").get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    [job] = here.client.jobs().items
    explained, features = job.result(Explain), job.result(Features)
    assert explained.overlay is None
    assert explained.heatmap is not None
    assert explained.heatmap.size_bytes > 0
    assert explained.listen is not None
    assert explained.listen.size_bytes > 0
    assert features.arrays is not None
    assert features.arrays.size_bytes > 0
    assert {layer.image for layer in features.layers} == {None}


def test_the_microphone_makes_a_recording(visit: Callable[..., Visit]) -> None:
    """The recording becomes a track with the recorded length."""
    here = visit()
    here.go("/")
    here.page.get_by_role("button", name="Record", exact=True).click()
    here.page.wait_for_function("() => parseInt(document.querySelector('.recorder__time')?.textContent.slice(2)) >= 2")
    here.page.get_by_role("button", name="Stop", exact=True).click()
    here.page.get_by_role("button", name="Add to the library").click()
    expect(here.page.get_by_label("Uploads").get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    [track] = here.client.tracks().items
    assert track.filename.startswith("recording 20")
    assert 1.0 < track.duration_s < 20.0


def test_an_upload_goes_on_when_the_network_is_back(visit: Callable[..., Visit]) -> None:
    """Chosen without one, it says so, and is sent and analysed without a press."""
    here = visit()
    here.expected = ("ERR_INTERNET_DISCONNECTED",)
    here.go("/")
    page = here.page
    expect(page.get_by_role("button", name="Try an example")).to_be_visible()
    page.context.set_offline(True)
    row = page.get_by_label("Uploads").get_by_role("listitem")
    page.get_by_label("Recordings to upload").set_input_files(
        {"name": "later.wav", "mimeType": "audio/wav", "buffer": tone_wav(1.0, seed=83)}
    )
    expect(row.locator(".upload__bad")).to_have_text("No network. It goes on when the network is back.")
    assert here.violations() == []
    page.context.set_offline(False)
    expect(row.get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    assert [track.filename for track in here.client.tracks().items] == ["later.wav"]
    here.expect_fine(*BOTH)


def test_a_file_without_sound_is_refused_and_can_be_tried_again(visit: Callable[..., Visit]) -> None:
    """The row shows the service's reason, and can be removed from the list."""
    here = visit()
    here.go("/")
    here.expected = ("422", "415")
    page = here.page
    letter = {"name": "letter.wav", "mimeType": "audio/wav", "buffer": b"Dear reader, this is no sound at all."}
    page.get_by_label("Recordings to upload").set_input_files(letter)  # type: ignore[arg-type]
    row = page.get_by_label("Uploads").get_by_role("listitem")
    expect(row.locator(".upload__bad")).not_to_be_empty()
    row.get_by_role("button", name="Try letter.wav again").click()
    expect(row.locator(".upload__bad")).not_to_be_empty()
    row.get_by_role("button", name="Remove letter.wav from this list").click()
    expect(row).to_have_count(0)
    assert here.client.tracks().items == []
