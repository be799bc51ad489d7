"""Where commands find the service: in options, the environment or the local stack's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonoscope.errors import StackError
from phonoscope_local.state import default_data_dir, read_credentials, stack_settings

if TYPE_CHECKING:
    from phonoscope.client import Client
    from phonoscope.db.access.engine import Database
    from phonoscope.settings import Settings

UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="PHONOSCOPE_URL", help="The gateway's address; by default the local stack's."),
]
KeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar="PHONOSCOPE_API_KEY", help="An API key; by default the local stack's.")
]
DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help="The local stack's folder.")]


def connect(url: str | None, api_key: str | None, data_dir: Path | None) -> Client:
    """A client for the gateway that the options name, or for the local stack. Raises ``StackError`` without one."""
    from phonoscope.client import Client

    if url is not None and api_key is not None:
        return Client(url, api_key)
    credentials = read_credentials(data_dir)
    if credentials is None:
        folder = data_dir or default_data_dir()
        raise StackError(f"no stack has run in {folder}: `phonoscope up --detach`, or give --url and --api-key")
    return Client(url or credentials.url, api_key or credentials.api_key)


def admin_settings(data_dir: Path | None) -> Settings:
    """The servers' settings: the environment's where it has them and no folder is named, else the local stack's.

    Raises ``StackError`` when there is neither.
    """
    from phonoscope.settings import get_settings

    if data_dir is None and "PHONOSCOPE_DATABASE_URL" in os.environ:
        return get_settings()
    return stack_settings(data_dir)


@contextmanager
def admin_database(data_dir: Path | None) -> Iterator[Database]:
    """The servers' database, for the operator. Raises ``StackError`` as ``admin_settings`` does."""
    from phonoscope.db.access.engine import Database

    database = Database(admin_settings(data_dir).database_url.get_secret_value(), pool_size=1)
    try:
        yield database
    finally:
        database.close()
