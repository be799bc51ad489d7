"""All commands. Heavy modules are imported inside them, so that ``--help`` stays quick."""

from __future__ import annotations

from typing import Annotated

import typer

from phonoscope_cli.analyze import analyze
from phonoscope_cli.backups import backup, backup_key, restore
from phonoscope_cli.classifiers import classifiers
from phonoscope_cli.collections import collections
from phonoscope_cli.demo import demo
from phonoscope_cli.doctor import doctor
from phonoscope_cli.keys import keys
from phonoscope_cli.labels import labels
from phonoscope_cli.migrate import migrate
from phonoscope_cli.models import models
from phonoscope_cli.search import search
from phonoscope_cli.sessions import sessions
from phonoscope_cli.spaces import spaces, vectors
from phonoscope_cli.stack import down, up
from phonoscope_cli.teach import teach
from phonoscope_cli.top import top
from phonoscope_cli.tracks import tracks
from phonoscope_cli.uploads import uploads
from phonoscope_cli.usage import audit, usage
from phonoscope_cli.webhooks import webhooks

app = typer.Typer(
    name="phonoscope",
    help="Listens to audio and shows its work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        from phonoscope import __version__

        typer.echo(f"phonoscope {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Takes what is asked of no command."""


app.command()(up)
app.command()(down)
app.command()(demo)
app.command()(analyze)
app.command()(search)
app.command()(teach)
app.add_typer(classifiers, name="classifiers")
app.add_typer(collections, name="collections")
app.add_typer(keys, name="keys")
app.add_typer(labels, name="labels")
app.add_typer(models, name="models")
app.add_typer(sessions, name="sessions")
app.add_typer(spaces, name="spaces")
app.command()(vectors)
app.add_typer(tracks, name="tracks")
app.add_typer(uploads, name="uploads")
app.add_typer(webhooks, name="webhooks")
app.command()(usage)
app.command()(audit)
app.command()(top)
app.command()(doctor)
app.command()(backup)
app.command()(restore)
app.command()(backup_key)
app.command(hidden=True)(migrate)
