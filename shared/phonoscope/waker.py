"""Wakes workers by Celery messages: a message names a queue in which tasks can be started; PostgreSQL has the tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from celery import Celery
from kombu.exceptions import KombuError
from redis import Redis
from redis.exceptions import RedisError

from phonoscope.costs import time_limit_s
from phonoscope.errors import BrokerUnavailable
from phonoscope.states import Pool, TaskName, TaskQueue

_LONGEST_S = 6 * 3600.0
_CONNECT_TIMEOUT_S = 2.0
_ANSWER_TIMEOUT_S = 8.0
_ENOUGH = 32
"""The most messages in one queue: a worker that takes one continues until nothing can be started there."""
_SENDER_CONNECT_S = 0.5
_SENDER_ANSWER_S = 1.0
_PAUSE_S = 2.0
_ERRORS = (KombuError, RedisError, OSError)


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
        # The guardian watches set-ups; in one a child may wait for the database without end.
        worker_proc_alive_timeout=86_400.0,
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


class Waker:
    """Wakes workers. The sweeper finds tasks without a wake-up, so a broker that is down delays no request.

    After an attempt failed, ``wake`` makes no other for two seconds: of many callers few wait for a broker that hangs.
    """

    def __init__(self, broker_url: str) -> None:
        self._app = make_celery(broker_url)
        self._app.conf.broker_transport_options |= {
            "socket_connect_timeout": _SENDER_CONNECT_S,
            "socket_timeout": _SENDER_ANSWER_S,
        }
        self._paused_until = 0.0

    def wake(self, queues: Iterable[TaskQueue]) -> None:
        """Wakes a worker for each queue, as far as there are workers that sleep.

        Raises ``BrokerUnavailable`` within about a second.
        """
        if monotonic() < self._paused_until:
            raise BrokerUnavailable("the message broker did not answer a moment ago")
        try:
            for queue, wanted in Counter(queues).items():
                for _ in range(min(wanted, _ENOUGH - self._waiting(queue))):
                    self._app.send_task(task_name(queue.pool), args=[queue.lane.value], queue=queue.name)
        except _ERRORS as error:
            self._paused_until = monotonic() + _PAUSE_S
            raise BrokerUnavailable("the message broker does not answer") from error

    def ping(self) -> None:
        """Raises ``BrokerUnavailable``."""
        try:
            with self._client() as client:
                client.ping()
        except _ERRORS as error:
            raise BrokerUnavailable("the message broker does not answer") from error
        self._paused_until = 0.0

    def _waiting(self, queue: TaskQueue) -> int:
        with self._client() as client:
            return int(client.llen(queue.name))

    @contextmanager
    def _client(self) -> Iterator[Redis]:
        with self._app.pool.acquire(block=True, timeout=_SENDER_ANSWER_S) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.0, timeout=_SENDER_CONNECT_S)
            yield connection.default_channel.client
