"""``python -m phonoscope_courier``: delivers events and does rounds of other work, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from threading import Event, Thread

import uvloop

from phonoscope.db.access.engine import Database
from phonoscope.db.service.usage import Limits
from phonoscope.logs import configure_logs
from phonoscope.metrics import start_metrics
from phonoscope.settings import Settings, get_settings
from phonoscope.storage import ObjectStore
from phonoscope.traces import end_traces, parse_libraries, start_traces
from phonoscope.waker import Waker
from phonoscope.webhooks.rules import Rules
from phonoscope.webhooks.vault import Vault
from phonoscope_courier.attempts import Attempter
from phonoscope_courier.delivery import Courier
from phonoscope_courier.indexing import Indexer
from phonoscope_courier.listener import listen
from phonoscope_courier.observing import Observer
from phonoscope_courier.pruning import Pruner
from phonoscope_courier.reembedding import Reembedder
from phonoscope_courier.sending import Sender
from phonoscope_courier.sweeper import Sweeper
from phonoscope_courier.teaching import Teacher

_SWEEP_LIMIT_S = 3.0
_COLLECT_AFTER = 100_000


def main() -> None:
    settings = get_settings()
    configure_logs(settings.log_format, settings.log_level)
    start_metrics(settings.metrics_port, settings.metrics_host, settings.metrics_dir, "courier")
    start_traces(settings.otlp_endpoint, "courier", parse_libraries(settings.trace_libraries))
    stopped = Event()
    sweeper = Thread(target=_sweeper(settings).run, args=(stopped,), name="sweeper", daemon=True)
    sweeper.start()
    # Not waited for at the end: what they leave unfinished, their next round does, in this courier or another.
    Thread(target=_pruner(settings).run, args=(stopped,), name="pruner", daemon=True).start()
    Thread(target=_reembedder(settings).run, args=(stopped,), name="reembedder", daemon=True).start()
    Thread(target=_teacher(settings).run, args=(stopped,), name="teacher", daemon=True).start()
    Thread(target=_indexer(settings).run, args=(stopped,), name="indexer", daemon=True).start()
    _observer(settings).start(stopped)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_deliver(settings))
    finally:
        stopped.set()
        sweeper.join(_SWEEP_LIMIT_S)
        end_traces()
    # Python would wait for a thread that still resolves a host name.
    logging.shutdown()
    os._exit(0)


def _sweeper(settings: Settings) -> Sweeper:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    waker = Waker(settings.broker_url.get_secret_value())
    return Sweeper(database, waker, ObjectStore(settings), settings)


def _pruner(settings: Settings) -> Pruner:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    return Pruner(database, ObjectStore(settings), settings)


def _reembedder(settings: Settings) -> Reembedder:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    return Reembedder(database, Waker(settings.broker_url.get_secret_value()))


def _teacher(settings: Settings) -> Teacher:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    waker = Waker(settings.broker_url.get_secret_value())
    return Teacher(database, waker, Limits.of(settings), settings.default_model)


def _indexer(settings: Settings) -> Indexer:
    return Indexer(Database(settings.database_url.get_secret_value(), pool_size=1), settings)


def _observer(settings: Settings) -> Observer:
    waker, store = Waker(settings.broker_url.get_secret_value()), ObjectStore(settings)
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    return Observer(database, {"broker": waker.ping, "store": store.ping})


async def _deliver(settings: Settings) -> None:
    """Delivers events until a signal, with database connections of its own: neither part waits for the other."""
    url = settings.database_url.get_secret_value()
    sender = Sender(Rules.of(settings))
    courier = Courier(Database(url, pool_size=1), Attempter(sender, Vault(settings.signing_secret.get_secret_value())))
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, courier.stop)
    # Attempts make many short-lived objects: collecting their cycles takes a sixth of the time.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    listening = asyncio.create_task(listen(url, courier.wake))
    await courier.run()
    listening.cancel()
    sender.close()


if __name__ == "__main__":
    main()
