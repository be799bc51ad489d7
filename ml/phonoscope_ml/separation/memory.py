"""Recognises that memory ran out, and lists plans that need less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

_WORDS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    # oneDNN's messages do not mention memory that ran out.
    "could not create a primitive",
    "could not create a memory",
)
_PIECES = (2, 4)


@dataclass(frozen=True)
class Plan:
    """How segments are computed: the device, the batch size, and the pieces that each segment is cut into."""

    device: torch.device
    batch: int
    pieces: int = 1

    def lesser(self) -> Iterator[Plan]:
        """The plans to try in turn when this one does not fit: smaller batches, shorter segments, the CPU."""
        here = self
        while here.batch > 1:
            here = replace(here, batch=here.batch // 2)
            yield here
        yield from (replace(here, pieces=pieces) for pieces in _PIECES)
        if self.device.type != "cpu":
            processor = Plan(torch.device("cpu"), 1)
            yield processor
            yield from processor.lesser()

    def difference_from(self, other: Plan, segment_s: float) -> str:
        """Names the difference from another plan; ``segment_s`` is the length of a whole segment.

        >>> cuda = torch.device("cuda")
        >>> Plan(cuda, 4).difference_from(Plan(cuda, 8), 7.8), Plan(cuda, 1, 2).difference_from(Plan(cuda, 1), 7.8)
        ('batch 4', 'segment 3.9 s')
        """
        if self.device.type != other.device.type:
            return self.device.type
        if self.pieces != other.pieces:
            return f"segment {segment_s / self.pieces:.3g} s"
        return f"batch {self.batch}"


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, PyTorch or OpenVINO means that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def return_memory(device: torch.device) -> None:
    """Frees the memory that an accelerator's allocator caches."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
