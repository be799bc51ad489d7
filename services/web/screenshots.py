#!/usr/bin/env python3
"""Take the pictures of the page for the documentation, from the running product: ``screenshots.py OUT_DIR``."""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from phonoscope.client import Client
from phonoscope_local.state import Credentials, read_credentials

ROOT = Path(__file__).parents[2]
SIZE = {"width": 1280, "height": 860}
TASKS = ["classify", "embed", "explain", "features", "describe"]
COLOURS = 256
_DRAWN_MS = 2_000
_SEARCH_HEIGHT = 420


def take_all(folder: Path) -> None:
    """Starts a stack of its own, analyses the demo's recordings and writes ``page-*.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as made, _stack(Path(made) / "stack") as credentials:
        recordings = Path(made) / "recordings"
        subprocess.run([sys.executable, ROOT / "examples" / "make_recordings.py", recordings], check=True)
        with Client(credentials.url, credentials.api_key) as client:
            files = sorted(recordings.glob("*.*"))
            jobs = {path.stem: client.analyze(path, TASKS) for path in files}
            for job in jobs.values():
                client.wait(job)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
            page.goto(f"{credentials.url}/#key={credentials.api_key}")
            _library(page, folder)
            _search(page, credentials.url, folder)
            _track(page, f"{credentials.url}/tracks/{jobs['day'].track_id}", folder)
            browser.close()


def _library(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="rooster.ogg").wait_for()
    page.get_by_role("button", name="Skip").click()
    page.wait_for_timeout(_DRAWN_MS)
    _keep(page, folder / "page-library.png")


def _search(page: Page, url: str, folder: Path) -> None:
    page.goto(f"{url}/search?q=a+dog+barking&unit=moment")
    page.locator(".found li").first.wait_for()
    page.wait_for_timeout(_DRAWN_MS)
    _keep(page, folder / "page-search.png", _SEARCH_HEIGHT)


def _track(page: Page, url: str, folder: Path) -> None:
    page.goto(url)
    page.locator(".amber").wait_for()
    page.wait_for_timeout(_DRAWN_MS)
    _keep(page, folder / "page-track.png")


def _keep(page: Page, path: Path, height: int = SIZE["height"]) -> None:
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": SIZE["width"], "height": height})
    picture = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS)
    picture.save(path, optimize=True)


@contextmanager
def _stack(folder: Path) -> Iterator[Credentials]:
    command = [str(Path(sys.executable).with_name("phonoscope"))]
    subprocess.run([*command, "up", "--detach", "--data-dir", folder], check=True, stdout=subprocess.DEVNULL)
    try:
        credentials = read_credentials(folder)
        assert credentials is not None
        yield credentials
    finally:
        subprocess.run([*command, "down", "--data-dir", folder], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Take the pictures of the page for the documentation.")
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    take_all(parser.parse_args().folder)
