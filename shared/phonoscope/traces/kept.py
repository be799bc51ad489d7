"""What is kept of a library's span: names that are listed here, no parameter, no message, no address."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import Status

from phonoscope.traces.statements import as_written

_LONGEST_TEXT = 4_000
_LONGEST_NAME = 100
# Instrumentations use old or new names, by OTEL_SEMCONV_STABILITY_OPT_IN; the new ones are kept.
_KEPT = {
    "db.system": "db.system.name",
    "db.system.name": "db.system.name",
    "db.statement": "db.query.text",
    "db.query.text": "db.query.text",
    "db.redis.pipeline_length": "db.operation.batch.size",
}
_OF_COMMANDS = "redis"


class KeptAlone(SpanProcessor):
    """Hands spans of libraries on to another processor without what could be an owner's or a secret.

    That one is shut down by whoever made it.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        self._processor = processor

    def on_end(self, span: ReadableSpan) -> None:
        self._processor.on_end(kept_of(span))


def kept_of(span: ReadableSpan) -> ReadableSpan:
    """The span with attributes that are known to name nobody, without events, links and the message of its status.

    The text of a statement is kept, for its values are sent apart from it, and is cut to 4,000 characters; one that is
    prepared is shown as it was written. Of a command of Valkey its first word is kept, of an exception its class
    (``error.type``).
    """
    found = {_KEPT[name]: value for name, value in (span.attributes or {}).items() if name in _KEPT}
    text = str(found.get("db.query.text", ""))
    if found.get("db.system.name") == _OF_COMMANDS:
        text = "\n".join(line.partition(" ")[0] for line in text.splitlines())
    if text:
        found["db.query.text"] = as_written(text)[:_LONGEST_TEXT]
    if error := _error_type(span):
        found["error.type"] = error
    return ReadableSpan(
        span.name[:_LONGEST_NAME],
        span.context,
        span.parent,
        span.resource,
        found,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _error_type(span: ReadableSpan) -> str:
    types = (str((event.attributes or {}).get("exception.type", "")) for event in span.events)
    return next((name.rpartition(".")[2] for name in types if name), "")
