"""Running out of memory, as those who do say it, and what is tried then."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino
import pytest
import torch

from phonoscope_ml.separation.memory import Plan, out_of_memory

FAR_TOO_MUCH = 2**48


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(FAR_TOO_MUCH),
        lambda: np.empty(FAR_TOO_MUCH),
        lambda: openvino.Tensor(openvino.Type.f32, openvino.Shape([FAR_TOO_MUCH])),
        lambda: bytearray(FAR_TOO_MUCH),
    ],
)
def test_want_of_memory_is_known_by_what_is_raised(allocate: Callable[[], object]) -> None:
    """By each of those that compute, really asked for more than there is."""
    with pytest.raises((RuntimeError, MemoryError)) as at:
        allocate()
    assert out_of_memory(at.value)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), True),
        (RuntimeError("Exception from src/core.cpp:128:\nstd::bad_alloc\n"), True),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), False),
        (ValueError("out of memory"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_other_errors_are_told_from_it(error: BaseException, is_it: bool) -> None:
    """Only what would go away with less to do."""
    assert out_of_memory(error) is is_it


def test_less_is_tried_in_order() -> None:
    """Smaller batches, shorter segments, then the processor, which has shorter segments too."""
    tried = [(plan.device.type, plan.batch, plan.pieces) for plan in Plan(torch.device("cuda"), 4).lesser()]
    assert tried == [
        *[("cuda", 2, 1), ("cuda", 1, 1), ("cuda", 1, 2), ("cuda", 1, 4)],
        *[("cpu", 1, 1), ("cpu", 1, 2), ("cpu", 1, 4)],
    ]
    assert [plan.pieces for plan in Plan(torch.device("cpu"), 1).lesser()] == [2, 4]
