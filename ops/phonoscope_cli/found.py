"""Prints what a search found."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from phonoscope.contract import SearchAnswer, SearchCopy, SearchItem, UnderstoodQuery
from phonoscope_cli.tables import clock, plain_table

_MOST_LABELS = 6


def print_found(console: Console, answer: SearchAnswer, title: str = "found") -> None:
    """Prints how a search was understood, what it found, where, and why."""
    for line in understood(answer.query):
        console.print(Text(f"  {line}", style="dim"), highlight=False)
    if answer.items:
        console.print(found_table(answer, title))
    else:
        console.print("  nothing was found", highlight=False)
    covered = answer.coverage
    if covered.tracks < covered.of:
        line = f"{covered.tracks} of {covered.of} embedded recordings were searched; embed the others again"
        console.print(Text(f"  {line}", style="yellow"), highlight=False)


def understood(query: UnderstoodQuery) -> Iterator[str]:
    """How a search was understood, in lines."""
    if query.labels:
        strongest = sorted(query.labels, key=lambda label: -abs(label.weight))[:_MOST_LABELS]
        names = ", ".join(f"{label.label} {label.weight:+.2f}" for label in strongest)
        yield f"by labels ({query.way}): {names}"
    if query.together:
        yield f"first what has all at once: {', '.join(query.together)}"
    if query.missing:
        yield f"no label is near: {', '.join(query.missing)}"
    if query.near:
        yield f"the nearest labels are: {', '.join(label.label for label in query.near)}"
    yield from query.notes


def found_table(answer: SearchAnswer, title: str) -> Table:
    """A table of what was found: where, in which file, how similar, and by which labels."""
    table = plain_table(title)
    for item in answer.items:
        _add(table, item, "copy of it: " if item.is_copy else "", _reason(item))
        for copy in item.copies:
            _add(table, copy, "  copy: ", "")
    return table


def _add(table: Table, found: SearchItem | SearchCopy, before: str, reason: str) -> None:
    moment = found.moment
    where = f"{clock(moment.start_s)} – {clock(moment.end_s)}" if moment else ""
    table.add_row(where, Text(before + found.track.shown_name), f"{found.similarity:6.3f}", Text(reason, style="dim"))


def _reason(item: SearchItem) -> str:
    return ", ".join(f"{label.label} {label.probability:.0%}" for label in item.labels[:_MOST_LABELS])
