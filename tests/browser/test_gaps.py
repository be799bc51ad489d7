"""A pause in time stamps, which browsers pass over: the page plays the recording where the outline shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from phonoscope.tasks import Describe
from tests.browser.visit import Visit, record_players
from tests.unit.audio.maker import Maker
from tests.unit.audio.stamps import paused, restamped

_COPY_IS_THERE = """
async () => {
  for (let tries = 0; tries < 1500 && !window.players.at(-1)?.src.includes("/artifacts/"); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
"""
_ONSET = """
async () => {
  const player = window.players.at(-1);
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 512 });
  context.createMediaElementSource(player).connect(analyser);
  const samples = new Float32Array(512);
  while (!player.ended) {
    analyser.getFloatTimeDomainData(samples);
    if (player.currentTime > 1 && samples.some((sample) => Math.abs(sample) > 0.1)) return player.currentTime;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return null;
}
"""


def test_a_pause_is_played_as_it_is_drawn(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The second tone of a browser's recording, after a pause of 1.5 s, is heard when the playhead is at its start."""
    here = visit()
    path = tmp_path / "pause.webm"
    path.write_bytes(_recording())
    track = here.client.upload(path)
    assert track.duration_s == pytest.approx(3.5, abs=0.02)
    job = here.client.wait(here.client.create_job(track.id, ["describe"]))
    described = job.result(Describe)
    assert [(gap.start_s, gap.end_s) for gap in described.gaps] == [pytest.approx((0.76, 2.26), abs=0.03)]
    assert described.duration_s == pytest.approx(track.duration_s, abs=0.01)
    record_players(here.page)
    here.go(f"/tracks/{track.id}")
    expect(here.page.get_by_text("no sound from 0.7")).to_be_visible()
    here.page.evaluate(_COPY_IS_THERE)
    here.page.evaluate(f"() => {{ window.onset = ({_ONSET})(); }}")
    here.page.get_by_role("button", name="Play", exact=True).click()
    assert here.page.evaluate("() => window.onset") == pytest.approx(2.5, abs=0.4)


def _recording() -> bytes:
    make = Maker()
    kind = make.formats["webm"]
    samples = make.tone(kind.rate_hz, 2.0)
    for start_s in (0.5, 1.5):
        samples[:, round(start_s * kind.rate_hz) :][:, : kind.rate_hz // 2] = np.zeros(kind.rate_hz // 2)
    return restamped(make.encode(kind, samples), "webm", paused(0.75, 2.25), options={"live": "1"})
