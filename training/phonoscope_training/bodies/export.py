"""Exports a finished run as a body's folder: ``manifest.json`` and ``weights.safetensors``, with its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from phonoscope.catalogue import BODY
from phonoscope_ml.networks import EMBEDDING_DIM
from phonoscope_training.bodies.fit import interpolated
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.bodies.run import FINAL
from phonoscope_training.errors import InvalidRun
from phonoscope_training.export import next_version, write_model
from phonoscope_training.folder import ENVIRONMENT, METRICS, RECIPE, WEIGHTS
from phonoscope_training.pages import page


def export_body(run: Path, folder: Path, published: dict[str, Tensor]) -> dict[str, Any]:
    """Writes the body's folder from a run's final weights, at the share that was best on the held-out fold.

    In the held-out fold's folder of the run, ``models/<name>`` is the same body trained without that fold: heads are
    scored on it, since the final one has heard all recordings.

    Args:
        published: the weights that the run started from.

    Returns:
        The manifest.

    Raises:
        InvalidRun: the run lacks its final weights or its metrics.
    """
    for needed in (run / FINAL / WEIGHTS, run / METRICS):
        if not needed.exists():
            raise InvalidRun(f"{needed} does not exist: the run is not finished")
    recipe, metrics = BodyRecipe.read(run / RECIPE), json.loads((run / METRICS).read_text(encoding="utf-8"))
    share = best_share(metrics)
    manifest = {
        "name": folder.name,
        "version": next_version(folder),
        "kind": BODY,
        "architecture": recipe.architecture,
        "arguments": recipe.arguments,
        "embedding_dim": EMBEDDING_DIM,
        "front_end": recipe.front_end.as_dict(),
        "metrics": metrics | {"share": share},
        "data": recipe.card.data,
        "licence": recipe.card.licence,
        "limits": recipe.card.limits,
        "recipe": recipe.model_dump(mode="json", exclude={"front_end", "card"}),
        "environment": json.loads((run / ENVIRONMENT).read_text(encoding="utf-8")),
    }
    held_out = run / f"fold-{metrics['fold']}"
    _write(interpolated(published, load_file(held_out / WEIGHTS), share), manifest, held_out / "models" / folder.name)
    return _write(interpolated(published, load_file(run / FINAL / WEIGHTS), share), manifest, folder)


def _write(weights: dict[str, Tensor], manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    # One-dimensional tensors hold batch variances, some below the least number of float16.
    compact = {name: value.half() if value.dim() > 1 else value for name, value in weights.items()}
    return write_model(compact, manifest, folder)


def best_share(metrics: dict[str, Any]) -> float:
    """The share above 0 with the best mean accuracy over the sets, each with its best decay; of equal ones the larger.

    >>> scores = {"0": {"1": {"a": 1.0}}, "0.5": {"1": {"a": 0.9}}, "1": {"1": {"a": 0.8}, "2": {"a": 0.9}}}
    >>> best_share({"shares": scores})
    1.0
    """
    scores = {
        float(share): max(sum(sets.values()) / len(sets) for sets in decays.values())
        for share, decays in metrics["shares"].items()
        if float(share) > 0.0
    }
    return max(scores, key=lambda share: (scores[share], share))


def write_body_card(manifest: dict[str, Any], folder: Path) -> None:
    """Writes ``<name>.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{manifest['name']}.md").write_text(body_card(manifest), encoding="utf-8")


def body_card(manifest: dict[str, Any]) -> str:
    """The card in Markdown: what the body is, its data, and what heads on each share of its weights reached."""
    metrics, front_end = manifest["metrics"], manifest["front_end"]
    rows = [
        ("network", f"{manifest['architecture']} on {front_end['n_mels']}-band log-mel spectrograms, one channel"),
        ("window", f"{front_end['window_s']:g} s at {front_end['sample_rate_hz']:,} Hz"),
        ("embedding", f"{manifest['embedding_dim']} numbers, the penultimate layer"),
        ("tuned share of the weights", f"{metrics['share']:g}"),
        ("data", manifest["data"]),
        ("licence", manifest["licence"]),
        ("weights", f"{manifest['weights']['dtype']} safetensors, SHA-256 `{manifest['weights']['sha256']}`"),
    ]
    summary = "A body: it hears, and heads name what it heard."
    figures = [f"## Linear heads on fold {metrics['fold']}, by share of the tuned weights", "", *_scores(metrics)]
    return page(manifest, summary, rows, figures)


def _scores(metrics: dict[str, Any]) -> list[str]:
    sets = list(next(iter(next(iter(metrics["shares"].values())).values())))
    rows = [
        f"| {share} | {decay} | {' | '.join(f'{scores[name]:.1%}' for name in sets)} |"
        for share, decays in metrics["shares"].items()
        for decay, scores in decays.items()
    ]
    return [f"| share | decay | {' | '.join(sets)} |", f"| ---: | ---: |{' ---: |' * len(sets)}", *rows]
