"""A real browser and the real stack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, sync_playwright

from phonoscope.client import Client
from tests.support import RunningStack, examples
from tests.unit.ml.separation.conftest import network, write_separator

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_AXE = Path(__file__).parents[2] / "services" / "web" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}


@dataclass
class Visit:
    """An open page with an API key of its own, and the complaints on it."""

    page: Page
    url: str
    key: str
    client: Client
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of complaints that the test causes on purpose."""

    @property
    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(word in said for word in self.expected)]

    def go(self, path: str) -> None:
        """Opens a path, signed in."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}{path}#key={self.key}")
        self.page.wait_for_selector("main")

    def violations(self) -> list[str]:
        """Accessibility violations that axe calls serious or critical."""
        self.page.evaluate(_AXE.read_text())
        found = self.page.evaluate(
            "tags => axe.run(document, { runOnly: tags, resultTypes: ['violations'], preload: false })", _TAGS
        )
        return [
            f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Skips where the machine has none; with `CI` set its absence is a failure."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        assert not os.environ.get("CI"), f"none of {', '.join(_PROGRAMS)} is installed"
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Some of the demo's recordings by their names without suffix."""
    folder = tmp_path_factory.mktemp("recordings")
    demo, wanted = examples(), ("dog_large", "dog_small", "rain_roof")
    clips = {clip.file.partition(".")[0]: clip for clip in demo.CLIPS}
    return {
        name: demo.write(folder / clips[name].file, demo.quantised(clips[name].samples(), clips[name].peak))
        for name in wanted
    }


@pytest.fixture(scope="session")
def tiny(stack: RunningStack) -> str:
    """The name of a separation model with random weights, written to the running workers' folder."""
    folder = stack.pulled_models / "tiny"
    if not folder.exists():
        write_separator(folder, network())
    return folder.name


@pytest.fixture
def visit(stack: RunningStack, chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens pages, each for a new owner. Fails when a page complains or sends a request to another host."""
    visits: list[Visit] = []

    def opened(size: ViewportSize = WIDE) -> Visit:
        context = chromium.new_context(viewport=size, accept_downloads=True)
        page = context.new_page()
        page.set_default_timeout(20_000)
        key = stack.new_key(f"owner-{uuid4()}")
        made = Visit(page, stack.url, key, Client(stack.url, key))
        _listen(made)
        visits.append(made)
        return made

    yield opened
    for one in visits:
        one.page.context.close()
        one.client.close()
    assert [complaint for one in visits for complaint in one.unexpected] == []


def _listen(visit: Visit) -> None:
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
