"""Spans as programs use them, and the one that costs nothing and records nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Literal, Self, TypeAlias

Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
Attributes: TypeAlias = Mapping[str, str | int | float | bool | Sequence[str]]


class Span:
    """A stretch of work, open while its ``with`` statement runs; this one records nothing.

    Attributes have names of OpenTelemetry's semantic conventions, or begin with ``phonoscope.``. Neither they nor names
    of spans hold what an owner or a client wrote: no path, no file name, no key, no address.
    """

    @property
    def traceparent(self) -> str | None:
        """Where another process goes on with the trace, as W3C's header has it; ``None`` without a trace."""
        return None

    def child(self, name: str, kind: Kind = "internal") -> Span:  # noqa: ARG002 - other spans need them
        """A span within this one, to be opened by ``with``."""
        return self

    def describe(self, attributes: Attributes) -> None:
        """Adds attributes, or replaces them."""

    def rename(self, name: str) -> None:
        """Gives a name that is known late, such as the route's."""

    def fail(self, error_type: str) -> None:
        """Marks the span as failed, by a problem's code, a status, or an exception's class."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


OFF = Span()
opened: ContextVar[Span] = ContextVar("phonoscope_span", default=OFF)
"""The innermost span that is open here."""


def current_span() -> Span:
    """The innermost span that is open here; one that records nothing where there is none."""
    return opened.get()
