"""What a request sets going, in whatever process, as one trace of OpenTelemetry: off without a collector."""

from phonoscope.traces.libraries import LIBRARIES, parse_libraries
from phonoscope.traces.span import OFF, Attributes, Span, current_span
from phonoscope.traces.statements import note_statement
from phonoscope.traces.tracing import end_traces, library_span, root_span, start_traces

__all__ = [
    "LIBRARIES",
    "OFF",
    "Attributes",
    "Span",
    "current_span",
    "end_traces",
    "library_span",
    "note_statement",
    "parse_libraries",
    "root_span",
    "start_traces",
]
