"""Runs a command line and reports its errors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import TextIOWrapper

import typer

from phonoscope.errors import PackageAbsent, PhonoscopeError
from phonoscope.errors.base import not_installed

_STORES = frozenset({"alembic", "celery", "minio", "numpy", "pgvector", "psycopg2", "pyrage", "redis", "sqlalchemy"})
_OURS = "phonoscope"


def run(load: Callable[[], typer.Typer]) -> None:
    """Runs a command; a known error, and a package that is missing, end it with one sentence and exit status 1.

    What the terminal's encoding lacks, and bytes of file names that are no text, are printed as escapes.

    Args:
        load: imports the commands.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        load()()
    except PhonoscopeError as error:
        _end(error)
    except ModuleNotFoundError as error:
        package = (error.name or _OURS).partition(".")[0]
        if package.startswith(_OURS):
            raise
        _end(PackageAbsent(not_installed(package, "stores" if package in _STORES else "local")))


def _end(error: PhonoscopeError) -> None:
    from rich.console import Console
    from rich.markup import escape

    message = f"[bold red]{escape(error.title)}[/]: {escape(error.detail)}"
    Console(stderr=True).print(message, highlight=False, soft_wrap=True)
    sys.exit(1)
