"""``python -m phonoscope_cpu``: one worker of the CPU pool. The decoder is imported in the child alone."""

from __future__ import annotations

import os

from phonoscope.settings import Settings
from phonoscope.states import Pool
from phonoscope_worker import Handler, run_worker


def prepare(settings: Settings) -> tuple[str, Handler]:
    """Loads the pool's handler.

    Where neither the packages' folder nor the user's can be written into, numba has nowhere to keep what it compiles
    for librosa, and the import of it fails: it is given the folder of what can be made again.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(settings.cache_dir / "numba"))
    from phonoscope_cpu.handler import prepare as load

    return load(settings)


def main() -> None:
    run_worker(Pool.CPU, prepare)


if __name__ == "__main__":
    main()
