"""Helpers for tables on the screen."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

_BAR = 24


def plain_table(title: str) -> Table:
    """A table without lines below a bold title."""
    return Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))


def share_bar(share: float, style: str) -> Text:
    """A bar whose filled part is a share of 1."""
    filled = round(share * _BAR)
    return Text("█" * filled + "·" * (_BAR - filled), style=style)
