"""The parts of ``page.py`` that need a service: a local stack with its workers."""

from __future__ import annotations

import base64
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from common import RATE_HZ, clip
from page_limits import Limits
from page_review import PLAYERS, show_review, taught
from playwright.sync_api import Browser, Page, Response

from phonoscope.audio.encode import Encoder
from phonoscope.client import Client
from phonoscope.contract import Job
from phonoscope.states import TaskName
from phonoscope_local.control import start_detached, stop
from phonoscope_local.state import read_credentials

SHIFTS = """
window.shifts = 0;
window.moved = [];
new PerformanceObserver((list) => {
  for (const {value, hadRecentInput, sources} of list.getEntries()) {
    if (hadRecentInput) continue;
    window.shifts += value;
    for (const {node} of sources) window.moved.push(`${node?.nodeName} ${node?.className} ${value.toFixed(4)}`);
  }
}).observe({type: "layout-shift", buffered: true});
"""
"""Adds up how far things move by themselves, and says which."""
CLIPS, DROPS = 8, 5
SHORT_S, LONG_S, LONG_HZ = 600, 6 * 3_600, 8_000
SIZE = {"width": 1440, "height": 900}
_ENDS_MS, _PART_S = 120_000, 60
_DROP = """
(files) => {
  const given = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    given.items.add(new File([bytes], name, {type: "audio/wav"}));
  }
  window.dropped = performance.now();
  for (const type of ["dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: given}));
}
"""
_LABELLED = """
(count) => {
  const rows = [...document.querySelectorAll(".upload__row")];
  return rows.length === count && rows.every((row) => row.textContent.includes("done:")) && performance.now() - dropped;
}
"""
_ZOOM = """
async () => {
  const plot = document.querySelector(".timeline__plots");
  const {x, y, width} = plot.getBoundingClientRect();
  const at = x + width * 0.97;
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < 120; step++) {
    plot.dispatchEvent(new WheelEvent("wheel", {bubbles: true, cancelable: true, ctrlKey: true, clientX: at,
      clientY: y + 40, deltaY: -7}));
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times;
}
"""
_QUIET = """() => [...document.querySelectorAll(".plot--wave, .plot--spectrogram")].every((plot) =>
  plot.ariaBusy === "false" && !plot.querySelector(".skeleton")) && document.querySelectorAll(".plot--wave").length"""


def show_live(limits: Limits, browser: Browser) -> None:
    """Prints the tables of what is measured on a stack."""
    with tempfile.TemporaryDirectory() as scratch, _stack(Path(scratch)) as (url, key):
        first_ms = [_label_ms(browser, url, key) for _ in range(DROPS + 1)][1:]
        print("\n| on a local stack | | must be |\n| --- | ---: | ---: |")
        name = f"first label after the drop of a 5 s clip, median of {DROPS}"
        limits.show(name, statistics.median(first_ms), 1_000, "ms")
        _show_shifts(limits, browser, url, key)
        short = _noise(Path(scratch) / "10 minutes.flac", SHORT_S, RATE_HZ)
        long = _noise(Path(scratch) / "6 hours.flac", LONG_S, LONG_HZ)
        with Client(url, key) as client:
            _show_waveform(limits, browser, url, key, client, short)
            track = client.upload(long)
            client.wait(client.create_job(track.id, ["describe"]))
            taught(client, Path(scratch))
        _show_zoom(limits, browser, url, key, track.id)
        page = _opened(browser, f"{url}/#key={key}", PLAYERS)
        page.wait_for_selector(".track")
        show_review(limits, page, url)
        page.context.close()


def _label_ms(browser: Browser, url: str, key: str) -> float:
    page = _opened(browser, f"{url}/#key={key}")
    page.wait_for_selector(".upload__drop")
    page.evaluate(_DROP, [["clip.wav", base64.b64encode(clip()).decode()]])
    found = page.wait_for_function(_LABELLED, arg=1, timeout=_ENDS_MS, polling="raf").json_value()
    page.context.close()
    return float(found)


def _show_shifts(limits: Limits, browser: Browser, url: str, key: str) -> None:
    page = _opened(browser, f"{url}/#key={key}")
    page.wait_for_selector(".track")
    page.wait_for_load_state("networkidle")
    files = [[f"clip {at}.wav", base64.b64encode(clip()).decode()] for at in range(CLIPS)]
    page.evaluate(_DROP, files)
    page.wait_for_function(_LABELLED, arg=CLIPS, timeout=_ENDS_MS)
    page.wait_for_timeout(1_000)
    _show_shift(limits, f"layout shift of the library while {CLIPS} recordings are added", page)
    link = page.locator(".track__name").first.get_attribute("href")
    page.context.close()
    page = _opened(browser, f"{url}{link}#key={key}")
    page.wait_for_function(_QUIET, timeout=_ENDS_MS)
    page.wait_for_timeout(2_000)
    _show_shift(limits, "layout shift of a recording's page", page)
    page.context.close()


def _show_shift(limits: Limits, name: str, page: Page) -> None:
    shift = page.evaluate("shifts")
    limits.show(name, shift, 0.02, digits=3)
    for moved in page.evaluate("moved") if shift > 0.02 else []:
        print(f"  {moved}")


def _show_waveform(limits: Limits, browser: Browser, url: str, key: str, client: Client, path: Path) -> None:
    """Opens a recording's page as soon as it was added, while all of its tasks are still to run."""
    page = _opened(browser, f"{url}/#key={key}")
    page.wait_for_selector(".track")
    began = time.time()
    job = client.analyze(path, ["classify", "embed", "explain", "describe"])
    page.goto(f"{url}/tracks/{job.recording}")
    page.wait_for_function(_QUIET, timeout=_ENDS_MS, polling="raf")
    drawn = time.time()
    page.context.close()
    measured = _end_of(client.wait(job), TaskName.DESCRIBE)
    limits.show("10 minutes: waveform drawn after it was added", drawn - began, 20, "s", digits=1)
    limits.show("10 minutes: waveform drawn after it was measured", (drawn - measured) * 1000, 1_000, "ms")


def _end_of(job: Job, name: TaskName) -> float:
    """When a task of it ended, in seconds since the epoch."""
    [ended] = [task.finished_at for task in job.tasks if task.name is name]
    assert ended is not None
    return ended.timestamp()


def _show_zoom(limits: Limits, browser: Browser, url: str, key: str, track_id: str) -> None:
    """Zooms from six hours to single samples by the wheel."""
    page = _opened(browser, f"{url}/#key={key}")
    page.wait_for_selector(".track")
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(_tile_bytes(response)))
    page.goto(f"{url}/tracks/{track_id}")
    page.wait_for_function(_QUIET, timeout=_ENDS_MS)
    times = page.evaluate(_ZOOM)
    page.wait_for_function(_QUIET, timeout=_ENDS_MS)
    fetched = [size for size in sizes if size]
    limits.show(f"six hours zoomed to samples: longest frame of {len(times)}", max(times), 100, "ms")
    limits.show("median frame", statistics.median(times), 20, "ms")
    limits.show("tiles fetched", len(fetched), 80)
    limits.show("their bytes", sum(fetched) / 1000, 3_000, "kB")
    page.context.close()


def _tile_bytes(response: Response) -> int:
    return int(response.headers.get("content-length", "0")) if "/tiles/" in response.url else 0


def _opened(browser: Browser, url: str, script: str = SHIFTS) -> Page:
    context = browser.new_context(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    page = context.new_page()
    page.add_init_script(script)
    page.goto(url)
    return page


def _noise(path: Path, seconds: int, rate_hz: int) -> Path:
    """A FLAC file of noise, different in every run."""
    chance = np.random.default_rng()
    with path.open("wb") as file, Encoder(file, rate_hz, channels=1) as encoder:
        for _ in range(seconds // _PART_S):
            encoder.write(0.1 * chance.standard_normal((1, _PART_S * rate_hz), dtype=np.float32))
    return path


@contextmanager
def _stack(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        start_detached(folder)
        found = read_credentials(folder)
        assert found is not None
        yield found.url, found.api_key
    finally:
        stop(folder, lambda _: None)
