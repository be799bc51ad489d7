"""The ``phonoscope`` command."""

from __future__ import annotations

import sys

import typer

from phonoscope.errors import PhonoscopeError


def main() -> None:
    """Runs the command line."""
    from phonoscope.cli.app import app

    run(app)


def run(app: typer.Typer) -> None:
    """A known error ends a command with one sentence and exit status 1."""
    try:
        app()
    except PhonoscopeError as error:
        from rich.console import Console
        from rich.markup import escape

        said = f"[bold red]{escape(error.title)}[/]: {escape(error.detail)}"
        Console(stderr=True).print(said, highlight=False, soft_wrap=True)
        sys.exit(1)
