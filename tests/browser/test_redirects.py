"""The page's requests when the gateway redirects them to the store: another origin, for which the key is not meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Request, expect

from phonoscope.tasks import Explain
from tests.browser.visit import Visit, record_players
from tests.support import RunningStack

_FETCH = """async ([url, key]) => {
  const answer = await fetch(url, key ? { headers: { Authorization: `Bearer ${key}` } } : {});
  return [answer.status, new URL(answer.url).origin, (await answer.arrayBuffer()).byteLength];
}"""
_SHOW = """async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image.naturalWidth;
}"""
_LOUDEST = """async () => {
  const context = new AudioContext();
  const meter = new AnalyserNode(context);
  context.createMediaElementSource(window.players[0]).connect(meter).connect(context.destination);
  const samples = new Float32Array(meter.fftSize);
  let loudest = 0;
  const until = performance.now() + 30_000;
  while (loudest <= 0.001 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    meter.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples);
  }
  return loudest;
}"""


def test_the_page_follows_to_the_store(
    visit: Callable[..., Visit],
    redirecting: RunningStack,
    public_store: str,
    recordings: dict[str, Path],
) -> None:
    """Its policy allows that origin, the store answers it, and the browser keeps the key to itself."""
    here = visit(gateway=redirecting)
    here.expected = (f"asked another host: {public_store}",)
    here.go("/jobs")
    path = recordings["dog_large"]
    job = here.client.wait(here.client.analyze(path, ["classify", "explain"]))
    overlay = job.result(Explain).overlay
    assert overlay is not None
    audio = here.page.evaluate(_FETCH, [f"/v1/tracks/{job.track_id}/audio", here.key])
    assert audio == [200, public_store, path.stat().st_size]
    assert here.page.evaluate(_FETCH, [overlay.url, None]) == [200, public_store, overlay.size_bytes]
    assert here.page.evaluate(_SHOW, overlay.url) > 100


def test_the_player_follows_to_the_store(
    visit: Callable[..., Visit],
    redirecting: RunningStack,
    public_store: str,
    recordings: dict[str, Path],
) -> None:
    """It plays from the store's origin, without the key, and its sound can be processed by Web Audio."""
    here = visit(gateway=redirecting)
    here.expected = (f"asked another host: {public_store}",)
    track = here.client.upload(recordings["rain_roof"])
    record_players(here.page)
    stored: list[Request] = []
    here.page.on("request", lambda request: stored.append(request) if request.url.startswith(public_store) else None)
    here.go(f"/tracks/{track.id}")
    here.page.get_by_role("button", name="Loop the visible range").click()
    here.page.get_by_role("button", name="Play", exact=True).click()
    here.page.wait_for_function("() => parseFloat(document.querySelector('.clock').textContent.slice(2)) > 0.3")
    expect(here.page.locator(".transport__problem")).to_have_count(0)
    assert here.page.evaluate(_LOUDEST) > 0.001
    assert stored
    assert not any("authorization" in request.all_headers() for request in stored)
