"""A page that is open in a browser, and what went wrong on it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Route, ViewportSize

from phonoscope.client import Client

_AXE = Path(__file__).parents[2] / "services" / "web" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}
BOTH = (NARROW, WIDE)
"""For what is only looked at twice: `Visit.expect_fine(*BOTH)`, which ends as a visit begins."""
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
"""For what has to be done again at each size each time."""
WIDE_FIRST = pytest.mark.parametrize(
    "size", [WIDE, pytest.param(NARROW, marks=pytest.mark.long)], ids=["wide", "narrow"]
)
"""For what has to be done again at each size, before a release at the narrow one too."""
RATE_HZ = 44_100
"""Of the demo's recordings."""
MOST_SHIFT = 0.02
"""Of `window.shifted`: what nobody notices."""
_FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
_TRIES, _TRY_MS = 600, 50
BARKS_FROM_S, LONG_S = 20.0, 36.0
"""Of the recording `long`: where its dog begins, and its end."""
PLOTS_LOADED = """() => {
    const plots = [...document.querySelectorAll(".plot--wave, .plot--spectrogram")];
    return plots.length === 2 && plots.every((plot) => plot.ariaBusy === "false" && !plot.querySelector(".skeleton"));
}"""
"""Holds as soon as a recording's waveform and spectrogram are drawn."""

_DRAG = """
    (zone, [types, content, name]) => {
        const dataTransfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        if (name) dataTransfer.items.add(new File([bytes], name, { type: 'audio/mp4' }));
        else dataTransfer.setData('text/plain', 'rain');
        return types.map((type) => {
            const event = new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer });
            zone.dispatchEvent(event);
            return event.defaultPrevented;
        });
    }
"""


@dataclass
class Visit:
    """A page that somebody has open, with a key of their own, and what went wrong on it."""

    page: Page
    url: str
    key: str
    client: Client
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """What complaints of this test's own making say."""

    @property
    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(word in said for word in self.expected)]

    def go(self, path: str) -> None:
        """Signed in, whether the tab was before or not."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}{path}#key={self.key}")
        self.page.wait_for_selector("main")

    def expect_fine(self, *sizes: ViewportSize) -> None:
        """Nothing is wider than the screen, and axe finds nothing: as it is now, or at each of these sizes."""
        for size in sizes or (self.page.viewport_size,):
            if size:
                self.page.set_viewport_size(size)
            self.page.wait_for_function(_FITS)
            assert self.violations() == [], size

    def violations(self) -> list[str]:
        """What axe finds, however grave."""
        self.page.evaluate(_AXE.read_text())
        found = self.page.evaluate(
            "tags => axe.run(document, { runOnly: tags, resultTypes: ['violations'], preload: false })", _TAGS
        )
        return [f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:4]]}" for one in found["violations"]]


def held_at(page: Page, address: str, method: str = "GET") -> list[Route]:
    """What the page asks for by this method at an address, which is held from now on, until routes are removed."""
    held: list[Route] = []
    page.route(address, lambda route: held.append(route) if route.request.method == method else route.continue_())
    return held


def last_of(page: Page, held: list[Route], count: int) -> Route:
    """The last of so many requests that are held, as soon as they are."""
    for _ in range(_TRIES):
        if len(held) >= count:
            break
        page.wait_for_timeout(_TRY_MS)
    assert len(held) == count
    return held[-1]


def drag(zone: Locator, *types: str, path: Path | None = None) -> list[bool]:
    """Sends a file's drag events to an element, a text's without one; returns which of them the page took."""
    content = b64encode(path.read_bytes()).decode() if path else ""
    taken: list[bool] = zone.evaluate(_DRAG, [types, content, path.name if path else ""])
    return taken


def record_players(page: Page) -> None:
    """Keeps the audio elements that the page makes from now on in `window.players`."""
    page.add_init_script(
        "window.players = []; window.Audio = class extends Audio {"
        " constructor(...given) { super(...given); window.players.push(this); } };"
    )


def record_shifts(page: Page) -> None:
    """Sums up in `window.shifted` how far what is on the page moves by itself, from now on and on each page anew."""
    page.add_init_script(
        "window.shifted = 0; new PerformanceObserver((list) => {"
        " for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;"
        " }).observe({ type: 'layout-shift', buffered: true });"
    )


def record_complaints(visit: Visit) -> None:
    host = urlsplit(visit.url).netloc

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(f"{message.type}: {message.text} {message.location.get('url')}")

    def asked(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme.startswith("http") and address.netloc != host:
            visit.complaints.append(f"asked another host: {request.url}")

    visit.page.on("console", said)
    visit.page.on("pageerror", lambda error: visit.complaints.append(f"uncaught: {error}"))
    visit.page.on("request", asked)
