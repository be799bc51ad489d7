"""``phonoscope webhooks``: manages webhooks and their deliveries; has a receiver to try them with."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonoscope.contract import JOB_EVENTS, DeliveryStatus, EventType
from phonoscope_cli.connection import DataDirOption, KeyOption, UrlOption, connect

if TYPE_CHECKING:
    from phonoscope.contract import Delivery

webhooks = typer.Typer(help="Manage webhooks.", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id: whk_…")]
EventsOption = Annotated[
    list[EventType] | None, typer.Option("--event", help="Type of event to receive, can be repeated; by default all.")
]


@webhooks.command()
def create(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The URL that receives the events.")],
    events: EventsOption = None,
    description: Annotated[str, typer.Option(help="A note of your own.")] = "",
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Makes a webhook for an address; prints its id and, once only, its secret."""
    with connect(url, api_key, data_dir) as client:
        made = client.create_webhook(address, events or JOB_EVENTS, description)
    typer.echo(f"{made.id}\n{made.secret}")


@webhooks.command("list")
def list_(url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None) -> None:
    """Lists your webhooks."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with connect(url, api_key, data_dir) as client:
        rows = client.webhooks(limit=100).items
    table = Table("id", "address", "events", "description", "state")
    for row in rows:
        state = "on" if row.enabled else f"off ({row.disabled_because})"
        if row.enabled and row.failing_since:
            state = f"failing since {row.failing_since:%Y-%m-%d %H:%M}"
        table.add_row(row.id, Text(row.url), ", ".join(row.events), Text(row.description), state)
    Console().print(table)


@webhooks.command()
def delete(
    webhook_id: IdArgument, url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Deletes a webhook and its deliveries."""
    with connect(url, api_key, data_dir) as client:
        client.delete_webhook(webhook_id)
    typer.echo(f"{webhook_id} is deleted")


@webhooks.command()
def deliveries(
    webhook_id: IdArgument,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only deliveries with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Lists deliveries to a webhook, newest first, with the result of the last attempt."""
    from rich.console import Console
    from rich.table import Table

    filters: dict[str, str | int] = {"limit": limit} | ({"status": status.value} if status else {})
    with connect(url, api_key, data_dir) as client:
        rows = client.deliveries(webhook_id, **filters).items
    table = Table("id", "event", "status", "attempts", "the last", "next attempt")
    for row in rows:
        then = f"{row.next_attempt_at:%Y-%m-%d %H:%M:%S}" if row.next_attempt_at else ""
        table.add_row(row.id, row.event_type, row.status, str(len(row.attempts)), _last(row), then)
    Console().print(table)


@webhooks.command()
def redeliver(
    what: Annotated[str, typer.Argument(metavar="ID", help="A delivery (dlv_…), or with --since a webhook (whk_…).")],
    since: Annotated[datetime | None, typer.Option(help="Redeliver all events from this local time on.")] = None,
    status: Annotated[
        DeliveryStatus | None, typer.Option(help="With --since, only deliveries with this status.")
    ] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Sends an event again, or all events since a time."""
    with connect(url, api_key, data_dir) as client:
        if since is None:
            client.redeliver(what)
            typer.echo(f"{what} is due again")
        else:
            count = client.redeliver_since(what, since.astimezone(), status)
            typer.echo(f"{count} {'delivery is' if count == 1 else 'deliveries are'} due again")


@webhooks.command()
def listen(
    port: Annotated[int, typer.Option(help="Port on loopback; by default a free one.")] = 0,
    events: EventsOption = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Receives your events on this machine until Ctrl-C: verifies each and prints it as a line of JSON.

    Makes a webhook for itself and deletes it at the end. The service must be allowed to reach loopback, as the local
    stack is.
    """
    import contextlib
    import signal

    from phonoscope_cli.receiver import Receiver

    # A shell starts background processes with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)

    def print_event(event_id: str, event: dict[str, Any]) -> None:
        typer.echo(json.dumps({"id": event_id, **event}))

    with connect(url, api_key, data_dir) as client, Receiver(port, [], print_event) as receiver:
        made = client.create_webhook(receiver.url, events or JOB_EVENTS, "phonoscope webhooks listen")
        receiver.secrets.append(made.secret)
        typer.echo(f"listening at {receiver.url} as {made.id}", err=True)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                receiver.serve_forever()
        finally:
            client.delete_webhook(made.id)


def _last(row: Delivery) -> str:
    if not row.attempts:
        return ""
    last = row.attempts[-1]
    return f"{last.status_code or ''} {last.error or ''} {last.duration_s:.2f} s".strip()
