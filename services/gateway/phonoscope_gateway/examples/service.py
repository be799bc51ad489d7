"""Synthesises example recordings in a process of their own, each once for as long as the gateway runs."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from phonoscope.errors import NotFound, Unavailable
from phonoscope.paths import bundled

EXAMPLES = ("dog_large.flac", "rain_roof.flac", "song.flac")
"""Files of the demo, the quickest first."""
_LONGEST_S = 120
_one_at_a_time = Lock()


def example(name: str) -> bytes:
    """The recording as FLAC: the same bytes for every owner.

    Raises:
        NotFound: there is no such example.
        Unavailable: it could not be made.
    """
    if name not in EXAMPLES:
        raise NotFound(f"no example {name!r}; there are {', '.join(EXAMPLES)}")
    with _one_at_a_time:
        return _made(name)


@cache
def _made(name: str) -> bytes:
    script = bundled("examples") / "make_recordings.py"
    with TemporaryDirectory(prefix="phonoscope-example-") as folder:
        command = [sys.executable, str(script), folder, "--only", name]
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=_LONGEST_S)
        except (subprocess.SubprocessError, OSError) as error:
            raise Unavailable(f"the example {name!r} could not be made") from error
        return (Path(folder) / name).read_bytes()
