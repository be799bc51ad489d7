"""``python -m phonoscope_gpu``: one worker of the GPU pool. Torch is imported in the child alone."""

from __future__ import annotations

import os

from phonoscope.settings import Settings
from phonoscope.states import Pool
from phonoscope.worker import Handler, run_worker

# Threads that spin while they wait make a pass four times slower on a host whose cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def prepare(settings: Settings) -> tuple[str, Handler]:
    from phonoscope_gpu.handler import prepare as load

    return load(settings)


if __name__ == "__main__":
    run_worker(Pool.GPU, prepare)
