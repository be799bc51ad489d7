"""What every model's card looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def page(manifest: dict[str, Any], summary: str, rows: Sequence[tuple[str, str]], figures: Sequence[str]) -> str:
    """Markdown: what the model does, a table of facts, its limits, and the lines of its figures.

    Args:
        rows: what stands above what every card ends with: the machine that it was made on.
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
