"""The time axis of a recording's page, as its ruler says it."""

from __future__ import annotations

from playwright.sync_api import Page


def axis(page: Page) -> tuple[float, float]:
    """The time at the left edge, and the pixels of a second."""
    ticks: list[tuple[float, str]] = page.locator(".ruler__tick").evaluate_all(
        "ticks => ticks.map((tick) => [parseFloat(tick.style.left), tick.textContent])"
    )
    (first, first_text), (last, last_text) = ticks[0], ticks[-1]
    first_s, last_s = seconds_of(first_text), seconds_of(last_text)
    px_per_s = (last - first) / (last_s - first_s)
    return first_s - first / px_per_s, px_per_s


def seconds_of(clock: str) -> float:
    """Of a time below an hour, as the page writes it: `1:04.3`."""
    minutes, _, rest = clock.partition(":")
    return 60 * float(minutes) + float(rest)
