"""What is heard of a page, measured in its audio graph."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

HOUR_S = 3_600
_HOUR_RATE_HZ = 8_000
_ENDS_MS = 60_000
_TAP = """
    window.taps = [];
    window.connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
        if (to instanceof AudioDestinationNode && !(this instanceof AnalyserNode)) {
            const tap = new AnalyserNode(this.context, { fftSize: 32768, smoothingTimeConstant: 0 });
            window.connect.call(this, tap);
            window.taps.push(tap);
        }
        return window.connect.call(this, to, ...rest);
    };
    window.running = () => window.taps.filter((one) => one.context.state === "running");
    window.heard = () => {
        const heard = window.running().map((tap) => {
            const bins = new Float32Array(tap.frequencyBinCount);
            tap.getFloatFrequencyData(bins);
            return { bins, width: tap.context.sampleRate / tap.fftSize, level: Math.max(...bins) };
        });
        return heard.sort((one, other) => other.level - one.level)[0] ?? null;
    };
    window.levelAt = (hertz) => {
        const found = window.heard();
        if (!found) return -200;
        const at = Math.round(hertz / found.width);
        return Math.max(...found.bins.subarray(Math.max(0, at - 3), at + 4), -200);
    };
    window.loud = () => {
        const samples = new Float32Array(32768);
        return Math.max(0, ...window.running().map((tap) => {
            tap.getFloatTimeDomainData(samples);
            return samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        }));
    };
    window.latest = () => {
        const [tap] = window.running();
        const samples = new Float32Array(tap.fftSize);
        tap.getFloatTimeDomainData(samples);
        return { samples: Array.from(samples), rate: tap.context.sampleRate };
    };
    window.pitch = () => {
        const found = window.heard();
        if (!found) return 0;
        const loudest = found.bins.reduce((best, level, at) => (level > found.bins[best] ? at : best), 0);
        return found.bins[loudest] > -60 ? loudest * found.width : 0;
    };
"""
STARTS = """
    window.started = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (when, offset) {
        const { buffer, context } = this;
        window.started.push({ when, offset: offset ?? 0, seconds: buffer.duration, rate: context.sampleRate });
        return start.call(this, when, offset);
    };
"""
"""Keeps in `window.started` when each sound is started by the clock of its audio context, and how long it is."""
_ROUTE = """() => {
    const context = new AudioContext();
    for (const player of window.players) {
        const node = context.createMediaElementSource(player);
        const open = new GainNode(context);
        node.connect(open).connect(context.destination);
    }
}"""


def listen(page: Page) -> None:
    """Hears what the page plays through Web Audio from now on."""
    page.add_init_script(_TAP)


def route_players(page: Page) -> None:
    """Hears also what its audio elements play, those that `record_players` keeps."""
    page.evaluate(_ROUTE)


def expect_heard(page: Page, says: str) -> None:
    """Waits until this holds of `levelAt(hertz)`, in dB, of `pitch()`, in Hz, or of `loud()`, the highest sample."""
    page.wait_for_function(f"() => {says}", timeout=_ENDS_MS, polling=100)


def tones_wav(seconds: float, *hertz: float, rate_hz: int = 22_050) -> bytes:
    """A 16-bit mono WAV of tones that are equally loud."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = sum((np.sin(2 * np.pi * one * time_s) for one in hertz), np.zeros(len(time_s))) * 0.4 / len(hertz)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def hour_wav(path: Path, seed: int = 7) -> Path:
    """Writes a WAV file of an hour, 58 MB: one second of noise again and again."""
    second = (np.random.default_rng(seed).standard_normal(_HOUR_RATE_HZ) * 3_000).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_HOUR_RATE_HZ)
        for _ in range(HOUR_S):
            file.writeframes(second)
    return path
