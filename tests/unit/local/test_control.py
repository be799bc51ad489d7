"""What is read of a running stack, while its supervisor mends its files."""

from __future__ import annotations

from pathlib import Path
from threading import Timer

from phonoscope_local.control import credentials_of
from phonoscope_local.state import Credentials


def test_a_key_is_awaited_between_the_loss_of_its_file_and_the_new_one(tmp_path: Path) -> None:
    """A damaged file is taken away before another is written."""
    kept = Credentials(url="http://localhost:1", api_key="psk_new")
    later = Timer(0.5, lambda: kept.write(tmp_path))
    later.start()
    found = credentials_of(tmp_path)
    later.join()
    assert found == kept
