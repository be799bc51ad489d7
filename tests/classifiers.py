"""What small classifiers share: a front end that costs little, and a manifest."""

from __future__ import annotations

from typing import Any

from phonoscope_ml.frontend import FrontEndSettings

SMALL = FrontEndSettings(
    sample_rate_hz=8_000,
    n_fft=1_024,
    hop_length=200,
    n_mels=32,
    f_min_hz=50.0,
    f_max_hz=4_000.0,
    window_s=1.0,
    window_hop_s=0.5,
)


def classifier_manifest(name: str, labels: list[str], **changes: Any) -> dict[str, Any]:
    """What a manifest says besides the weights, which the export adds."""
    values = {
        "name": name,
        "version": 1,
        "kind": "test sound",
        "architecture": "resnet18",
        "embedding_dim": 512,
        "labels": labels,
        "front_end": SMALL.as_dict(),
        "unknown_below": 0.3,
        "metrics": {},
        "data": "none: the weights are random",
        "licence": "none",
        "limits": ["It has learned nothing."],
    }
    return values | changes
