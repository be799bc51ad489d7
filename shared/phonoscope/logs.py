"""Structured logs: a stable event name and fields, one line each, on standard error."""

from __future__ import annotations

import logging
import re
import sys

import structlog


def _spelt(word: str) -> str:
    """A pattern for a word whose characters may be percent-encoded, once or several times."""
    return "".join(f"(?:{re.escape(letter)}|%(?:25)*{ord(letter):02X})" for letter in word)


_SECRETS = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE), kept)
    for pattern, kept in (
        (rf"{_spelt('psk_')}(?:[\w-]|%(?:25)*[0-9A-F]{{2}})+", "psk_…"),
        (rf"{_spelt('pss_')}(?:[\w-]|%(?:25)*[0-9A-F]{{2}})+", "pss_…"),
        (rf"({_spelt('signature=')})[^&\s\"'\\<>]+", r"\1…"),
        (r"(\b(?:Basic|Bearer) +)[\w.~+/=-]{16,}", r"\1…"),
    )
)
"""API keys, tokens of shared links, signatures and other credentials of requests; and what is logged instead."""


def without_secrets(text: str) -> str:
    """The text without keys and signatures, wherever they are and however they are encoded.

    >>> without_secrets("GET /v1/tracks?key=psk%5Fa1_c2VjcmV0&limit=3")
    'GET /v1/tracks?key=psk_…&limit=3'
    """
    for pattern, kept in _SECRETS:
        text = pattern.sub(kept, text)
    return text


def configure_logs(log_format: str, level: str) -> None:
    """Routes structlog and the standard library's loggers to one handler."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _cut_secrets],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("urllib3", "httpx", "httpcore", "kombu", "amqp", "sse_starlette"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def _cut_secrets(_logger: object, _method: str, rendered: object) -> str:
    """The last processor: it sees each line as it is written, tracebacks included."""
    return without_secrets(str(rendered))
