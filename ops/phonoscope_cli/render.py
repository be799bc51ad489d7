"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from statistics import mean

from rich.console import Console
from rich.table import Table
from rich.text import Text

from phonoscope.contract import Job, Neighbour, Task, Track
from phonoscope.states import Status
from phonoscope.tasks import AnyResult
from phonoscope.tasks.classify import ClassifiedWindow, ClassifyResult
from phonoscope.tasks.describe import DescribeResult
from phonoscope.tasks.explain import ExplainResult
from phonoscope.tasks.separate import SeparateResult
from phonoscope_cli.evidence import print_evidence
from phonoscope_cli.stems import stems_table
from phonoscope_cli.tables import plain_table, share_bar

_NAMELESS = ("silence", "unknown")


def print_analysis(console: Console, track: Track, job: Job, neighbours: Sequence[Neighbour]) -> None:
    """What was heard, when, what sounds alike, and where the time went."""
    console.print()
    channels = {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels} channels")
    console.print(Text(track.filename, style="bold"), end="  ")
    console.print(
        f"{clock(track.duration_s)} · {track.sample_rate_hz / 1000:g} kHz · {channels} · {track.codec}",
        style="dim",
        highlight=False,
    )
    for warning in track.warnings:
        console.print(f"  warning: {warning}", style="yellow", highlight=False, markup=False)
    for task in job.tasks:
        _print_task(console, task)
    if neighbours:
        console.print(_neighbours(neighbours))
    console.print(f"  {where_the_time_went(job)}", style="dim", highlight=False, markup=False)


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(64.35)
    '1:04.3'
    """
    tenths = int(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def where_the_time_went(job: Job) -> str:
    """One line: waiting, then each stage of the pools' passes, in milliseconds."""
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
            console.print(_labels(result))
            console.print(_timeline(result.windows))
            for warning in result.warnings:
                console.print(f"  warning: {warning}", style="yellow", highlight=False, markup=False)
        case ExplainResult():
            print_evidence(console, result)
        case SeparateResult():
            console.print(stems_table(result))
        case DescribeResult():
            console.print(_description(result))


def _labels(result: ClassifyResult) -> Table:
    table = plain_table("what it hears" + (" (unknown: none is likely enough)" if result.unknown else ""))
    for index, row in enumerate(result.top):
        style = "bold yellow" if index == 0 and not result.unknown else ""
        bar = share_bar(row.probability, style or "dim")
        table.add_row(Text(row.label, style=style), bar, f"{row.probability:6.1%}")
    return table


def _timeline(windows: Sequence[ClassifiedWindow]) -> Table:
    table = plain_table("over time")
    for start_s, end_s, label, probability in _runs(windows):
        table.add_row(f"{clock(start_s)} – {clock(end_s)}", Text(label), f"{probability:6.1%}" if probability else "")
    return table


def _runs(windows: Sequence[ClassifiedWindow]) -> list[tuple[float, float, str, float]]:
    """Neighbouring windows of one label as one row, with the mean probability; overlaps are parted in the middle."""
    rows: list[tuple[float, float, str, float]] = []
    groups = [(name, list(group)) for name, group in groupby(windows, key=_window_name)]
    start_s = windows[0].start_s
    for index, (name, group) in enumerate(groups):
        end_s = group[-1].end_s
        if index + 1 < len(groups):
            end_s = (end_s + groups[index + 1][1][0].start_s) / 2
        chance = mean(window.top[0].probability for window in group) if name not in _NAMELESS else 0.0
        rows.append((start_s, end_s, name, chance))
        start_s = end_s
    return rows


def _window_name(window: ClassifiedWindow) -> str:
    if window.silent:
        return "silence"
    return "unknown" if window.unknown else window.top[0].label


def _neighbours(neighbours: Sequence[Neighbour]) -> Table:
    table = plain_table("sounds like")
    for neighbour in neighbours:
        label = neighbour.track.label or "unknown"
        table.add_row(Text(neighbour.track.filename), Text(label), f"{neighbour.similarity:6.3f}")
    return table


def _description(result: DescribeResult) -> Table:
    table = plain_table("how it sounds")
    for name, unit in (("tempo_bpm", "BPM"), ("key", ""), ("loudness_lufs", "LUFS"), ("onset_rate_hz", "onsets/s")):
        value = getattr(result, name)
        shown = "—" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
        table.add_row(name.split("_")[0], f"{shown} {unit}".strip())
    return table
