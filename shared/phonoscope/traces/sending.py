"""Sends spans to a collector, in a thread of its own: that it is away is logged once, and so is its return."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from phonoscope.logs import get_logger

_log = get_logger(__name__)


class LoggedExporter(SpanExporter):
    """Another exporter, with one line in the log when it begins to fail and one when it no longer does."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - no trace is worth a service
            result = SpanExportResult.FAILURE
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                _log.info("traces.sent_again", lost=self._lost)
            self._lost = 0
        else:
            if not self._lost:
                _log.warning("traces.not_sent", advice="see `phonoscope doctor`; what is recorded meanwhile is lost")
            self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
