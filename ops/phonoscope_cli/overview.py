"""The demo's overview: a line for each recording, and the models' labels and figures."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from phonoscope.client import Client
from phonoscope.contract import AnyModelCard, Job, StemModelCard
from phonoscope.states import Status
from phonoscope.tasks import Classify, Embed
from phonoscope.tasks.classify import ClassifyResult


def print_card(console: Console, card: AnyModelCard) -> None:
    """Prints a model's name, its figure of quality, and its labels or stems."""
    figure, known = _described(card)
    measured = f" ({figure})" if figure else ""
    console.print(f"\n{card.name}{measured} {known}.", style="dim", highlight=False)


def classifying_models(jobs: list[Job]) -> list[str]:
    """The names of the models that answered."""
    results = [task.result for job in jobs for task in job.tasks]
    classified = [result for result in results if isinstance(result, ClassifyResult)]
    names = {result.model.name for result in classified}
    return sorted(names | {answer.model.name for result in classified for answer in result.answers})


def overview(client: Client, jobs: list[Job]) -> Table:
    """A table of each recording's kind of sound, its label and its nearest neighbour."""
    table = Table(
        "recording", "kind", "what it hears", "", "first neighbour", "", box=None, pad_edge=False, padding=(0, 2)
    )
    for job in jobs:
        track = client.track(job.recording)
        if job.status is not Status.SUCCEEDED:
            table.add_row(escape(track.shown_name), "", f"[red]{job.status}[/]")
            continue
        result = job.result(Classify)
        best = result.top[0]
        label = escape(best.label)
        heard = f"[dim]unknown ({label}?)[/]" if result.unknown else label
        nearest = [] if job.result(Embed).silent else client.similar(job.recording, limit=1)
        twin = (escape(nearest[0].track.shown_name), f"{nearest[0].similarity:.3f}") if nearest else ("", "")
        table.add_row(escape(track.shown_name), result.kind or "", heard, f"{best.probability:.0%}", *twin)
    return table


def _described(card: AnyModelCard) -> tuple[str, str]:
    if isinstance(card, StemModelCard):
        gained = card.metrics.get("improvement_of_all")
        figure = f"{gained:.1f} dB better than the mixture on held-out songs" if gained is not None else ""
        return figure, f"separates music into: {', '.join(card.sources)}"
    accuracy = card.metrics.get("cross_validation", {}).get("accuracy_mean")
    figure = f"{accuracy:.0%} right, out of fold" if accuracy is not None else ""
    return figure, f"labels: {', '.join(card.labels)}"
