"""The layout that all models' cards share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def page(manifest: dict[str, Any], summary: str, rows: Sequence[tuple[str, str]], figures: Sequence[str]) -> str:
    """The card in Markdown: a summary, a table of facts, the model's limits, and the lines of its figures.

    Args:
        rows: the table's rows; a last one, the environment that the model was made in, is added.
    """
    made_on = ", ".join(f"{name} {value}" for name, value in manifest["environment"].items())
    lines = [
        f"# {manifest['name']}",
        "",
        summary,
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in (*rows, ("made on", made_on))),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in manifest["limits"]),
        "",
        *figures,
        "",
        "How to read these figures, and how to make the model again: [training](../training.md).",
        "",
    ]
    return "\n".join(lines)
