"""Helpers for tables on the screen, and for times in them."""

from __future__ import annotations

from datetime import datetime

from rich.table import Table
from rich.text import Text

_BAR = 24


def plain_table(title: str) -> Table:
    """A table without lines below a bold title, which stays on one line."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
    table.min_width = len(title)
    return table


def share_bar(share: float, style: str) -> Text:
    """A bar whose filled part is a share of 1."""
    filled = round(share * _BAR)
    return Text("█" * filled + "·" * (_BAR - filled), style=style)


def minute(moment: datetime | None) -> str:
    """A time in this machine's zone, to the minute; nothing without one."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(64.35)
    '1:04.3'
    """
    tenths = int(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
