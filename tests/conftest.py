"""The stack that integration and acceptance tests share: the real one, started once."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.state import read_credentials
from tests.support import DATA, RunningStack, environment, phonoscope, pulled_models, until_ready

# As workers have it, before torch is imported: threads that spin while they wait starve what runs beside.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Loads the tests without the garbage collector, which finds almost nothing and takes a fifth of the time.

    Later it does not scan what was loaded: each full collection would take half a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def cache_dir(pytestconfig: pytest.Config) -> Path:
    """A folder that all processes and all runs share, so that what workers compile is compiled once."""
    return Path(pytestconfig.rootpath, ".pytest_cache", "compiled")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[RunningStack]:
    """A whole local stack, stopped at the end."""
    folder = tmp_path_factory.mktemp("stack")
    try:
        own = {
            "PHONOSCOPE_MORE_MODELS_DIR": str(pulled_models(folder)),
            "PHONOSCOPE_CACHE_DIR": str(cache_dir),
            # All tests come from one address; those of the limit have a gateway of their own.
            "PHONOSCOPE_WRONG_KEYS_A_MINUTE": "0",
        }
        started = phonoscope("up", "--detach", "--data-dir", folder, settings=own)
        assert started.returncode == 0, started.stdout + started.stderr
        credentials = read_credentials(folder)
        assert credentials is not None
        yield RunningStack(folder, credentials.url)
    finally:
        phonoscope("down", "--data-dir", folder)


@pytest.fixture(scope="session")
def public_store(stack: RunningStack) -> str:
    """The stack's object store by another name, for which presigned links have to be signed of their own."""
    return stack.settings.s3_endpoint_url.replace(LOOPBACK, "localhost")


@pytest.fixture(scope="session")
def redirecting(stack: RunningStack, public_store: str) -> Iterator[RunningStack]:
    """The stack with a second gateway, which redirects to the store."""
    yield from _with_gateway(stack, {"s3_public_endpoint_url": public_store})


@pytest.fixture(scope="session")
def short_lived(stack: RunningStack) -> Iterator[RunningStack]:
    """The stack with a second gateway, whose signed links are good for 30 to 40 seconds."""
    yield from _with_gateway(stack, {"artifact_link_s": 40})


@pytest.fixture(scope="session")
def limited(stack: RunningStack) -> Iterator[RunningStack]:
    """The stack with a second gateway, whose owners may do little."""
    quotas: dict[str, object] = {
        "quota_requests_a_second": 5.0,
        "quota_uploads_a_day": 12,
        "quota_stored_tracks": 3,
        "quota_queued_jobs": 2,
        "quota_open_streams": 1,
        "quota_test_deliveries_a_day": 1,
        "wrong_keys_a_minute": 20,
    }
    yield from _with_gateway(stack, quotas)


def _with_gateway(stack: RunningStack, changes: dict[str, object]) -> Iterator[RunningStack]:
    url = f"http://{LOOPBACK}:{choose_port(0, set())}"
    settings = stack.settings.model_copy(update=changes)
    command = [sys.executable, "-m", "phonoscope_gateway", "--port", url.rpartition(":")[2]]
    environ = os.environ | environment(settings)
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            until_ready(url)
            yield RunningStack(stack.folder, url)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def data() -> Path:
    """Real audio, which never enters the repository."""
    if not DATA.is_dir():
        pytest.skip(f"no real audio at {DATA}; set PHONOSCOPE_DATA")
    return DATA
