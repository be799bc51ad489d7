"""A real browser and the real stack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from phonoscope.client import Client
from tests.browser.visit import WIDE, Visit, record_complaints
from tests.separators import network, write_separator
from tests.support import RunningStack, examples

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
_PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Skips where the machine has none; with `CI` set its absence is a failure.

    One for each module: until it ends its event loop runs, and other modules' tests have loops of their own.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        assert not os.environ.get("CI"), f"none of {', '.join(_PROGRAMS)} is installed"
        pytest.skip("no Chromium is installed")
    expect.set_options(timeout=_PATIENCE_MS)
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

    def opened(size: ViewportSize = WIDE, gateway: RunningStack = stack) -> Visit:
        context = chromium.new_context(viewport=size, accept_downloads=True, color_scheme="dark")
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        key = stack.new_key(f"owner-{uuid4()}")
        made = Visit(page, gateway.url, key, Client(gateway.url, key))
        record_complaints(made)
        visits.append(made)
        return made

    yield opened
    for one in visits:
        one.page.context.close()
        one.client.close()
    assert [complaint for one in visits for complaint in one.unexpected] == []
