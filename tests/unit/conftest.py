"""What unit tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

_WITH_SMALL_NETWORKS = {"ml", "training"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Networks as small as those of some folders only wait for one another on more threads."""
    if not _WITH_SMALL_NETWORKS.intersection(request.path.parts):
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
