"""One run of chaos against a stack of its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from phonoscope_local.state import StackState
from tests.chaos.load import Load
from tests.chaos.monkey import Monkey
from tests.chaos.verdict import assert_nobody_is_left, judge, settle
from tests.separators import network, write_separator
from tests.support import RunningStack, new_stack, pulled_models

_SEPARATOR = "tiny"


@dataclass(frozen=True)
class Report:
    """What a run came to. Seconds by the clock on the wall."""

    seed: int
    jobs: int
    ends: Counter[str]
    accidents: Counter[str]
    refusals: Counter[str]
    load_s: float
    settle_s: float


@contextmanager
def chaotic_stack(folder: Path, cache_dir: Path) -> Iterator[RunningStack]:
    """A stack that tidies up soon, with a small separation model of random weights."""
    write_separator(pulled_models(folder) / _SEPARATOR, network())
    with new_stack(folder, cache_dir, {"PHONOSCOPE_ORPHAN_GRACE_S": "10"}) as stack:
        state = StackState.read(folder)
        assert state is not None
        yield stack
    assert_nobody_is_left(state.id)


def run(stack: RunningStack, seed: int, jobs: int, owners: int, away_s: float, pause_s: float) -> Report:
    """Owners at work under accidents, then the verdict. Raises ``AssertionError`` with the seed and what is wrong."""
    load = Load(stack, seed, jobs, owners, _SEPARATOR)
    monkey = Monkey(stack, seed, away_s, pause_s)
    started = time.monotonic()
    threads = load.start()
    at_work: Callable[[], bool] = lambda: any(thread.is_alive() for thread in threads)  # noqa: E731
    # Every accident comes at least once, also when the owners are quick.
    enough: Callable[[], bool] = lambda: not at_work() and len(monkey.done) == len(monkey.accidents)  # noqa: E731
    chaos = threading.Thread(target=monkey.run, args=(enough,), name="monkey")
    chaos.start()
    for thread in [*threads, chaos]:
        thread.join()
    load_s = time.monotonic() - started
    try:
        settle(stack)
        settle_s = time.monotonic() - started - load_s
        ends = judge(stack, load)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, after {dict(monkey.done)}: {error}") from error
    return Report(seed, len(load.accepted), ends, monkey.done, load.refusals, load_s, settle_s)
