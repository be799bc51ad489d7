"""Where networks run."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch

from phonoscope.errors import DeviceUnavailable
from phonoscope_ml.device import choose_device, one_thread


def test_the_processor_is_always_there() -> None:
    """Whoever asks for it gets it, whatever else the machine has."""
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_best_device_there_is_gets_chosen(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    """CUDA before Metal before the processor."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert choose_device().type == chosen
    assert not torch.backends.cudnn.allow_tf32, "answers depend on the device"


@pytest.mark.parametrize("wanted", ["cuda", "tpu"])
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    """Nobody who asked for a device runs on another without being told."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceUnavailable, match=f"'{wanted}' is not available; available: .*cpu"):
        choose_device(wanted)


@pytest.mark.parametrize(("when", "threads"), [(True, 1), (False, 2)])
def test_one_thread_is_a_matter_of_the_block(when: bool, threads: int) -> None:
    """Within the block operations run on one thread; after it on as many as before, an error or not."""
    torch.set_num_threads(2)
    try:
        with suppress(KeyError), one_thread(when=when):
            assert torch.get_num_threads() == threads
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
