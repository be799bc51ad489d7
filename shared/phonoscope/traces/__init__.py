"""What a request sets going, in whatever process, as one trace of OpenTelemetry: off without a collector."""

from phonoscope.traces.span import OFF, Attributes, Span, current_span
from phonoscope.traces.tracing import end_traces, root_span, start_traces

__all__ = ["OFF", "Attributes", "Span", "current_span", "end_traces", "root_span", "start_traces"]
