"""A real browser and the real stack."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from time import monotonic, sleep
from uuid import uuid4

import numpy as np
import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from phonoscope.client import Client
from tests.browser.visit import BARKS_FROM_S, LONG_S, RATE_HZ, WIDE, Visit, record_complaints
from tests.separators import network, write_separator
from tests.support import RunningStack, examples

# The first draws no window: that is half of the work of a test.
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
_BRIDGE = Path(__file__).with_name("firefox.py")
_FIREFOXES = ("firefox-esr", "firefox")
_PREFERENCES: dict[str, str | float | bool] = {
    "media.autoplay.default": 0,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "ui.systemUsesDarkTheme": 1,
}
_PATIENCE_MS = 30_000
_START_MS = 180_000
_SOUND_SERVER = ("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1")


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


@pytest.fixture(scope="module")
def sound_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PulseAudio without a device: with none, Firefox does not start Web Audio."""
    if shutil.which("pulseaudio") is None:
        pytest.skip("no PulseAudio is installed")
    socket = tmp_path_factory.mktemp("sound") / "socket"
    modules = ("module-null-sink", f"module-native-protocol-unix socket={socket} auth-anonymous=1")
    command = [*_SOUND_SERVER, *(word for module in modules for word in ("-L", module))]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            _await(socket.exists, server)
            yield f"unix:{socket}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory, sound_card: str) -> Iterator[Browser]:
    """Skips where the machine has none."""
    program = next(filter(None, map(shutil.which, _FIREFOXES)), None)
    if program is None:
        pytest.skip("no Firefox is installed")
    start = tmp_path_factory.mktemp("firefox") / "start"
    start.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} {quote(str(_BRIDGE))} {quote(program)} "$@"\n')
    start.chmod(0o755)
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.firefox.launch(
            channel="moz-firefox",
            executable_path=start,
            env={**os.environ, "PULSE_SERVER": sound_card},
            firefox_user_prefs=_PREFERENCES,
            timeout=_START_MS,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser(chromium: Browser) -> Browser:
    """Where `visit` opens pages: Chromium, unless a module says otherwise."""
    return chromium


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
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 s: rain for 20 s, then a dog that barks again and again."""
    demo = examples()
    clips = {clip.file.partition(".")[0]: clip.samples() for clip in demo.CLIPS if clip.label in ("dog", "rain")}
    seconds = {"rain_roof": BARKS_FROM_S, "dog_large": LONG_S - BARKS_FROM_S}
    parts = [np.resize(clips[name], round(length * RATE_HZ)) for name, length in seconds.items()]
    path: Path = demo.write(
        tmp_path_factory.mktemp("long") / "rain, then a dog.flac", demo.quantised(np.concatenate(parts), 0.9)
    )
    return path


@pytest.fixture(scope="session")
def tiny(stack: RunningStack) -> str:
    """The name of a separation model with random weights, written to the running workers' folder."""
    folder = stack.pulled_models / "tiny"
    if not folder.exists():
        write_separator(folder, network())
    return folder.name


@pytest.fixture
def visit(stack: RunningStack, browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens pages, each for a new owner. Fails when a page complains or sends a request to another host."""
    visits: list[Visit] = []

    def opened(size: ViewportSize = WIDE, gateway: RunningStack = stack) -> Visit:
        context = browser.new_context(viewport=size, accept_downloads=True, color_scheme="dark")
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


def _await(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + _START_MS / 1000
    while not holds():
        assert process.poll() is None, f"{process.args!s} has ended"
        assert monotonic() < deadline, f"{process.args!s} does not begin"
        sleep(0.02)
