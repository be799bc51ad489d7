"""Prints results as tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from statistics import mean
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from phonoscope.catalogue import Kind
from phonoscope.contract import Copy, Job, Neighbour, Task, Track
from phonoscope.states import Status
from phonoscope.tasks import AnyResult
from phonoscope.tasks.classify import Answer, Asked, ClassifiedWindow, ClassifyResult, Prediction
from phonoscope.tasks.describe import DescribeResult
from phonoscope.tasks.embed import EmbedResult
from phonoscope.tasks.explain import ExplainResult
from phonoscope.tasks.separate import SeparateResult
from phonoscope_cli.evidence import print_evidence
from phonoscope_cli.stems import stems_table
from phonoscope_cli.tables import clock, plain_table, share_bar

_NAMELESS = ("silence", "unknown")


def print_analysis(console: Console, track: Track, job: Job, neighbours: Sequence[Neighbour]) -> None:
    """Prints a job's results by task, the nearest tracks and the seconds that each stage took."""
    console.print()
    channels = {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels} channels")
    console.print(Text(track.shown_name, style="bold"), end="  ")
    console.print(
        f"{clock(track.duration_s)} · {track.sample_rate_hz / 1000:g} kHz · {channels} · {track.codec}",
        style="dim",
        highlight=False,
    )
    if tags := _tags(track):
        console.print(f"  {tags}", style="dim", highlight=False, markup=False)
    if len(track.audio_tracks) > 1:
        read = track.audio_track if job.audio_track is None else job.audio_track
        console.print(f"  {_audio_tracks(track, read)}", style="dim", highlight=False, markup=False)
    if said := _said(track):
        console.print(f"  {said}", style="bold", highlight=False, markup=False)
    for warning in track.warnings:
        console.print(f"  warning: {warning}", style="yellow", highlight=False, markup=False)
    for task in job.tasks:
        _print_task(console, task)
    copies = [near for near in neighbours if near.is_copy]
    others = [near for near in neighbours if not near.is_copy]
    for title, found in (("copies of this recording", copies), ("sounds like", others)):
        if found:
            console.print(_neighbours(title, found))
    console.print(f"  {where_the_time_went(job)}", style="dim", highlight=False, markup=False)


def _tags(track: Track) -> str:
    """What the file says of itself, in a line."""
    tags = track.tags
    return " · ".join(text for text in (tags.title, tags.artist, tags.album, tags.date, tags.genre) if text)


def _said(track: Track) -> str:
    """What the owner confirmed and rejected of the whole recording, in a line."""
    states = (("confirmed by you", track.confirmed), ("rejected by you", track.rejected))
    return "; ".join(f"{state}: {', '.join(labels)}" for state, labels in states if labels)


def _audio_tracks(track: Track, read: int) -> str:
    """The audio tracks of the file, of which one is read."""
    names = [f"{one.index} {one.title or one.language or one.codec or ''}".rstrip() for one in track.audio_tracks]
    return f"audio tracks: {', '.join(names)}; number {read} is read, another one with -o audio_track=N"


def where_the_time_went(job: Job) -> str:
    """One line: the milliseconds of waiting and of each stage, by pool."""
    parts: list[str] = []
    for task in {task.pool: task for task in job.tasks}.values():
        waited = (task.started_at - job.created_at).total_seconds() if task.started_at else 0.0
        stages = ", ".join(f"{name.removesuffix('_s')} {_ms(value)}" for name, value in task.timings.items())
        parts.append(f"{task.pool} pool on {task.device}: waited {_ms(waited)}, {stages}")
    total = (job.finished_at - job.created_at).total_seconds() if job.finished_at else 0.0
    return f"{_ms(total)} from request to result ({'; '.join(parts)})"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _print_task(console: Console, task: Task) -> None:
    if task.status is not Status.SUCCEEDED or task.result is None:
        detail = (task.error or {}).get("detail", task.status)
        console.print(f"  {task.name}: {task.status}: {detail}", style="red", highlight=False, markup=False)
    else:
        _print_result(console, task.result)


def _print_result(console: Console, result: AnyResult) -> None:
    match result:
        case ClassifyResult():
            for table in _answers(result):
                console.print(table)
            if result.asked:
                console.print(_asked(result.asked))
            console.print(_timeline(result.windows))
            for warning in result.warnings:
                console.print(f"  warning: {warning}", style="yellow", highlight=False, markup=False)
        case ExplainResult():
            print_evidence(console, result)
        case SeparateResult():
            console.print(stems_table(result))
        case DescribeResult():
            console.print(_description(result))
        case EmbedResult() if result.silent:
            console.print("  silent: it sounds like nothing, and has no embedding", style="dim", highlight=False)


def _answers(result: ClassifyResult) -> list[Table]:
    """A table for each model that answered, that of the one that counts first."""
    kind = f": {result.kind}" if result.kind else ""
    others = (
        _labels(f"also, by {answer.model.name}", _that_count(answer), unknown=answer.unknown)
        for answer in result.answers[1:]
    )
    return [_labels(f"what it hears{kind}", result.top, unknown=result.unknown), *others]


def _labels(title: str, labels: Sequence[Prediction], *, unknown: bool) -> Table:
    table = plain_table(title + (" (unknown: none is likely enough)" if unknown else ""))
    for index, row in enumerate(labels):
        style = "bold yellow" if index == 0 and not unknown else ""
        bar = share_bar(row.probability, style or "dim")
        table.add_row(Text(row.label, style=style), bar, f"{row.probability:6.1%}")
    return table


def _asked(asked: Asked) -> Table:
    """The labels that were asked for; those that no model's label is near to in grey."""
    table = plain_table(f"what you asked for, by {asked.way}")
    for row in asked.top:
        style = "dim" if row.label in asked.missing else ""
        taken = ", ".join(by.label for by in row.by[:3]) or ("no label is near" if row.label in asked.missing else "")
        table.add_row(Text(row.label, style=style), f"{row.score:6.2f}", Text(taken, style="dim"))
    return table


def _that_count(answer: Answer) -> list[Prediction]:
    """Where several labels can hold at once, those that reach their thresholds; all when none does or one can hold."""
    pairs = zip(answer.top, answer.thresholds, strict=True)
    reached = [label for label, threshold in pairs if label.probability >= threshold]
    return reached if answer.several and reached else answer.top


def _timeline(windows: Sequence[ClassifiedWindow]) -> Table:
    table = plain_table("over time")
    for run in _runs(windows):
        chance = f"{run.probability:6.1%}" if run.probability else ""
        table.add_row(
            f"{clock(run.start_s)} – {clock(run.end_s)}", Text(run.label), chance, Text(run.kind, style="dim")
        )
    return table


class _Run(NamedTuple):
    """Neighbouring windows of one label and kind."""

    start_s: float
    end_s: float
    label: str
    kind: str
    probability: float


def _runs(windows: Sequence[ClassifiedWindow]) -> list[_Run]:
    """Neighbouring windows of one label as one row, with the mean probability; overlaps are split in the middle."""
    rows: list[_Run] = []
    groups = [(key, list(group)) for key, group in groupby(windows, key=_name_and_kind)]
    start_s = windows[0].start_s
    for index, ((name, kind), group) in enumerate(groups):
        end_s = group[-1].end_s
        if index + 1 < len(groups):
            end_s = (end_s + groups[index + 1][1][0].start_s) / 2
        chance = mean(window.top[0].probability for window in group) if name not in _NAMELESS else 0.0
        rows.append(_Run(start_s, end_s, name, kind, chance))
        start_s = end_s
    return rows


def _name_and_kind(window: ClassifiedWindow) -> tuple[str, str]:
    """The label of a window and what is heard there, which is empty unless kinds were told apart."""
    if window.silent or window.kind is Kind.SILENCE:
        return "silence", ""
    return "unknown" if window.unknown else window.top[0].label, window.kind or ""


def _neighbours(title: str, neighbours: Sequence[Neighbour]) -> Table:
    table = plain_table(title)
    for neighbour in neighbours:
        _add(table, neighbour)
        for copy in neighbour.copies:
            _add(table, copy, "  copy: ")
    return table


def _add(table: Table, near: Neighbour | Copy, before: str = "") -> None:
    label = (near.track.label or "unknown") + (" (confirmed)" if near.track.label_confirmed else "")
    table.add_row(Text(before + near.track.shown_name), Text(label), f"{near.similarity:6.3f}")


def _description(result: DescribeResult) -> Table:
    table = plain_table("how it sounds")
    for name, unit in (("tempo_bpm", "BPM"), ("key", ""), ("loudness_lufs", "LUFS"), ("onset_rate_hz", "onsets/s")):
        value = getattr(result, name)
        shown = "—" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
        table.add_row(name.split("_")[0], f"{shown} {unit}".strip(), _alternatives(result, name))
    if result.metre is not None:
        table.add_row("metre", result.metre, f"{result.beat_count} beats")
    if result.tuning_cents is not None:
        table.add_row("tuning", f"{result.tuning_cents:+.0f} cents")
    return table


def _alternatives(result: DescribeResult, name: str) -> str:
    """What else a tempo or a key may be."""
    if name == "tempo_bpm" and len(result.tempo_candidates) > 1:
        return "or " + ", ".join(f"{other.bpm:.0f}" for other in result.tempo_candidates[1:])
    return f"or {result.key_runner_up.name}" if name == "key" and result.key_runner_up else ""
