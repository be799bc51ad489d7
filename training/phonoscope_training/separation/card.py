"""Writes a separation model's card, from its manifest alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from phonoscope_training.pages import page

_FIGURES = {
    "sdr_median": "median SDR",
    "sdr_mean": "mean SDR",
    "improvement": "improvement over the mixture",
}

_HOW_MEASURED = (
    "SDR is 10 log10(|s|² / |s − e|²). The median is over songs of the median over seconds, as museval has it, whose "
    "own SDR also forgives what a short filter would mend. What is silent in a song is not counted."
)


def separation_card(manifest: dict[str, Any]) -> str:
    """The card in Markdown: the stems, the figures, the data, and the limits of the figures."""
    metrics, sources = manifest["metrics"], manifest["sources"]
    epochs = manifest["recipe"]["schedule"]["epochs"]
    rows = [
        ("network", f"{manifest['architecture']}, {manifest['parameters'] / 1e6:.1f} million parameters"),
        ("window", f"{float(Fraction(manifest['segment_s'])):g} s of stereo at {manifest['sample_rate_hz']:,} Hz"),
        ("data", manifest["data"]),
        ("learned from", f"{metrics['songs_learned']} songs, {metrics['epochs']} of {epochs} epochs"),
        ("improvement", f"**{metrics['improvement_of_all']:.1f} dB** over taking the mixture for each stem"),
        ("of which silence alone", f"{metrics['improvement_of_all'] - metrics['sdr_mean_of_all']:.1f} dB"),
        ("median SDR", f"{metrics['sdr_median_of_all']:.1f} dB, the mean over the stems"),
        ("licence", manifest["licence"]),
        *(("weights", f"{file['dtype']} safetensors, SHA-256 `{file['sha256']}`") for file in manifest["weights"]),
    ]
    figures = [
        "## By stem, on songs it has not learned from",
        "",
        f"| dB | {' | '.join(sources)} | mean |",
        f"| --- |{' ---: |' * (len(sources) + 1)}",
        *(_row(name, title, manifest) for name, title in _FIGURES.items()),
        f"| songs in which it is heard | {' | '.join(str(metrics['songs_heard'][source]) for source in sources)} | |",
        "",
        _HOW_MEASURED,
        "",
        f"Held out, by the artists' names alone: {'; '.join(metrics['songs_held_out'])}.",
    ]
    return page(manifest, f"Takes music apart into {', '.join(sources[:-1])} and {sources[-1]}.", rows, figures)


def _row(name: str, title: str, manifest: dict[str, Any]) -> str:
    figures = manifest["metrics"]
    cells = [f"{figures[name][source]:.1f}" if source in figures[name] else "" for source in manifest["sources"]]
    return f"| {title} | {' | '.join(cells)} | {figures[f'{name}_of_all']:.1f} |"
