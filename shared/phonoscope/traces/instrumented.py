"""The recording of a process whose libraries record too, by OpenTelemetry's own instrumentations."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Token
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span, set_span_in_context
from opentelemetry.util.types import Attributes

from phonoscope.logs import get_logger
from phonoscope.traces.kept import KeptAlone
from phonoscope.traces.recorded import RecordedSpan, Recording

_INSTRUMENTORS = {"sqlalchemy": "SQLAlchemyInstrumentor", "redis": "RedisInstrumentor"}
_log = get_logger(__name__)


class InstrumentedRecording(Recording):
    """A recording with the spans of libraries, as children of the spans that are open.

    A library whose instrumentation is not installed is left out, and the log says so.
    """

    def __init__(self, endpoint: str, program: str, libraries: Sequence[str]) -> None:
        super().__init__(endpoint, program)
        self.libraries = frozenset(libraries)
        provider = TracerProvider(resource=self._provider.resource, sampler=_WithinSpans(), shutdown_on_exit=False)
        provider.add_span_processor(KeptAlone(self._processor))
        self._instrumentors = list(filter(None, (_instrumented(library, provider) for library in libraries)))

    @property
    def _span_type(self) -> type[RecordedSpan]:
        return _SpanForLibraries

    def end(self) -> None:
        try:
            for instrumentor in self._instrumentors:
                instrumentor.uninstrument()
        finally:
            super().end()


class _SpanForLibraries(RecordedSpan):
    """A span that libraries find while it is open."""

    _token: Token[Context] | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        self._token = attach(set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            detach(self._token)
        super().__exit__(kind, error, trace)


class _WithinSpans(Sampler):
    """Records what is done within a span that is open and recorded: no polling, no heartbeat, no sweep."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,  # noqa: ARG002
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        within = get_current_span(parent_context).is_recording()
        return SamplingResult(Decision.RECORD_AND_SAMPLE if within else Decision.DROP, attributes)

    def get_description(self) -> str:
        return "WithinSpans"


def instrumentor_of(library: str) -> Any:
    """What instruments a library; ``None`` for one whose calls are recorded by this service's own spans.

    Raises ``ImportError`` where it is not installed.
    """
    if library not in _INSTRUMENTORS:
        return None
    return getattr(import_module(f"opentelemetry.instrumentation.{library}"), _INSTRUMENTORS[library])()


def _instrumented(library: str, provider: TracerProvider) -> Any:
    """What instruments a library from now on; ``None`` where nothing does."""
    try:
        instrumentor = instrumentor_of(library)
        if instrumentor is not None:
            # Without its own check: it asks for an older SQLAlchemy than those that it works with.
            instrumentor.instrument(tracer_provider=provider, meter_provider=NoOpMeterProvider(), skip_dep_check=True)
    except Exception as error:  # noqa: BLE001 - no trace is worth a service
        reason = f"{type(error).__name__}: {error}"
        _log.warning("traces.library_left_out", library=library, reason=reason, advice="pip install 'phonoscope[otel]'")
        return None
    return instrumentor
