"""Writes a model's card, from its manifest alone."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from phonoscope.catalogue import SEPARATION
from phonoscope_training.pages import page
from phonoscope_training.separation.card import separation_card

mpl.use("agg")
_MANY_LABELS = 20
_Z = 1.96
"""The normal distribution has 95 % within so many standard deviations."""


def write_card(manifest: dict[str, Any], folder: Path) -> None:
    """Writes ``<name>.md``, and for a classifier ``<name>-confusion.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{manifest['name']}.md").write_text(model_card(manifest), encoding="utf-8")
    if manifest["kind"] == SEPARATION:
        return
    draw_confusion(manifest["metrics"]["cross_validation"]["confusion"], manifest["labels"]).savefig(
        folder / f"{manifest['name']}-confusion.png", metadata={"Software": None}
    )


def model_card(manifest: dict[str, Any]) -> str:
    """The card in Markdown: what the model recognises, its figures, its data, and the limits of its figures."""
    if manifest["kind"] == SEPARATION:
        return separation_card(manifest)
    metrics, front_end = manifest["metrics"], manifest["front_end"]
    figures = metrics["cross_validation"]
    rows = [
        ("network", f"{manifest['architecture']} on {front_end['n_mels']}-band log-mel spectrograms, one channel"),
        (
            "window",
            f"{front_end['window_s']:g} s at {front_end['sample_rate_hz']:,} Hz, every {front_end['window_hop_s']:g} s",
        ),
        ("data", manifest["data"]),
        ("accuracy, out of fold", f"**{figures['accuracy_mean']:.1%}**{spread(figures)}"),
        ("by fold", " · ".join(f"fold {fold}: {value:.1%}" for fold, value in figures["accuracy_by_fold"].items())),
        ("macro F1", f"{figures['macro_f1']:.3f}"),
        *_calibration(metrics),
        unknown_row(metrics, manifest["unknown_below"]),
        retrieval_row(metrics),
        ("embedding", f"{manifest['embedding_dim']} numbers, the penultimate layer"),
        ("licence", manifest["licence"]),
        ("weights", f"{manifest['weights']['dtype']} safetensors, SHA-256 `{manifest['weights']['sha256']}`"),
    ]
    name = manifest["name"]
    figures_shown = [
        "## By label, out of fold",
        "",
        *by_label(metrics, manifest["labels"]),
        "",
        f"![Confusion matrix: a row is the truth, a column the answer]({name}-confusion.png)",
    ]
    return page(manifest, f"Recognises {manifest['kind']}: {', '.join(manifest['labels'])}.", rows, figures_shown)


def draw_confusion(confusion: list[list[int]], labels: list[str]) -> Figure:
    """Draws a confusion matrix: rows are the truth, columns the answers, shades the share of the row."""
    size = 3.0 + 0.22 * len(labels) if len(labels) > _MANY_LABELS else 3.0 + 0.45 * len(labels)
    figure = Figure(figsize=(size, size), dpi=100, layout="constrained")
    axes = figure.subplots()
    shares = [[count / max(1, sum(row)) for count in row] for row in confusion]
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    for row, counts in enumerate(confusion):
        for column, count in enumerate(counts):
            if count:
                colour = "white" if shares[row][column] > 0.5 else "black"  # noqa: PLR2004
                axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    return figure


def spread(figures: dict[str, Any]) -> str:
    """How far the accuracy may be off, as text: the folds' standard deviation, or of one fold Wilson's 95 % interval.

    >>> spread({"accuracy_mean": 1.0, "accuracy_sd": None, "recordings": 80})
    ' (95.4% to 100.0%, from 80 recordings)'
    """
    if figures["accuracy_sd"] is not None:
        return f" ± {figures['accuracy_sd']:.1%}"
    share, count = figures["accuracy_mean"], figures["recordings"]
    middle, width = share + _Z**2 / (2 * count), _Z * sqrt(share * (1 - share) / count + (_Z / (2 * count)) ** 2)
    low, high = ((middle + side) / (1 + _Z**2 / count) for side in (-width, width))
    return f" ({low:.1%} to {high:.1%}, from {count} recordings)"


def _calibration(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    figures = metrics["calibration"]
    value = (
        f"expected error {figures['ece_before']:.3f}, {figures['ece_after']:.3f} after scaling by the temperature "
        f"{figures['temperature']:g}, which the served weights contain"
    )
    return [("calibration", value)]


def retrieval_row(metrics: dict[str, Any]) -> tuple[str, str]:
    """The card's row on the neighbours of recordings."""
    figures = metrics["retrieval"]
    if not figures:
        return ("retrieval", "not measured: no fold has two recordings of one label from different sources")
    return ("retrieval", f"mAP {figures['map']:.3f}, precision at 5 {figures['precision_at_5']:.3f}")


def by_label(metrics: dict[str, Any], labels: list[str]) -> list[str]:
    """A table in Markdown: the recall of each label, and the precision of its recordings' neighbours."""
    recall = metrics["cross_validation"]["recall_by_label"]
    neighbours = metrics["retrieval"].get("precision_at_5_by_label", {})
    rows = [
        f"| {label} | {recall[label]:.1%} | {f'{neighbours[label]:.1%}' if label in neighbours else ''} |"
        for label in labels
    ]
    return ["| label | recall | precision at 5 of its neighbours |", "| --- | ---: | ---: |", *rows]


def unknown_row(metrics: dict[str, Any], below: float) -> tuple[str, str]:
    """The card's row on the threshold of the unknown, and on the strangers that it rejects."""
    figures = metrics["unknown"]
    value = f"below {below:.3f}, which keeps {figures['known_kept']:.0%} of the known recordings"
    if "strangers" in figures:
        value += f" and rejects {figures['strangers_rejected']:.1%} of {figures['strangers']:,} of none of its labels"
    return ("unknown", value)
