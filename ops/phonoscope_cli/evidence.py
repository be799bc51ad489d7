"""Prints the evidence for a label."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from phonoscope.tasks.explain import ExplainResult, Trust
from phonoscope_cli.tables import clock, plain_table, share_bar


def print_evidence(console: Console, result: ExplainResult) -> None:
    """Prints where in the spectrum the evidence lies, its reading as a sentence, and how far to trust it.

    A layer that does not tell bands apart says nothing of the spectrum: its shares only count rows.
    """
    console.print(Text(_title(result), style="bold") if result.cell_bands == 1 else _bands(result))
    console.print(f"  {result.reading}", highlight=False, markup=False)
    if result.stems is not None:
        console.print(f"  {result.stems.reading}", highlight=False, markup=False)
    if result.trust is not None:
        console.print(f"  {_trust(result.trust)}", style="dim", highlight=False, markup=False)


def _title(result: ExplainResult) -> str:
    of = f", {clock(result.start_s)} – {clock(result.end_s)}" if result.stretch else ""
    return f"why {result.label} ({result.method}, {result.layer}{of})"


def _bands(result: ExplainResult) -> Table:
    table = plain_table(_title(result))
    for band in result.bands:
        upper = f"{band.high_hz:g} Hz" if band.high_hz is not None else "up"
        span = f"{band.low_hz:g} – {upper}"
        table.add_row(Text(band.name), span, share_bar(band.share, "dim"), f"{band.share:6.1%}")
    return table


def _trust(trust: Trust) -> str:
    return (
        f"trust: deletion {trust.deletion:.2f} (random {trust.random_deletion:.2f}, lower is better), "
        f"insertion {trust.insertion:.2f} (random {trust.random_insertion:.2f}, higher is better), "
        f"under a random last block {trust.randomised:.2f} (near 0 is better)"
    )
