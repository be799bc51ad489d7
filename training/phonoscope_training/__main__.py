"""The ``phonoscope-train`` command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phonoscope.commands import run

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Runs the command line."""
    run(_app)


def _app() -> typer.Typer:
    from phonoscope_training.cli import app

    return app


if __name__ == "__main__":
    main()
