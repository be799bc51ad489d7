"""Every metric, by Prometheus' conventions: base units, ``_total`` for what only grows, labels of few values alone.

``docs/monitoring.md`` describes them; a test compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

_QUICK_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLOW_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0)
_WINDOWS = (1.0, 2.0, 4.0, 6.0, 8.0, 16.0, 32.0, 64.0)


class Instruments:
    """The metrics of one process. Those of the last two groups are set by the courier alone, for the whole service."""

    def __init__(self) -> None:
        self.processes = _gauge("processes", "Processes that live, by program", "program", "version", mode="livesum")

        self.requests = _counter(
            "http_requests_total", "Answered requests, by route and class of status", "method", "route", "status"
        )
        self.request_duration = _histogram(
            "http_request_duration_seconds", "Seconds until an answer begins", _QUICK_S, "method", "route"
        )
        self.connections_ended = _counter(
            "http_connections_ended_total", "Connections that the gateway refused or cut off", "reason"
        )
        self.uploads = _counter("uploads_total", "Uploaded recordings, by what became of them", "result")
        self.upload_bytes = _counter("upload_bytes_total", "Bytes of uploaded recordings")
        self.tasks_asked = _counter(
            "tasks_asked_total", "Tasks of new jobs; cached ones were in the ledger", "task", "cached"
        )
        self.search_duration = _histogram(
            "search_duration_seconds", "Seconds of a search, by what it asks with", _QUICK_S, "by"
        )

        self.attempts = _counter("attempts_total", "Attempts at claimed tasks, by their end", "pool", "lane", "end")
        self.tasks_ended = _counter("tasks_ended_total", "Tasks that workers ended", "task", "status")
        self.task_failures = _counter("task_failures_total", "Tasks that failed, by their problem's code", "code")
        self.task_duration = _histogram(
            "task_duration_seconds",
            "Seconds from a task's claim to its end; one pass's tasks share them",
            _SLOW_S,
            "task",
        )
        self.stage_duration = _histogram(
            "task_stage_duration_seconds", "Seconds of a stage of an attempt", _SLOW_S, "task", "stage"
        )
        self.lease_losses = _counter("lease_losses_total", "Leases that were lost, by who found that", "found_by")
        self.busy = _counter("worker_busy_seconds_total", "Seconds in which a worker held tasks", "pool", "device")
        self.lived = _counter("worker_lived_seconds_total", "Seconds in which a worker was ready", "pool", "device")
        self.computed = _counter("device_busy_seconds_total", "Seconds in which networks ran", "network", "device")
        self.batch_windows = _histogram(
            "batch_windows", "Windows in a batch of a network", _WINDOWS, "network", "device"
        )
        self.models_loaded = _gauge("models_loaded", "Models that GPU workers hold in memory", mode="livesum")

        self.store_calls = _counter("store_calls_total", "Calls of the object store", "call", "result")
        self.store_duration = _histogram(
            "store_call_duration_seconds", "Seconds of a call; of a read until its first byte", _QUICK_S, "call"
        )

        self.deliveries = _counter("webhook_attempts_total", "Attempts at deliveries, by what came of them", "result")
        self.delivery_duration = _histogram("webhook_attempt_duration_seconds", "Seconds of an attempt", _QUICK_S)

        self.erased = _counter("erased_total", "What couriers erased because its time was over", "what")

        self.queued = _gauge("queue_tasks", "Tasks that a worker could start", "pool", "lane", "owners")
        self.oldest = _gauge("queue_oldest_seconds", "How long the oldest of them has waited", "pool", "lane", "owners")
        self.running = _gauge("running_tasks", "Tasks that workers hold", "pool", "lane")
        self.workers = _gauge("workers", "Workers whose heartbeat is recent", "pool", "lane")
        self.outbox = _gauge("webhook_outbox_events", "Events without deliveries yet, 10,000 at most")
        self.outbox_age = _gauge("webhook_outbox_oldest_seconds", "How long the oldest of them waits")
        self.due = _gauge("webhook_due_deliveries", "Deliveries that are due, 10,000 at most")
        self.due_age = _gauge("webhook_due_oldest_seconds", "For how long the oldest of them has been due")
        self.recall = _gauge("search_recall_ratio", "Recall of searches as last measured, of the worst space", "model")
        self.recall_age = _gauge("search_recall_age_seconds", "How long ago recall was measured, at most", "model")
        self.stored_bytes = _gauge("stored_bytes", "Bytes of recordings in the store")
        self.stored_tracks = _gauge("stored_tracks", "Recordings in the store")
        self.observed_at = _gauge("observed_timestamp_seconds", "When the courier last read the queues, since 1970")

        self.database_up = _gauge("database_up", "Whether PostgreSQL answered the courier")
        self.broker_up = _gauge("broker_up", "Whether the broker answered the courier")
        self.store_up = _gauge("store_up", "Whether the object store answered the courier")
        self.ping = _gauge("ping_seconds", "Seconds that the answer of a service took", "service")


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"phonoscope_{name}", text, labels, registry=None)


def _histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
    return Histogram(f"phonoscope_{name}", text, labels, registry=None, buckets=buckets)


def _gauge(name: str, text: str, *labels: str, mode: Literal["livesum", "livemostrecent"] = "livemostrecent") -> Gauge:
    return Gauge(f"phonoscope_{name}", text, labels, registry=None, multiprocess_mode=mode)
