"""Measures the page: first visit, 10,000 recordings, the label after a drop, stillness, ten minutes and six hours.

Where only the page is measured, this script answers its API requests (``page_answers.py``), and the baseline are the
frames of an empty document that is scrolled the same way, measured before each. What a person waits for is measured on
a local stack of its own (``page_live.py``). Prints tables for docs/benchmarks.md; the last column says what must hold
on two cores with nothing beside. Ends with status 1 where something does not hold.
"""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn
from common import machine
from page_answers import TRACKS, answer
from page_limits import Limits
from page_live import SHIFTS, show_live
from playwright.sync_api import Browser, Page, Request, sync_playwright

from phonoscope_gateway.app import create_app
from phonoscope_gateway.openapi import nowhere

FRAMES = 180
SIZE = {"width": 1440, "height": 900}
EMPTY = f"<style>body{{height:{TRACKS * 64}px}}</style>"
FRAME_TIMES = """
async ([kind, frames]) => {
  const plot = document.querySelector(".map__plot");
  const {x, y, width, height} = (plot ?? document.body).getBoundingClientRect();
  const point = (type, left, top, buttons = 0) => plot.dispatchEvent(new PointerEvent(
    type, {bubbles: true, pointerId: 1, pointerType: "mouse", button: 0, buttons, clientX: left, clientY: top}));
  if (plot) plot.setPointerCapture = () => {};
  const step = {
    scroll: () => scrollBy(0, 600),
    fling: () => scrollBy(0, -1500),
    zoom: (at) => plot.dispatchEvent(new WheelEvent("wheel", {bubbles: true, cancelable: true,
      clientX: x + width / 2, clientY: y + height / 2, deltaY: at % 60 < 30 ? -20 : 20})),
    move: (at) => point("pointermove", x + width / 2 + 90 * Math.sin(at / 9), y + height / 2 + 60 * Math.cos(at / 9),
      1),
    hover: (at) => point("pointermove", x + width * (0.1 + 0.8 * at / frames), y + height * (0.5 + 0.3 * Math.sin(at))),
  }[kind];
  if (kind === "move") point("pointerdown", x + width / 2, y + height / 2, 1);
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let at = 0; at < frames; at++) {
    step(at);
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  if (kind === "move") point("pointerup", x + width / 2, y + height / 2);
  return times;
}
"""


def main() -> None:
    """Prints the tables for docs/benchmarks.md."""
    limits = Limits()
    print(
        f"{TRACKS:,} recordings, {SIZE['width']} × {SIZE['height']}, {FRAMES} frames each, headless Chromium without a"
    )
    print(f"GPU, {machine()}\n")
    print("| | median frame | p95 | main thread, a frame | ratio of medians to an empty page | must be |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    with _gateway() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        library = f"{url}/#key=psk_bench"
        _show(limits, "the list, scrolled quickly", _Kind("scroll", 20, 50), browser, library)
        _show(limits, "the list, flung back", _Kind("fling", 40, 70), browser, library)
        for name, kind in (("zoomed", "zoom"), ("moved", "move"), ("hovered over", "hover")):
            _show(limits, f"the map, {name}", _Kind(kind, 20, 50), browser, f"{url}/?view=map#key=psk_bench")
        _show_first_visit(limits, browser, library)
        _show_rows(limits, browser, library)
        show_live(limits, browser)
        browser.close()
    limits.end()


class _Kind(NamedTuple):
    """What is done to the page in each frame, and how long its median frame and its 95th percentile may be, in ms."""

    name: str
    median_ms: float
    p95_ms: float


def _show(limits: Limits, name: str, kind: _Kind, browser: Browser, url: str) -> None:
    bare, _ = _measured(browser, None, "fling" if kind.name == "fling" else "scroll")
    times, busy_ms = _measured(browser, url, kind.name)
    middle, last = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    ratio = middle / statistics.median(bare)
    most = f"median ≤ {kind.median_ms:g} ms, p95 ≤ {kind.p95_ms:g} ms"
    print(f"| {name} | {middle:.1f} ms | {last:.1f} ms | {busy_ms:.1f} ms | {ratio:.2f} | {most} |", flush=True)
    limits.check(f"{name}, median frame", middle, kind.median_ms)
    limits.check(f"{name}, p95", last, kind.p95_ms)


def _show_first_visit(limits: Limits, browser: Browser, url: str) -> None:
    """What is sent before the library shows, when something is painted first, and how far things jump."""
    page = browser.new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    page.route("**/v1/**", answer)
    page.add_init_script(SHIFTS)
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(_size(request)))
    page.goto(url)
    page.wait_for_selector(".track")
    page.wait_for_load_state("networkidle")
    painted_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    shifts = page.evaluate("shifts")
    print("\n| first visit | | must be |\n| --- | ---: | ---: |")
    limits.show("script, style and document on the wire", sum(sizes) / 1000, 130, "kB")
    limits.show("first contentful paint", painted_ms, 1_000, "ms")
    limits.show("cumulative layout shift", shifts, 0.02, digits=3)
    page.close()


def _show_rows(limits: Limits, browser: Browser, url: str) -> None:
    """How long the first of 10,000 rows takes, how long the longest frame is, and how many rows the document has."""
    page = browser.new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    page.route("**/v1/**", answer)
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(".track")
    first_ms = (time.perf_counter() - began) * 1000
    page.wait_for_timeout(1_000)
    times = page.evaluate(FRAME_TIMES, ["scroll", FRAMES])
    rows = page.locator(".track").count()
    print(f"\n| {TRACKS:,} recordings | | must be |\n| --- | ---: | ---: |")
    limits.show("first row", first_ms, 1_500, "ms")
    limits.show(f"longest frame of {FRAMES} while it is scrolled", max(times), 100, "ms")
    limits.show("rows in the document", rows, 60)
    page.close()


def _size(request: Request) -> int:
    """Bytes of a response's body on the wire; none of answers that this script makes."""
    return 0 if "/v1/" in request.url else request.sizes()["responseBodySize"]


def _measured(browser: Browser, url: str | None, kind: str) -> tuple[list[float], float]:
    """The frame times, and the main thread's computing time for a frame, in milliseconds."""
    page = browser.new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    page.route("**/v1/**", answer)
    if url is None:
        page.set_content(EMPTY)
    else:
        page.goto(url)
        page.wait_for_selector(".map__plot canvas" if "view=map" in url else ".track")
    page.wait_for_timeout(1_000)
    if kind == "fling":
        _go_down(page)
    if kind == "move":
        page.get_by_role("button", name="Zoom in").click()
        page.wait_for_timeout(400)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _busy_s(session.send("Performance.getMetrics"))
    times = page.evaluate(FRAME_TIMES, [kind, FRAMES])
    busy_s = _busy_s(session.send("Performance.getMetrics")) - before
    page.close()
    return times, busy_s / FRAMES * 1000


def _go_down(page: Page) -> None:
    """Scrolls down until all items to scroll past are loaded."""
    while page.evaluate("scrollY") < FRAMES * 1_500:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(50)


def _busy_s(metrics: dict[str, Any]) -> float:
    return next(float(one["value"]) for one in metrics["metrics"] if one["name"] == "TaskDuration")


@contextmanager
def _gateway() -> Iterator[str]:
    """The gateway without any servers: only its page is requested."""
    server = uvicorn.Server(uvicorn.Config(create_app(nowhere()), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
