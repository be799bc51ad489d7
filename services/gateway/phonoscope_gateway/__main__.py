"""``python -m phonoscope_gateway``: serves the API."""

from __future__ import annotations

import argparse

import uvicorn

from phonoscope.logs import configure_logs
from phonoscope.settings import get_settings
from phonoscope_gateway import create_app
from phonoscope_gateway.edge.connections import ConnectionLimits, Connections
from phonoscope_gateway.edge.protocol import protocol_for
from phonoscope_gateway.limits import allow_many_connections, collect_all_rarely

_GRACE_S = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m phonoscope_gateway", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    settings = get_settings()
    configure_logs(settings.log_format, settings.log_level)
    collect_all_rarely()
    edge = Connections(ConnectionLimits.of(settings, allow_many_connections()))
    uvicorn.run(
        create_app(settings, arguments.host),
        http=protocol_for(edge),
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in edge.limits.proxies.networks],
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


if __name__ == "__main__":
    main()
