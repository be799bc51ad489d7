"""``python -m phonoscope_gateway``: serves the API."""

from __future__ import annotations

import argparse
import logging

import uvicorn

from phonoscope.logs import configure_logs
from phonoscope.settings import get_settings
from phonoscope_gateway import create_app
from phonoscope_gateway.limits import allow_many_connections
from phonoscope_gateway.signing import without_signatures

_GRACE_S = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m phonoscope_gateway", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    settings = get_settings()
    configure_logs(settings.log_format, settings.log_level)
    logging.getLogger("uvicorn.access").addFilter(without_signatures)
    allow_many_connections()
    uvicorn.run(
        create_app(settings),
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


if __name__ == "__main__":
    main()
