"""Starts and ends the traces of a process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from typing import TYPE_CHECKING

from phonoscope.logs import get_logger
from phonoscope.traces.span import OFF, Attributes, Kind, Span, current_span

if TYPE_CHECKING:
    from phonoscope.traces.recorded import Recording

_END_WITHIN_S = 2.0
_recording: Recording | None = None
_log = get_logger(__name__)


def start_traces(endpoint: str, program: str, libraries: Sequence[str] = ()) -> None:
    """Begins to record, and to send to a collector in the background; without an endpoint nothing is recorded.

    Called once in the process that records, before it makes engines of a database: the thread that sends does not
    outlive a fork, and a library's calls are seen from then on. Where the extra ``otel`` is not installed, or its own
    variables make no sense, the process goes on without traces, and its log says why.

    Args:
        endpoint: the collector's, for OTLP over HTTP, without the signal's path.
        program: the name of the process's service: ``gateway``, ``gpu``, ``cpu`` or ``courier``.
        libraries: those of ``LIBRARIES`` that record what they do within a span.
    """
    global _recording  # noqa: PLW0603 - one for each process, as the recorder of metrics
    if not endpoint:
        return
    try:
        _recording = _recording_with(endpoint, program, libraries)
    except Exception as error:  # noqa: BLE001 - no trace is worth a service
        _log.warning("traces.off", reason=f"{type(error).__name__}: {error}", advice="pip install 'phonoscope[otel]'")


def _recording_with(endpoint: str, program: str, libraries: Sequence[str]) -> Recording:
    if libraries:
        from phonoscope.traces.instrumented import InstrumentedRecording

        return InstrumentedRecording(endpoint, program, libraries)
    from phonoscope.traces.recorded import Recording

    return Recording(endpoint, program)


def end_traces() -> None:
    """Sends what is left, for two seconds at most; nothing is recorded from now on. May be called in any process."""
    global _recording
    recording, _recording = _recording, None
    if recording is not None:
        # The library waits longer, for as long as a collector takes to answer.
        sending = Thread(target=recording.end, name="last-traces", daemon=True)
        sending.start()
        sending.join(_END_WITHIN_S)


def root_span(name: str, kind: Kind, parent: str | None, attributes: Attributes | None = None) -> Span:
    """The first span of a process in a trace, to be opened by ``with``; logs inside it have its ``trace_id``.

    Args:
        parent: a ``traceparent``; one that is missing or malformed begins a trace.
    """
    return OFF if _recording is None else _recording.root(name, kind, parent, attributes or {})


def library_span(library: str, name: str, kind: Kind) -> Span:
    """What this service does by a library within the span that is open, to be opened by ``with``.

    It records nothing where that library's spans are not asked for.
    """
    recording = _recording
    return OFF if recording is None or library not in recording.libraries else current_span().child(name, kind)
