"""Small separation models with random weights."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

SOURCES = ["drums", "bass", "other", "vocals"]
ARGUMENTS = {"channels": 8, "bottom_channels": 32, "t_layers": 1, "t_heads": 4}
RATE_HZ = 44_100


def network(seed: int = 1, segment: Fraction = Fraction(1, 2), **changes: Any) -> HTDemucs:
    """An untrained hybrid Demucs."""
    torch.manual_seed(seed)
    made: HTDemucs = HTDemucs(SOURCES, segment=segment, **(ARGUMENTS | changes)).eval()
    return made


def write_separator(folder: Path, *networks: HTDemucs, **changes: Any) -> Path:
    """A model's folder as the product reads it."""
    folder.mkdir(parents=True)
    weights = []
    for place, one in enumerate(networks):
        path = folder / f"weights-{place}.safetensors"
        save_file(one.state_dict(), path)
        weights.append({"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "dtype": "float32"})
    manifest = {
        "name": folder.name,
        "version": 1,
        "kind": "separation",
        "architecture": "htdemucs",
        "arguments": ARGUMENTS,
        "sources": SOURCES,
        "sample_rate_hz": RATE_HZ,
        "segment_s": "1/2",
        "metrics": {},
        "data": "none: the weights are random",
        "licence": "none",
        "limits": ["It has learned nothing."],
        "weights": weights,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder
