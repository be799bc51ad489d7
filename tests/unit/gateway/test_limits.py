"""Room for many clients at once."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import tone_wav

SCRIPT = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from phonoscope_gateway.limits import allow_many_connections
allowed = allow_many_connections()
assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
print(json.dumps(resource.getrlimit(resource.RLIMIT_NOFILE)))
"""

COLLECTING = """
import gc, sys
from phonoscope_gateway.limits import collect_all_rarely
if sys.argv[1] == "rarely":
    collect_all_rarely()
gc.freeze()
full = []
gc.callbacks.append(lambda phase, info: full.append(phase) if info["generation"] == 2 else None)
crowd = [[[] for _ in range(30)] for _ in range(10_000)]
print(len(full))
"""

CROWDED = """
import os, resource, sys
from phonoscope_gateway.limits import allow_many_connections
allow_many_connections()
crowd = [os.dup(0) for _ in range(1100)]
from phonoscope.audio.probe import probe
with open(sys.argv[1], "rb") as file:
    print(probe(file, max_duration_s=10.0).codec)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("soft", "hard", "then"), [(256, 4096, [4096, 4096]), (1024, 20000, [16384, 20000]), (512, 512, [512, 512])]
)
def test_a_gateway_may_hold_as_many_connections_as_it_is_let(soft: int, hard: int, then: list[int]) -> None:
    """Up to the system's own limit, which is left as it is; never fewer than before."""
    command = [sys.executable, "-c", SCRIPT, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == then


@pytest.mark.long
def test_recordings_are_still_read_beside_a_crowd(tmp_path: Path) -> None:
    """The process that reads them can be started while more connections are open than ``select`` could count."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1_300:
        pytest.skip("this system lets a process hold no more connections than that")
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(0.5))
    command = [sys.executable, "-c", CROWDED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "pcm_s16le\n", done.stderr


@pytest.mark.long
def test_a_crowd_is_not_searched_for_garbage_again_and_again() -> None:
    """Ten thousand connections come without one full pass over all of them, which the usual thresholds would make."""

    def passes(how: str) -> int:
        command = [sys.executable, "-c", COLLECTING, how]
        return int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)

    assert passes("rarely") == 0
    assert passes("usually") > 0


def test_matrices_are_multiplied_in_the_thread_that_asks() -> None:
    """In a process of its own, since it is for all of it."""
    script = """
from phonoscope_gateway.limits import multiply_in_one_thread
import numpy
from threadpoolctl import threadpool_info
multiply_in_one_thread()
found = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
assert found and set(found) == {1}, found
"""
    subprocess.run([sys.executable, "-c", script], check=True)
