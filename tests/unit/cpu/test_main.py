"""The start of a worker of the CPU pool."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SETTINGS = {
    "PHONOSCOPE_ENVIRONMENT": "development",
    "PHONOSCOPE_DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:1/none",
    "PHONOSCOPE_BROKER_URL": "redis://127.0.0.1:1/0",
    "PHONOSCOPE_S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "PHONOSCOPE_S3_ACCESS_KEY": "none",
    "PHONOSCOPE_S3_SECRET_KEY": "none",
    "PHONOSCOPE_SIGNING_SECRET": "nothing that is signed",
}
"""Addresses that nothing listens at: preparing needs none of them."""
_SCRIPT = """
from phonoscope.settings import get_settings
from phonoscope_cpu.__main__ import prepare
prepare(get_settings())
from phonoscope_cpu.measure.tonality import Tonality
Tonality(22_050)
"""


def test_librosa_needs_no_folder_but_the_cache(tmp_path: Path) -> None:
    """As in an image whose packages cannot be written into, for a user without a home."""
    environment = (
        os.environ
        | _SETTINGS
        | {
            "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
            "PHONOSCOPE_CACHE_DIR": str(tmp_path),
        }
    )
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", _SCRIPT]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
