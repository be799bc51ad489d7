"""The page under a path prefix, and pages of other origins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visit import Visit
from tests.proxy import proxied
from tests.support import RunningStack, second_gateway, tone_wav

PREFIX = "/apps/phonoscope"
_ENDS_MS = 60_000
_ASK = """async ([url, key, bytes]) => {
  const headers = { Authorization: `Bearer ${key}` };
  const form = new FormData();
  form.append("file", new Blob([new Uint8Array(bytes)]), "a.wav");
  const made = await fetch(`${url}/v1/tracks`, { method: "POST", headers, body: form });
  const track = await made.json();
  const part = await fetch(url + track.audio.url, { headers: { Range: "bytes=0-9", "If-None-Match": '"x"' } });
  const refused = await fetch(`${url}/v1/tracks/${track.id}`);
  const unknown = await fetch(`${url}/v1/tracks/none`, { headers });
  const typed = { ...headers, "Content-Type": "application/json", "Idempotency-Key": "from-a-page" };
  const body = JSON.stringify({ track_id: track.id, tasks: ["describe"] });
  const job = await fetch(`${url}/v1/jobs`, { method: "POST", headers: typed, body });
  const { id } = await job.json();
  const events = await fetch(`${url}/v1/jobs/${id}/events`, { headers: { ...headers, "Last-Event-ID": "none" } });
  const erased = await fetch(`${url}/v1/tracks/${track.id}`, { method: "DELETE", headers });
  return {
    statuses: [made, part, refused, unknown, job, events, erased].map((answer) => answer.status),
    location: made.headers.get("Location") === `/v1/tracks/${track.id}`,
    range: part.headers.get("Content-Range"),
    size: (await part.arrayBuffer()).byteLength,
    limit: Boolean(made.headers.get("RateLimit")),
    code: (await refused.json()).code,
    ended: (await events.text()).includes("event: completed"),
  };
}"""
_TRY = """(url) => fetch(`${url}/health/live`).then(() => "read", (error) => error.name)"""


class _Empty(BaseHTTPRequestHandler):
    """A page of somebody else's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def elsewhere() -> Iterator[str]:
    """An origin of a page that is not the gateway's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def evaluated(chromium: Browser, origin: str, script: str, argument: Any) -> Any:
    """What a script gives on a page of an origin."""
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(origin)
        return page.evaluate(script, argument)
    finally:
        context.close()


def test_a_page_of_a_listed_origin_uses_the_api(stack: RunningStack, chromium: Browser) -> None:
    """With a key it uploads, plays in part, asks, follows and erases, and reads headers and problems; no other can."""
    with elsewhere() as studio, elsewhere() as other:
        with second_gateway(stack, {"cors_origins": f"https://studio.example,{studio}"}) as (gateway, _):
            content = list(tone_wav(0.2, rate_hz=8_000, seed=61))
            found = evaluated(chromium, studio, _ASK, [gateway.url, stack.new_key("studio"), content])
            assert found == {
                "statuses": [201, 206, 401, 404, 202, 200, 204],
                "location": True,
                "range": f"bytes 0-9/{len(content)}",
                "size": 10,
                "limit": True,
                "code": "unauthorized",
                "ended": True,
            }
            assert evaluated(chromium, studio, _TRY, gateway.url) == "read"
            assert evaluated(chromium, other, _TRY, gateway.url) == "TypeError"
        assert evaluated(chromium, studio, _TRY, stack.url) == "TypeError"


@pytest.mark.parametrize("keeps", [True, False], ids=["keeps", "removes"])
def test_the_page_works_under_a_prefix(
    stack: RunningStack, visit: Callable[..., Visit], recordings: dict[str, Path], *, keeps: bool
) -> None:
    """Signed in, uploaded, opened, played, loaded again at a deep address, and back; the documentation too."""
    with (
        second_gateway(stack, {"root_path": PREFIX}) as (gateway, _),
        proxied(gateway.url, PREFIX, keeps=keeps) as url,
    ):
        here = visit(gateway=RunningStack(stack.folder, url))
        page = here.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        page.goto(url)
        page.get_by_label("API key").fill(here.key)
        page.keyboard.press("Enter")
        page.get_by_label("Recordings to upload").set_input_files([recordings["dog_large"]])
        row = page.get_by_label("Recordings", exact=True).get_by_role("listitem").filter(has_text="dog_large.flac")
        expect(row.locator(".track__label")).to_contain_text("dog", timeout=_ENDS_MS)
        row.get_by_role("link", name="dog_large.flac").click()
        (track,) = here.client.tracks().items
        expect(page).to_have_url(f"{url}/tracks/{track.id}")
        expect(page.get_by_label("Labels", exact=True)).to_contain_text("dog")
        page.get_by_role("button", name="Play", exact=True).click()
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("dog_large.flac")
        expect(page.get_by_label("Labels", exact=True)).to_contain_text("dog")
        page.get_by_role("link", name="Back to the library").click()
        expect(row).to_be_visible()
        page.get_by_role("link", name="Models").click()
        expect(page).to_have_url(f"{url}/models")
        page.get_by_role("link", name="API", exact=True).click()
        expect(page.get_by_text("/v1/tracks", exact=True).first).to_be_visible()
        assert len(asked) > 20
        assert [path for path in asked if path != PREFIX and not path.startswith(f"{PREFIX}/")] == []
        page.get_by_text("/health/live", exact=True).click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.get_by_text('"live"')).to_be_visible()
