"""Fetches files from the Hugging Face hub: resumes an interrupted fetch, checks digests."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from phonoscope.errors import DownloadFailed, WeightsMismatch
from phonoscope_cli.pulling.files import digest_of

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Repository:
    """A model's repository on the hub.

    Args:
        extra: of this distribution, which installs the hub's client.
        revision: a commit, whose files never change; by default what is newest.
    """

    name: str
    extra: str
    revision: str | None = None


def fetch_from_hub(repository: Repository, file: str, draft: Path, endpoint: str | None = None) -> Path:
    """A file in a draft folder; what an interrupted fetch left there is continued.

    Weights are checked against the digest that the hub has for them.

    Args:
        endpoint: of the hub; by default ``HF_ENDPOINT``, else the public one.

    Raises:
        DownloadFailed: the hub cannot be reached or has no such file; files fetched so far are kept.
        WeightsMismatch: a file of weights has another digest; it is erased.
    """
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    except ImportError as error:
        extra = f"phonoscope[{repository.extra}]"
        raise DownloadFailed(f"pulling models needs the `{repository.extra}` extra: pip install '{extra}'") from error
    endpoint, revision = endpoint or os.environ.get("HF_ENDPOINT"), repository.revision
    try:
        url = hf_hub_url(repository.name, file, revision=revision, endpoint=endpoint)
        expected = get_hf_file_metadata(url, endpoint=endpoint).etag or ""
        found = hf_hub_download(repository.name, file, revision=revision, local_dir=draft, endpoint=endpoint)
    except Exception as error:
        raise DownloadFailed(f"{file} of {repository.name} cannot be fetched: {error}") from error
    path = Path(found)
    if path.suffix == ".safetensors":
        _check(path, expected)
    return path


def _check(path: Path, expected: str) -> None:
    if not _SHA256.fullmatch(expected):
        raise DownloadFailed(f"the hub has no SHA-256 for {path.name}")
    digest = digest_of(path)
    if digest != expected:
        path.unlink()
        raise WeightsMismatch(f"{path.name} has the SHA-256 {digest}, the hub says {expected}; pull again")
