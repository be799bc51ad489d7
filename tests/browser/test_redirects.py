"""The page's requests when the gateway redirects them to the store: another origin, for which the key is not meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from phonoscope.tasks import Explain
from tests.browser.visit import Visit
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
