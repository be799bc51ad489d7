"""The stack that integration and acceptance tests share: the real one, started once."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from phonoscope.metrics import recorder
from phonoscope.metrics.instruments import Instruments
from phonoscope_local.ports import LOOPBACK
from tests.support import DATA, SMALL_QUOTAS, Recorded, RunningStack, new_stack, second_gateway

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of what starts browsers, or servers of its own, the main ways alone are not long."""
    for item in items:
        if item.path.parent.name in {"acceptance", "browser"} and item.get_closest_marker("main") is None:
            item.add_marker(pytest.mark.long)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Has this process record, from 0, for as long as the test lasts."""
    instruments = Instruments()
    monkeypatch.setattr(recorder(), "instruments", instruments)

    def total(name: str, **labels: str) -> float:
        families = (family for metric in vars(instruments).values() for family in metric.collect())
        samples = [sample for family in families for sample in family.samples if sample.name == f"phonoscope_{name}"]
        return float(sum(sample.value for sample in samples if labels.items() <= sample.labels.items()))

    return total


@pytest.fixture(scope="session")
def cache_dir(pytestconfig: pytest.Config) -> Path:
    """A folder that all processes and all runs share, so that what workers compile is compiled once."""
    return Path(pytestconfig.rootpath, ".pytest_cache", "compiled")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[RunningStack]:
    """A whole local stack, stopped at the end."""
    with new_stack(tmp_path_factory.mktemp("stack"), cache_dir) as started:
        yield started


@pytest.fixture(scope="session")
def public_store(stack: RunningStack) -> str:
    """The stack's object store by another name, for which presigned links have to be signed of their own."""
    return stack.settings.s3_endpoint_url.replace(LOOPBACK, "localhost")


@pytest.fixture(scope="session")
def redirecting(stack: RunningStack, public_store: str) -> Iterator[RunningStack]:
    """The stack with a second gateway, which redirects to the store."""
    with second_gateway(stack, {"s3_public_endpoint_url": public_store}) as (gateway, _):
        yield gateway


@pytest.fixture(scope="session")
def short_lived(stack: RunningStack) -> Iterator[RunningStack]:
    """The stack with a second gateway, whose signed links are good for 30 to 40 seconds."""
    with second_gateway(stack, {"artifact_link_s": 40}) as (gateway, _):
        yield gateway


@pytest.fixture(scope="session")
def limited(stack: RunningStack) -> Iterator[RunningStack]:
    """The stack with a second gateway, whose owners may do little."""
    with second_gateway(stack, SMALL_QUOTAS) as (gateway, _):
        yield gateway


@pytest.fixture(scope="session")
def data() -> Path:
    """Real audio, which never enters the repository."""
    if not DATA.is_dir():
        pytest.skip(f"no real audio at {DATA}; set PHONOSCOPE_DATA")
    return DATA
