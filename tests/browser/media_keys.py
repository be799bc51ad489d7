"""The keys of a keyboard, a headset or the system that control what a page plays."""

from __future__ import annotations

from playwright.sync_api import Page

_RECORD = """
    window.mediaKeys = {};
    window.sounded = new Set();
    MediaSession.prototype.setActionHandler = (name, act) => { window.mediaKeys[name] = act; };
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () { window.sounded.add(this); return play.call(this); };
"""
_SILENCE = "() => [...window.sounded].some((one) => one.src.includes('silence') && {} && one.currentTime > 0.1)"
SILENCE_PLAYS = _SILENCE.format("!one.paused")
"""Browsers give their keys to a page that plays through Web Audio."""
SILENCE_RESTS = _SILENCE.format("one.paused")


def record_keys(page: Page) -> None:
    """Keeps what the page has media keys do from now on, for `press`."""
    page.add_init_script(_RECORD)


def press(page: Page, key: str, **details: float) -> None:
    """Presses a media key, as the browser says it to the page, as soon as the page listens to it."""
    page.wait_for_function("key => Boolean(window.mediaKeys[key])", arg=key)
    page.evaluate("([key, details]) => window.mediaKeys[key]({ action: key, ...details })", [key, details])
