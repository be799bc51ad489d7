"""``python -m phonoscope_cpu``: one worker of the CPU pool. The decoder is imported in the child alone."""

from __future__ import annotations

from phonoscope.settings import Settings
from phonoscope.states import Pool
from phonoscope_worker import Handler, run_worker


def prepare(settings: Settings) -> tuple[str, Handler]:
    from phonoscope_cpu.handler import prepare as load

    return load(settings)


def main() -> None:
    run_worker(Pool.CPU, prepare)


if __name__ == "__main__":
    main()
