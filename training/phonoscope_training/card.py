"""A model's card for people, written from its manifest and from nothing else."""

from __future__ import annotations

from typing import Any


def model_card(manifest: dict[str, Any]) -> str:
    """Markdown: what the model knows, how well, from what data, and what its figures are not."""
    figures, front_end = manifest["metrics"]["cross_validation"], manifest["front_end"]
    folds = " · ".join(f"fold {fold}: {value:.1%}" for fold, value in figures["accuracy_by_fold"].items())
    lines = [
        f"# {manifest['name']}",
        "",
        f"Recognises {manifest['kind']}: {', '.join(manifest['labels'])}.",
        "",
        "| | |",
        "| --- | --- |",
        f"| network | {manifest['architecture']} on {front_end['n_mels']}-band log-mel pictures, one channel |",
        (
            f"| window | {front_end['window_s']:g} s at {front_end['sample_rate_hz']:,} Hz, every "
            f"{front_end['window_hop_s']:g} s |"
        ),
        f"| data | {manifest['data']} |",
        f"| accuracy, out of fold | **{figures['accuracy_mean']:.1%}** ± {figures['accuracy_sd']:.1%} |",
        f"| by fold | {folds} |",
        f"| macro F1 | {figures['macro_f1']:.3f} |",
        f"| unknown below | {manifest['unknown_below']:.3f} |",
        f"| embedding | {manifest['embedding_dim']} numbers, the penultimate layer |",
        f"| licence | {manifest['licence']} |",
        f"| weights | {manifest['weights']['dtype']} safetensors, SHA-256 `{manifest['weights']['sha256']}` |",
        "",
        "## Recall by label, out of fold",
        "",
        "| label | recall |",
        "| --- | ---: |",
        *(f"| {label} | {value:.1%} |" for label, value in figures["recall_by_label"].items()),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in manifest["limits"]),
        "",
        "## Make it again",
        "",
        "```",
        ".venv/bin/python -m phonoscope_training",
        "```",
        "",
        "It reads ESC-10 from `PHONOSCOPE_DATA/esc10`, cross-validates, then fits the shipped weights on all folds. A",
        "stopped run goes on with the folds still to do.",
        "",
    ]
    return "\n".join(lines)
