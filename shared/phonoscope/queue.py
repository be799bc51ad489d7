"""Celery as the waker of workers: a message says where something can be started, Postgres knows what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from phonoscope.costs import time_limit_s
from phonoscope.errors import BrokerUnavailable
from phonoscope.states import Place, Pool, TaskName

_LONGEST_S = 6 * 3600.0
_CONNECT_TIMEOUT_S = 2.0
_ANSWER_TIMEOUT_S = 8.0
_ENOUGH = 32
"""Messages in one queue: whoever takes one goes on until nothing can be started there, so more would find nothing."""


def task_name(pool: Pool) -> str:
    """The name under which a pool's one Celery task is sent and registered."""
    return f"phonoscope.{pool}.run"


def make_celery(broker_url: str, max_duration_s: float = _LONGEST_S) -> Celery:
    """The Celery application, for senders and workers alike.

    Args:
        max_duration_s: of a recording. A message that is not acknowledged is sent again after the longest time that a
            task of such a recording may take.
    """
    app = Celery("phonoscope", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_create_missing_queues=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.0},
        worker_prefetch_multiplier=1,
        worker_proc_alive_timeout=180.0,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": int(time_limit_s(list(TaskName), max_duration_s)) + 3600,
            "socket_connect_timeout": _CONNECT_TIMEOUT_S,
            "socket_timeout": _ANSWER_TIMEOUT_S,
            "socket_keepalive": True,
        },
    )
    return app


class Queue:
    """Wakes workers."""

    def __init__(self, broker_url: str) -> None:
        self._app = make_celery(broker_url)

    def wake(self, places: Iterable[Place]) -> None:
        """A worker for each, as far as there are any that sleep: it takes what is next in turn there.

        Raises ``BrokerUnavailable``.
        """
        try:
            for place, wanted in Counter(places).items():
                for _ in range(min(wanted, _ENOUGH - self._waiting(place))):
                    self._app.send_task(task_name(place.pool), args=[place.lane.value], queue=place.queue)
        except (OperationalError, RedisError, OSError) as error:
            raise BrokerUnavailable("the message broker does not answer") from error

    def ping(self) -> None:
        """Raises ``BrokerUnavailable``."""
        try:
            with self._client() as client:
                client.ping()
        except (OperationalError, RedisError, OSError) as error:
            raise BrokerUnavailable("the message broker does not answer") from error

    def _waiting(self, place: Place) -> int:
        with self._client() as client:
            return int(client.llen(place.queue))

    @contextmanager
    def _client(self) -> Iterator[Redis]:
        with self._app.pool.acquire(block=True, timeout=_CONNECT_TIMEOUT_S) as connection:
            connection.ensure_connection(max_retries=1, timeout=_CONNECT_TIMEOUT_S)
            yield connection.default_channel.client
