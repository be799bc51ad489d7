"""Runs a command line and reports its errors."""

from __future__ import annotations

import sys
from io import TextIOWrapper

import typer

from phonoscope.errors import PhonoscopeError


def run(app: typer.Typer) -> None:
    """Runs a command; a known error ends it with one sentence and exit status 1.

    What the terminal's encoding lacks, and bytes of file names that are no text, are printed as escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except PhonoscopeError as error:
        from rich.console import Console
        from rich.markup import escape

        message = f"[bold red]{escape(error.title)}[/]: {escape(error.detail)}"
        Console(stderr=True).print(message, highlight=False, soft_wrap=True)
        sys.exit(1)
