"""Traces: what is recorded, where it goes on, and that nothing waits for a collector."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from phonoscope.errors import NotFound
from phonoscope.logs import configure_logs, get_logger
from phonoscope.traces import OFF, Span, current_span, end_traces, root_span, start_traces
from phonoscope.traces.recorded import traces_url
from phonoscope.traces.sending import LoggedExporter
from phonoscope_local.ports import choose_port
from phonoscope_local.processes import wait_until
from tests.collector import Collector, collecting

pytestmark = pytest.mark.usefixtures("logging_as_before")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
LIMIT_S = 60.0


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector, with the traces of this process ended before it."""
    with collecting() as found:
        yield found
        end_traces()


def test_a_span_has_its_parent_and_its_service(collector: Collector) -> None:
    """Spans inside one another, in one trace, as another process handed it on; names of resources by convention."""
    start_traces(collector.url, "cpu")
    with root_span("attempt", "consumer", f"00-{TRACE}-{PARENT}-01", {"phonoscope.attempt": 1}) as outer:
        assert current_span() is outer
        with current_span().child("stage fetch"), current_span().child("store fetch", "client"):
            pass
        outer.describe({"phonoscope.tasks": ["embed"]})
    assert current_span() is OFF
    end_traces()
    store, stage, attempt = collector.spans
    assert [each.name for each in collector.spans] == ["store fetch", "stage fetch", "attempt"]
    assert {each.trace for each in collector.spans} == {TRACE}
    assert {each.service for each in collector.spans} == {"phonoscope-cpu"}
    assert (attempt.parent, stage.parent, store.parent) == (PARENT, attempt.id, stage.id)
    assert attempt.attributes == {"phonoscope.attempt": 1, "phonoscope.tasks": ["embed"]}
    assert outer.traceparent == f"00-{TRACE}-{attempt.id}-01"


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "x" * 10_000,
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE[:-1]}é-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
    ],
)
def test_a_malformed_parent_begins_a_trace(collector: Collector, parent: str | None) -> None:
    """It is ignored, whatever it is."""
    start_traces(collector.url, "gateway")
    with root_span("GET", "server", parent):
        pass
    end_traces()
    (span,) = collector.spans
    assert span.parent == ""
    assert span.trace != TRACE


def test_a_caller_who_records_nothing_has_nothing_recorded(collector: Collector) -> None:
    """Its trace still goes on, with the same flag."""
    start_traces(collector.url, "gateway")
    with root_span("GET", "server", f"00-{TRACE}-{PARENT}-00") as span:
        assert span.traceparent is not None
        assert span.traceparent.startswith(f"00-{TRACE}-")
        assert span.traceparent.endswith("-00")
    end_traces()
    assert collector.spans == []


def test_an_error_is_named_and_its_message_kept_out(collector: Collector) -> None:
    """A problem by its code, others by their class; messages may hold file names."""
    start_traces(collector.url, "cpu")
    for error in (NotFound("no track secret.wav"), KeyError("secret.wav"), KeyboardInterrupt("secret.wav")):
        with pytest.raises(type(error)), root_span("attempt", "consumer", None):
            raise error
    end_traces()
    assert [each.attributes for each in collector.spans] == [
        {"error.type": "not_found"},
        {"error.type": "KeyError"},
        {"error.type": "KeyboardInterrupt"},
    ]
    assert all(each.failed for each in collector.spans)
    assert not any(b"secret" in body for body in collector.raw)


def test_what_runs_on_afterwards_is_none_of_a_trace(collector: Collector) -> None:
    """A span that has ended has no children any more."""
    start_traces(collector.url, "gateway")
    with root_span("GET", "server", None) as span:
        pass
    assert span.child("store put") is OFF


def test_logs_have_the_trace(collector: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    """Inside a span, and no longer after it."""
    configure_logs("json", "info")
    start_traces(collector.url, "gateway")
    with root_span("GET", "server", f"00-{TRACE}-{PARENT}-01"):
        get_logger("phonoscope.test.traces").info("job.created")
    get_logger("phonoscope.test.traces").info("later")
    first, later = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first["trace_id"] == TRACE
    assert "trace_id" not in later


def test_nothing_waits_for_a_collector_that_does_not_answer(collector: Collector) -> None:
    """Work goes on before the first answer; spans beyond a bound are thrown away."""
    collector.hold.clear()
    start_traces(collector.url, "gateway")
    for _ in range(10_000):
        with root_span("GET", "server", None):
            pass
    assert collector.spans == []
    end_traces()
    assert root_span("GET", "server", None) is OFF
    collector.hold.set()
    assert wait_until(lambda: 0 < len(collector.spans) < 10_000, LIMIT_S)


@pytest.mark.parametrize("away", ["refuses", "is gone"])
def test_a_collector_that_fails_is_told_of_once(
    collector: Collector, capsys: pytest.CaptureFixture[str], away: str
) -> None:
    """And so is its return, with how much was lost; in between the log is not filled."""
    configure_logs("json", "info")
    port = collector.url if away == "refuses" else f"http://127.0.0.1:{choose_port(0)}"
    fine, failing = (OTLPSpanExporter(traces_url(url), timeout=0.5) for url in (collector.url, port))
    exporter = LoggedExporter(failing)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for collector.status in (401, 400):
        tracer.start_span("GET").end()
    collector.status, exporter._exporter = 200, fine
    for _ in range(2):
        tracer.start_span("GET").end()
    provider.shutdown()
    ours = [json.loads(line) for line in capsys.readouterr().err.splitlines() if '"traces.' in line]
    assert [(line["event"], line.get("lost")) for line in ours] == [("traces.not_sent", None), ("traces.sent_again", 2)]
    assert len(collector.spans) == 2


def test_the_standard_s_headers_are_sent(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector may ask for a key of its own."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=abc")
    start_traces(f"{collector.url}/v1/traces", "gateway")
    with root_span("GET", "server", None):
        pass
    end_traces()
    assert collector.headers[0]["x-collector-key"] == "abc"
    assert len(collector.spans) == 1


def test_spans_that_are_off_are_one_object_and_do_nothing() -> None:
    """Nothing is made for them, and they can be opened inside each other and by many threads."""
    start_traces("", "gateway")
    span = root_span("GET", "server", f"00-{TRACE}-{PARENT}-01", {"a": 1})
    assert span is OFF
    with span, current_span().child("store put") as inner:
        assert inner is OFF
        inner.describe({"a": 1})
        inner.rename("b")
        inner.fail("c")
        assert inner.traceparent is None


def test_a_thread_has_no_span_of_another(collector: Collector) -> None:
    """Unless it is given the context."""
    start_traces(collector.url, "gateway")
    seen: list[Span] = []
    with root_span("GET", "server", None):
        thread = threading.Thread(target=lambda: seen.append(current_span()))
        thread.start()
        thread.join()
    assert seen == [OFF]


def test_without_the_extra_the_process_goes_on() -> None:
    """Its log says why there are no traces, and what to install."""
    code = """
import sys
sys.modules["opentelemetry.sdk"] = None
from phonoscope.logs import configure_logs
from phonoscope.traces import OFF, root_span, start_traces
configure_logs("json", "info")
start_traces("http://127.0.0.1:4318", "gateway")
assert root_span("GET", "server", None) is OFF
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"] == "traces.off"
    assert "phonoscope[otel]" in json.loads(line)["advice"]


@pytest.mark.parametrize("name", ["gateway", "courier", "cpu", "gpu"])
def test_off_no_sdk_is_imported(name: str) -> None:
    """What makes, keeps and sends spans is loaded by no program; of the SDK redis loads metrics where it finds them."""
    code = f"""
import sys, phonoscope_{name}.__main__
from phonoscope.traces import root_span, start_traces
start_traces("", "any")
with root_span("GET", "server", None):
    pass
OURS = (
    "opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.instrumentation", "phonoscope.traces.recorded"
)
print([name for name in sys.modules if name.startswith(OURS)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_spans_are_sent_while_the_process_lives(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the background, within the standard's delay."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    start_traces(collector.url, "gateway")
    with root_span("GET", "server", None):
        pass
    assert wait_until(lambda: len(collector.spans) == 1, LIMIT_S)
