"""What ``phonoscope doctor`` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from phonoscope.errors import PhonoscopeError


@dataclass(frozen=True)
class Finding:
    """The result of one check, and what to do when it found a fault."""

    subject: str
    well: bool
    found: str
    advice: str = ""


def answering(subject: str, ask: Callable[[], object], advice: str) -> Finding:
    """Well with what the call returns, or a fault with the detail of the error that it raises."""
    try:
        answer = ask()
    except PhonoscopeError as error:
        return Finding(subject, False, error.detail, advice)
    return Finding(subject, True, str(answer) if answer else "answers", advice)
