"""What the demo shows besides the analyses: every recording in a line, and what the models know."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from phonoscope.client import Client
from phonoscope.contract import Job, ModelCard
from phonoscope.states import Status, TaskName


def print_card(console: Console, card: ModelCard) -> None:
    """A model's name, how often it is right, and every label it has."""
    accuracy = card.metrics.get("cross_validation", {}).get("accuracy_mean")
    figure = f" ({accuracy:.0%} right, out of fold)" if accuracy is not None else ""
    console.print(f"\n{card.name}{figure} knows nothing but: {', '.join(card.labels)}.", style="dim", highlight=False)


def listeners(jobs: list[Job]) -> list[str]:
    """The models that classified, by name."""
    results = [task.result for job in jobs for task in job.tasks if task.name is TaskName.CLASSIFY and task.result]
    return sorted({result["model"]["name"] for result in results})


def overview(client: Client, jobs: list[Job]) -> Table:
    """What was heard in each recording, and which other is nearest."""
    table = Table("recording", "what it hears", "", "first neighbour", "", box=None, pad_edge=False, padding=(0, 2))
    for job in jobs:
        track = client.track(job.recording)
        if job.status is not Status.SUCCEEDED:
            table.add_row(escape(track.filename), f"[red]{job.status}[/]")
            continue
        result = job.task(TaskName.CLASSIFY).result or {}
        best = result["top"][0]
        label = escape(best["label"])
        heard = f"[dim]unknown ({label}?)[/]" if result["unknown"] else label
        nearest = client.similar(job.recording, limit=1)
        twin = (escape(nearest[0].track.filename), f"{nearest[0].similarity:.3f}") if nearest else ("", "")
        table.add_row(escape(track.filename), heard, f"{best['probability']:.0%}", *twin)
    return table
