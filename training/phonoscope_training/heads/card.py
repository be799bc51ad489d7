"""The card of a head: its figures on each choice of bodies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phonoscope_training.card import by_label, draw_confusion, retrieval_row, spread, unknown_row
from phonoscope_training.pages import page


def write_head_card(manifest: dict[str, Any], folder: Path) -> None:
    """Writes ``<name>.md`` and a picture of the confusions on each choice of bodies."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{manifest['name']}.md").write_text(head_card(manifest), encoding="utf-8")
    for choice in manifest["on"]:
        picture = draw_confusion(choice["metrics"]["cross_validation"]["confusion"], manifest["labels"])
        picture.savefig(folder / _picture(manifest, choice), metadata={"Software": None})


def head_card(manifest: dict[str, Any]) -> str:
    """The card in Markdown: what the head tells apart, its data, and its figures on each choice of bodies."""
    kinds = {
        "softmax": "one label at a time",
        "softmax-none": "one label at a time, or none of them",
    }
    rows = [
        ("head", f"a linear layer, {kinds[manifest['activation']]}"),
        ("bodies", ", else ".join(f"`{_bodies(choice)}`" for choice in manifest["on"])),
        ("data", manifest["data"]),
        ("licence", manifest["licence"]),
    ]
    figures = [line for choice in manifest["on"] for line in _figures(manifest, choice)]
    return page(manifest, f"Recognises {manifest['kind']}: {', '.join(manifest['labels'])}.", rows, figures)


def _figures(manifest: dict[str, Any], choice: dict[str, Any]) -> list[str]:
    metrics = choice["metrics"]
    figures, calibration = metrics["cross_validation"], metrics["calibration"]
    fold = metrics["trained_without"]
    rows = [
        *(
            [("scored", f"on fold {fold}, by a body that was trained without it; the served one was on all")]
            if fold
            else []
        ),
        ("accuracy, out of fold", f"**{figures['accuracy_mean']:.1%}**{spread(figures)}"),
        ("by set", " · ".join(f"{name}: {value:.1%}" for name, value in metrics["accuracy_by_set"].items())),
        ("by fold", " · ".join(f"fold {fold}: {value:.1%}" for fold, value in figures["accuracy_by_fold"].items())),
        ("macro F1", f"{figures['macro_f1']:.3f}"),
        ("calibration error", f"{calibration['ece_before']:.3f}, {calibration['ece_after']:.3f} after scaling"),
        ("temperature", f"{choice['temperature']:g}"),
        _unknown(metrics, choice["thresholds"][0]),
        retrieval_row(metrics),
        ("weights", f"{choice['weights']['dtype']} safetensors, SHA-256 `{choice['weights']['sha256']}`"),
    ]
    return [
        f"## On {_bodies(choice)}",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        *by_label(metrics, manifest["labels"]),
        "",
        *_answers(metrics, manifest["labels"]),
        f"![Confusion matrix: a row is the truth, a column the answer]({_picture(manifest, choice)})",
        "",
    ]


def _unknown(metrics: dict[str, Any], below: float) -> tuple[str, str]:
    return unknown_row(metrics, below) if below else ("unknown", "nothing: every recording has one of the labels")


def _answers(metrics: dict[str, Any], labels: list[str]) -> list[str]:
    """What it answers for recordings of each set; nothing where the recipe has no checks."""
    if "answers_by_set" not in metrics:
        return []
    rows = [
        f"| {row['set']}{', only scored' if row.get('only_scored') else ''} | {row['recordings']:,} | "
        f"{' | '.join(f'{share:.1%}' for share in row['answers'])} |"
        for row in metrics["answers_by_set"]
    ]
    return [
        "What it answers for each set: those that are taught out of fold, the others as it is served:",
        "",
        f"| set | recordings | {' | '.join(labels)} |",
        f"| --- | ---: |{' ---: |' * len(labels)}",
        *rows,
        "",
    ]


def _bodies(choice: dict[str, Any]) -> str:
    return " and ".join(body["name"] for body in choice["bodies"])


def _picture(manifest: dict[str, Any], choice: dict[str, Any]) -> str:
    return "-".join([manifest["name"], *(body["name"] for body in choice["bodies"]), "confusion.png"])
