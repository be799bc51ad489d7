"""``python -m phonoscope_courier``: the sweeper, until it is told to stop."""

from __future__ import annotations

import signal
import sys

from phonoscope.db.engine import Database
from phonoscope.logs import configure_logs
from phonoscope.queue import Queue
from phonoscope.settings import get_settings
from phonoscope_courier.sweeper import run


def main() -> None:
    settings = get_settings()
    configure_logs(settings.log_format, settings.log_level)
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: sys.exit(0))
    run(Database(settings.database_url.get_secret_value(), pool_size=1), Queue(settings.broker_url.get_secret_value()))


if __name__ == "__main__":
    main()
