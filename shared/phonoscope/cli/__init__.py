"""The ``phonoscope`` command."""

from __future__ import annotations

import sys

from rich.console import Console

from phonoscope.cli.app import app
from phonoscope.errors import PhonoscopeError


def main() -> None:
    """Runs the command line; a known error ends it with one sentence and exit status 1."""
    try:
        app()
    except PhonoscopeError as error:
        Console(stderr=True).print(f"[bold red]{error.title}[/]: {error.detail}", highlight=False, soft_wrap=True)
        sys.exit(1)
