"""Spans that are recorded by OpenTelemetry's SDK; imported only where there is a collector.

The provider is this module's own and no global one: a library that finds that would record by itself, with paths and
queries, which hold keys.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextvars import Token
from types import TracebackType
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer, format_span_id, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bind_contextvars, reset_contextvars

from phonoscope import __version__
from phonoscope.errors import PhonoscopeError
from phonoscope.traces.sending import LoggedExporter
from phonoscope.traces.span import OFF, Attributes, Kind, Span, opened

_ANSWER_S = 5.0
_SIGNAL_PATH = "/v1/traces"
_propagator = TraceContextTextMapPropagator()


class Recording:
    """The recording of one process. Spans wait in a bounded queue; those that find it full push out the oldest.

    Attributes:
        libraries: those whose spans are recorded too.
    """

    libraries: Collection[str] = ()

    def __init__(self, endpoint: str, program: str) -> None:
        # Their lines come with each attempt; the exporter has lines of its own.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        facts = {
            "service.name": f"phonoscope-{program}",
            "service.namespace": "phonoscope",
            "service.version": __version__,
        }
        exporter = OTLPSpanExporter(traces_url(endpoint), timeout=_ANSWER_S)
        self._processor = BatchSpanProcessor(LoggedExporter(exporter))
        self._provider = TracerProvider(resource=Resource.create(facts), shutdown_on_exit=False)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("phonoscope", __version__)

    def root(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Span:
        context = _propagator.extract({"traceparent": parent or ""}, Context())
        return self._span_type(self._tracer, name, kind, context, attributes, is_root=True)

    @property
    def _span_type(self) -> type[RecordedSpan]:
        return RecordedSpan

    def end(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


class RecordedSpan(Span):
    """A span of a trace. What its ``with`` statement raises marks it as failed, without the message."""

    def __init__(
        self, tracer: Tracer, name: str, kind: Kind, context: Context, attributes: Attributes, *, is_root: bool = False
    ) -> None:
        self._tracer = tracer
        self._span = tracer.start_span(name, context, SpanKind[kind.upper()], attributes)
        self._is_root = is_root
        self._open = True
        self._before: Token[Span] | None = None
        self._bound: dict[str, Token[object]] = {}

    @property
    def traceparent(self) -> str:
        found = self._span.get_span_context()
        return f"00-{format_trace_id(found.trace_id)}-{format_span_id(found.span_id)}-{found.trace_flags:02x}"

    def child(self, name: str, kind: Kind = "internal") -> Span:
        # What a request leaves running in the background is none of its trace.
        if not self._open:
            return OFF
        return type(self)(self._tracer, name, kind, set_span_in_context(self._span, Context()), {})

    def describe(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, error_type: str) -> None:
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(StatusCode.ERROR)

    def __enter__(self) -> Self:
        self._before = opened.set(self)
        if self._is_root:
            found = self._span.get_span_context()
            self._bound = dict(bind_contextvars(trace_id=format_trace_id(found.trace_id)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.fail(error.code if isinstance(error, PhonoscopeError) else type(error).__qualname__)
        self._open = False
        self._span.end()
        reset_contextvars(**self._bound)
        if self._before is not None:
            opened.reset(self._before)


def traces_url(endpoint: str) -> str:
    """Where a collector takes traces.

    >>> traces_url("http://127.0.0.1:4318/")
    'http://127.0.0.1:4318/v1/traces'
    """
    return endpoint.rstrip("/").removesuffix(_SIGNAL_PATH) + _SIGNAL_PATH
