"""The ``phonoscope`` command."""

from __future__ import annotations

from phonoscope.commands import run


def main() -> None:
    """Runs the command line."""
    from phonoscope_cli.app import app

    run(app)
