"""``python -m phonoscope_cpu``: runs one worker of the CPU pool. Only its child imports the decoder."""

from __future__ import annotations

from collections.abc import Sequence

from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool
from phonoscope_worker import Handler, run_worker


def prepare(settings: Settings, _lanes: Sequence[Lane]) -> tuple[str, Handler]:
    from phonoscope_cpu.handler import prepare as load

    return load(settings)


def main() -> None:
    run_worker(Pool.CPU, prepare)


if __name__ == "__main__":
    main()
