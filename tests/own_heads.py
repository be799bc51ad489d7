"""Small heads of owners' own, on vectors of a body, and their rows in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from phonoscope.catalogue import BodyManifest, Catalogue, HeadManifest
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.ids import new_id
from phonoscope.paths import bundled

LABELS = ("bright", "dark", "dull")
OwnFiles = tuple[HeadManifest, bytes]


def general_body() -> BodyManifest:
    """The body that ships."""
    return Catalogue(bundled("models")).bodies["mobilenet"]


def own_head(
    name: str = "shades",
    labels: Sequence[str] = LABELS,
    *,
    version: int = 1,
    weights: NDArray[np.float32] | None = None,
    bias: Sequence[float] | None = None,
    body: BodyManifest | None = None,
    thresholds: Sequence[float] = (0.4,),
    **changes: Any,
) -> OwnFiles:
    """A head's manifest and weights; without ``weights`` they are random, by the version."""
    body = body or general_body()
    if weights is None:
        weights = np.random.default_rng(version).standard_normal((len(labels), 512)).astype(np.float32)
    values = np.zeros(len(labels)) if bias is None else np.array(bias)
    content = save({"linear.weight": weights, "linear.bias": values.astype(np.float32)})
    choice = {
        "bodies": [{"name": body.name, "digest": body.digest}],
        "weights": {
            "file": "weights.safetensors",
            "sha256": hashlib.sha256(content).hexdigest(),
            "dtype": "float32",
        },
        "thresholds": list(thresholds),
        "metrics": {"accuracy": 0.9},
    }
    described = {"data": "examples of its owner", "licence": "its owner's", "limits": []}
    space = {"reads": "embedding", "space": body.space.digest}
    facts = {"name": name, "version": version, "kind": "own", "labels": list(labels), "activation": "softmax"}
    return HeadManifest.model_validate({**described, **space, **facts, "on": [choice], **changes}), content


def keep_head(session: Session, owner_id: str, files: OwnFiles) -> str:
    """Writes a head as its classifier's newest version; returns the classifier's id."""
    manifest, weights = files
    of = ClassifierRow.owner_id == owner_id, ClassifierRow.name == manifest.name
    known = session.scalar(select(ClassifierRow.id).where(*of))
    id_ = known or new_id("clf")
    if known is None:
        facts = {"state": "ready", "several": manifest.several, "spec": {}, "version": manifest.version}
        body = manifest.on[0].bodies[0]
        row = ClassifierRow(
            id=id_, owner_id=owner_id, name=manifest.name, model=body.name, digest=f"sha256:{body.digest}", **facts
        )
        session.add(row)
        session.flush()
    session.execute(update(ClassifierRow).where(ClassifierRow.id == id_).values(version=manifest.version))
    version = ClassifierVersionRow(
        classifier_id=id_,
        version=manifest.version,
        manifest=manifest.model_dump(mode="json"),
        weights=weights,
        figures={},
        read_at=datetime.now(UTC),
    )
    session.add(version)
    session.flush()
    return id_
