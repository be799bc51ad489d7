"""What tasks made, into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from phonoscope.client import Client
from phonoscope.contract import ArtifactLink, Job


def save_artifacts(client: Client, job: Job, folder: Path) -> list[Path]:
    """Every object in the job's results, as ``<folder>/<task>-<name>``; older files of those names are replaced."""
    saved = []
    for task in job.tasks:
        for link in _links(task.result):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{task.name}-{link.name}"
            path.write_bytes(client.download(link))
            saved.append(path)
    return saved


def _links(value: Any) -> Iterator[ArtifactLink]:
    if isinstance(value, ArtifactLink):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _links(item)
    elif isinstance(value, BaseModel):
        yield from _links([item for _, item in value])
