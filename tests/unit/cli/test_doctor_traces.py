"""What ``phonoscope doctor`` says of the traces, without a service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from phonoscope.settings import Settings
from phonoscope_cli.doctor import traces_finding
from phonoscope_cli.finding import Finding
from phonoscope_local.ports import choose_port
from tests.collector import Collector, collecting
from tests.unit.cli.test_doctor_metrics import GIVEN


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def finding(endpoint: str, libraries: str = "") -> Finding:
    return traces_finding(Settings(**GIVEN, otlp_endpoint=endpoint, trace_libraries=libraries))


def test_off_is_no_fault() -> None:
    """It is said how they are turned on."""
    found = finding("")
    assert (found.well, found.found) == (True, "off; PHONOSCOPE_OTLP_ENDPOINT turns them on")


def test_libraries_without_a_collector_are_told_of() -> None:
    """Whoever names them may have forgotten it."""
    found = finding("", "redis,urllib3")
    assert found.well
    assert found.found.startswith("off, though PHONOSCOPE_TRACE_LIBRARIES names redis and urllib3; PHONOSCOPE_OTLP_E")


def test_libraries_with_a_collector_are_named(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose instrumentation is not installed is a fault."""
    assert finding(collector.url, "sqlalchemy,urllib3").found.endswith(", with calls of sqlalchemy and urllib3")
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.redis", None)
    found = finding(collector.url, "urllib3,redis")
    assert (found.well, found.advice) == (False, "pip install 'phonoscope[otel]'")
    assert "of redis is not installed" in found.found


def test_a_collector_that_takes_traces_is_named(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked with the key of the standard's variable, and told of no span."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=abc")
    found = finding(collector.url)
    assert (found.well, found.found) == (True, f"taken by {collector.url}")
    assert collector.headers[0]["x-collector-key"] == "abc"
    assert collector.spans == []


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "OTEL_EXPORTER_OTLP_HEADERS"), (403, "OTEL_EXPORTER_OTLP_HEADERS"), (500, "4318")]
)
def test_a_collector_that_refuses_is_a_fault(collector: Collector, status: int, advice: str) -> None:
    """With its answer, and what to do."""
    collector.status = status
    found = finding(collector.url)
    assert not found.well
    assert f"answers {status}" in found.found
    assert advice in found.advice


def test_another_server_is_a_fault(collector: Collector) -> None:
    """Such as one of another path."""
    assert finding(f"{collector.url}/elsewhere").found.endswith("/elsewhere/v1/traces answers 404")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:{}", "https://127.0.0.1:{}", "http://nowhere.invalid:{}"])
def test_nobody_there_is_a_fault(endpoint: str) -> None:
    """The address is named."""
    found = finding(endpoint.format(choose_port(0)))
    assert not found.well
    assert "nobody takes traces at" in found.found


def test_a_missing_extra_is_a_fault() -> None:
    """With the command that installs it."""
    code = """
import sys
sys.modules["opentelemetry.sdk"] = None
from phonoscope_cli.traces import collector_fault
print(collector_fault("http://127.0.0.1:4318").advice)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install 'phonoscope[otel]'"
