"""What ``phonoscope doctor`` says of the traces."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

_ANSWER_S = 10.0


@dataclass(frozen=True)
class Fault:
    """What is wrong, and what to do about it."""

    found: str
    advice: str


def collector_fault(endpoint: str) -> Fault | None:
    """Why a collector takes no traces, asked with none; ``None`` where it takes them.

    It is asked as the SDK asks it: with the headers and the authorities that its own variables name.
    """
    try:
        from opentelemetry.util.re import parse_env_headers

        from phonoscope.traces.recorded import traces_url
    except ImportError:
        return Fault("the SDK of OpenTelemetry is not installed here", "pip install 'phonoscope[otel]'")
    import httpx

    url = traces_url(endpoint)
    own = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    headers = {**parse_env_headers(own, liberal=True), "Content-Type": "application/x-protobuf"}
    try:
        with httpx.Client(timeout=_ANSWER_S, verify=_authorities()) as http:
            # No bytes are a request without spans.
            status = http.post(url, content=b"", headers=headers).status_code
    except (httpx.HTTPError, OSError) as error:
        advice = "start the collector, or correct PHONOSCOPE_OTLP_ENDPOINT; traces are lost meanwhile, nothing else"
        return Fault(f"nobody takes traces at {url} ({type(error).__name__})", advice)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Fault(f"{url} answers {status}", "set its key in OTEL_EXPORTER_OTLP_HEADERS, for every process")
    if status != HTTPStatus.OK:
        return Fault(f"{url} answers {status}", "name a collector's port for OTLP over HTTP, usually 4318")
    return None


def libraries_fault(libraries: Sequence[str]) -> Fault | None:
    """Why calls of a library are not recorded from here; ``None`` where all can be."""
    from phonoscope.traces.instrumented import instrumentor_of

    for library in libraries:
        try:
            instrumentor_of(library)
        except ImportError:
            found = f"OpenTelemetry's instrumentation of {library} is not installed here"
            return Fault(found, "pip install 'phonoscope[otel]'")
    return None


def _authorities() -> ssl.SSLContext:
    names = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
    own = next(filter(None, map(os.environ.get, names)), None)
    return ssl.create_default_context(cafile=own)
