"""Measures a first visit, and how smoothly the page moves with 10,000 recordings, as a list and as a map.

The gateway serves the built page; this script answers the page's API requests, so that only the page is measured. The
baseline is the frames of an empty document that is scrolled the same way, measured before each.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from common import machine
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

from phonoscope_gateway.app import create_app
from phonoscope_gateway.openapi import nowhere

TRACKS, PAGE, LABELS, FRAMES = 10_000, 100, 50, 180
SIZE = {"width": 1440, "height": 900}
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const {value, hadRecentInput} of list.getEntries()) if (!hadRecentInput) window.shifts += value;
}).observe({type: "layout-shift", buffered: true});
"""
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
    """Prints a table for docs/benchmarks.md."""
    print(
        f"{TRACKS:,} recordings, {SIZE['width']} × {SIZE['height']}, {FRAMES} frames each, headless Chromium without a"
    )
    print(f"GPU, {machine()}\n")
    print("| | median frame | p95 | main thread, a frame | ratio of medians to an empty page |")
    print("| --- | ---: | ---: | ---: | ---: |")
    with _gateway() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        _show("the list, scrolled quickly", browser, f"{url}/#key=psk_bench", ".track", "scroll")
        _show("the list, flung back", browser, f"{url}/#key=psk_bench", ".track", "fling")
        for name, kind in (("zoomed", "zoom"), ("moved", "move"), ("hovered over", "hover")):
            _show(f"the map, {name}", browser, f"{url}/?view=map#key=psk_bench", ".map__plot canvas", kind)
        _show_first_visit(browser, f"{url}/#key=psk_bench")
        browser.close()


def _show(name: str, browser: Browser, url: str, ready: str, kind: str) -> None:
    bare, _ = _measured(browser, None, "body", "fling" if kind == "fling" else "scroll")
    times, busy_ms = _measured(browser, url, ready, kind)
    middle, last = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    ratio = middle / statistics.median(bare)
    print(f"| {name} | {middle:.1f} ms | {last:.1f} ms | {busy_ms:.1f} ms | {ratio:.2f} |", flush=True)


def _show_first_visit(browser: Browser, url: str) -> None:
    """What is sent before the library shows, when something is painted first, and how far things jump."""
    page = browser.new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    page.route("**/v1/**", _answer)
    page.add_init_script(SHIFTS)
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(_size(request)))
    page.goto(url)
    page.wait_for_selector(".track")
    page.wait_for_load_state("networkidle")
    sent = sum(sizes)
    painted_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print("\n| first visit | |\n| --- | ---: |")
    print(f"| script, style and document on the wire | {sent / 1000:.0f} kB |")
    print(f"| first contentful paint | {painted_ms:.0f} ms |")
    print(f"| cumulative layout shift | {page.evaluate('shifts'):.3f} |", flush=True)
    page.close()


def _size(request: Request) -> int:
    """Bytes of a response's body on the wire; none of answers that this script makes."""
    return 0 if "/v1/" in request.url else request.sizes()["responseBodySize"]


def _measured(browser: Browser, url: str | None, ready: str, kind: str) -> tuple[list[float], float]:
    """The frame times, and the main thread's computing time for a frame, in milliseconds."""
    page = browser.new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    page.route("**/v1/**", _answer)
    if url is None:
        page.set_content(EMPTY)
    else:
        page.goto(url)
    page.wait_for_selector(ready)
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


def _answer(route: Route) -> None:
    address = urlsplit(route.request.url)
    first = int(parse_qs(address.query).get("cursor", ["0"])[0])
    answers: dict[str, Any] = {
        "tracks": {
            "items": [_track(number) for number in range(first, first + PAGE)],
            "next_cursor": str(first + PAGE) if first + PAGE < TRACKS else None,
        },
        "waveform": {"min": [-0.5] * 32, "max": [0.1 + number % 10 / 10 for number in range(32)], "rms": [0.1] * 32},
        "jobs": {"items": [], "next_cursor": None},
        "models": {"items": []},
        "library": {
            "tracks": TRACKS,
            "labels": [{"label": f"label_{at}", "tracks": TRACKS // LABELS} for at in range(LABELS)],
        },
        "map": {"model": "environment-50", "method": "umap", "trustworthiness": 0.94, "missing": 0, "points": POINTS}
        | {"drawn_at": "2026-01-01T00:00:00Z", "job_id": None},
    }
    route.fulfill(status=200, content_type="application/json", body=json.dumps(answers[address.path.split("/")[-1]]))


def _track(number: int) -> dict[str, Any]:
    facts = {"media_type": "audio/wav", "container": "wav", "codec": "pcm_s16le", "warnings": [], "channels": 1}
    sizes = {"size_bytes": 441_044, "sample_rate_hz": 44_100, "duration_s": 5.0, "sha256": "0" * 64}
    name = {"id": f"trk_{number}", "filename": f"take-{number:05}.wav", "label": f"label_{number % LABELS}"}
    return name | facts | sizes | {"created_at": "2026-01-01T00:00:00Z"}


def _points() -> list[dict[str, Any]]:
    chance = random.Random(1)
    spread = [(chance.uniform(-0.8, 0.8), chance.uniform(-0.8, 0.8), chance.uniform(0.02, 0.15)) for _ in range(LABELS)]
    points = []
    for number in range(TRACKS):
        x, y, reach = spread[number % LABELS]
        place = {"x": chance.gauss(x, reach), "y": chance.gauss(y, reach)}
        place = {axis: max(-1.0, min(1.0, value)) for axis, value in place.items()}
        track = _track(number)
        points.append(
            {"track_id": track["id"]} | {key: track[key] for key in ("filename", "label", "duration_s")} | place
        )
    return points


POINTS = _points()


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
