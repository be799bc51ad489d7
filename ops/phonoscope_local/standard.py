"""The standard stack: a layer of three servers, then a layer of the product's own processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from phonoscope.errors import ModelError
from phonoscope.states import Lane, Pool, TaskQueue
from phonoscope_local.files import make_private, set_aside, write_private
from phonoscope_local.parts import Layer, Part, Stack, nothing
from phonoscope_local.ports import LOOPBACK, why_unusable
from phonoscope_local.postgres import Cluster
from phonoscope_local.programs import Programs, find_programs
from phonoscope_local.state import StackState, metrics_dir

if TYPE_CHECKING:
    from phonoscope_local.servers import Servers

_SERVER_LIMIT_S = 60.0
# Loaded while the servers start. Elsewhere than on Linux torch must not be imported before a fork.
_WORKER = ("celery.apps.worker", "celery.bin.worker", "celery.concurrency.prefork", "kombu.transport.redis")
_GPU_HANDLER = ("phonoscope_gpu.handler",) if sys.platform == "linux" else ()
# A health check costs processor time that the starting processes need.
_PRODUCT_POLL_S = 0.1
_LASTED = timedelta(seconds=1)
# A worker that must stop may finish its task first.
_WORKER_GRACE_S = 45.0
_CLIENT_VARIABLES = ("PG", "RCLONE_", "AWS_")
_VALKEY_CONF = """\
bind {address}
port {port}
requirepass {password}
dir ./
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


def server_stack(folder: Path, state: StackState) -> Stack:
    """PostgreSQL, Valkey and the object store, with database, bucket and key; for tests and developers.

    Raises ``StackError`` when a server is not installed or root cannot run it.
    """
    return _servers(folder, state, cache(partial(_clients, state)))


def standard_stack(folder: Path, state: StackState) -> Stack:
    """The whole product in a folder. Raises ``StackError`` when a server is not installed or root cannot run it."""
    clients = cache(partial(_clients, state))
    servers = _servers(folder, state, clients)
    product = Layer(product_parts(folder, state, clients), then=lambda: clients().close())
    return Stack((*servers.layers, product), servers.servers)


def product_parts(folder: Path, state: StackState, clients: Callable[[], Servers]) -> tuple[Part, ...]:
    """The gateway, two workers for each pool, so that short tasks never wait for long ones, and the sweeper."""
    settings = {f"PHONOSCOPE_{name.upper()}": value for name, value in state.connections().items()}
    own = {"PYTHONUNBUFFERED": "1", "PHONOSCOPE_METRICS_DIR": str(metrics_dir(folder))}
    environment = plain_environment() | settings | own

    def part(name: str, *arguments: str, healthy: Callable[[datetime], bool]) -> Part:
        command = (sys.executable, "-P", "-m", f"phonoscope_{name}", *arguments)
        return Part(name, command, folder, environment, healthy=healthy, poll_s=_PRODUCT_POLL_S)

    def worker(pool: Pool, lane: Lane, *arguments: str) -> Part:
        lives = lambda since: clients().worker_lives(TaskQueue(pool, lane), since)  # noqa: E731 - called at every poll
        excuse = partial(_models_fault, state) if pool is Pool.GPU else nothing
        return replace(part(pool, *arguments, healthy=lives), grace_s=_WORKER_GRACE_S, excuse=excuse)

    def preloaded(part: Part, *libraries: str) -> Part:
        python, _, module, program, *arguments = part.command
        words = ("phonoscope_local.preload", program, ",".join(libraries), *arguments)
        return replace(part, command=(python, "-P", module, *words), preload=True)

    port = state.ports.gateway
    return (
        preloaded(worker(Pool.GPU, Lane.SHORT, "--lane", Lane.SHORT), *_WORKER, *_GPU_HANDLER),
        preloaded(part("gateway", "--host", LOOPBACK, "--port", str(port), healthy=_ready(port))),
        replace(worker(Pool.GPU, Lane.LONG, "--lane", Lane.LONG), name="gpu-long"),
        worker(Pool.CPU, Lane.LONG),
        replace(worker(Pool.CPU, Lane.SHORT, "--lane", Lane.SHORT), name="cpu-short"),
        part("courier", healthy=_has_lasted),
    )


def plain_environment() -> dict[str, str]:
    """This process's environment without the variables that configure clients of such servers, and with no proxy."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_CLIENT_VARIABLES)}
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, (environment.get(name), LOOPBACK, "localhost")))
    return environment


def _clients(state: StackState) -> Servers:
    from phonoscope_local.servers import Servers

    return Servers(state)


def _servers(folder: Path, state: StackState, clients: Callable[[], Servers]) -> Stack:
    programs = find_programs()
    cluster = Cluster(folder, programs, state, plain_environment())
    parts = (
        _objects(folder, state, programs, clients),
        _valkey(folder, state, programs, clients),
        _postgres(cluster, clients),
    )
    return Stack(
        layers=(Layer(parts, then=lambda: clients().prepare(folder)),),
        servers={"postgres": (programs.postgres, cluster.data), "valkey": (programs.valkey, folder / "valkey")},
    )


def _postgres(cluster: Cluster, clients: Callable[[], Servers]) -> Part:
    return Part(
        name="postgres",
        command=cluster.command(),
        folder=cluster.data.parent,
        environment=plain_environment(),
        prepare=cluster.prepare,
        healthy=lambda _since: clients().postgres_answers(),
        start_limit_s=_SERVER_LIMIT_S,
        stop_signal=signal.SIGINT,
        grace_s=20.0,
    )


def _valkey(folder: Path, state: StackState, programs: Programs, clients: Callable[[], Servers]) -> Part:
    home = folder / "valkey"

    def prepare() -> None:
        make_private(home)
        text = _VALKEY_CONF.format(address=LOOPBACK, port=state.ports.valkey, password=state.broker_password)
        write_private(home / "valkey.conf", text)

    def mend() -> str | None:
        # A port that somebody took is no fault of the data.
        if not os.path.lexists(home) or why_unusable(state.ports.valkey):
            return None
        return f"the broker's data were damaged and are now {set_aside(home)}; the sweeper wakes what waits"

    return Part(
        name="valkey",
        command=(str(programs.valkey), "valkey.conf"),
        folder=home,
        environment=plain_environment(),
        prepare=prepare,
        mend=mend,
        healthy=lambda _since: clients().valkey_answers(),
        start_limit_s=_SERVER_LIMIT_S,
    )


def _objects(folder: Path, state: StackState, programs: Programs, clients: Callable[[], Servers]) -> Part:
    home = folder / "objects"

    def prepare() -> None:
        make_private(home)
        for unfinished in home.rglob(".rclone_temp_*"):
            unfinished.unlink(missing_ok=True)

    # A list of pairs as CSV, and a pair holds a comma.
    pair = f'"{state.s3_access_key},{state.s3_secret_key}"'
    address = f"{LOOPBACK}:{state.ports.objects}"
    return Part(
        name="objects",
        command=(str(programs.rclone), "serve", "s3", str(home), "--addr", address, "--vfs-cache-mode", "off"),
        folder=folder,
        environment=plain_environment() | {"RCLONE_AUTH_KEY": pair, "RCLONE_CONFIG": os.devnull},
        prepare=prepare,
        healthy=lambda _since: clients().objects_answer(),
        start_limit_s=_SERVER_LIMIT_S,
    )


def _models_fault(state: StackState) -> str | None:
    from phonoscope.catalogue import Catalogue

    settings = state.settings()
    catalogue = Catalogue(settings.more_models_dir, settings.models_dir)
    try:
        for manifest in catalogue.needed(settings.default_model):
            catalogue.check(manifest.name)
    except ModelError as error:
        return "; ".join([error.detail, *(unreadable.detail for unreadable in catalogue.unreadable.values())])
    return None


def _has_lasted(since: datetime) -> bool:
    return datetime.now(UTC) - since > _LASTED


def _ready(port: int) -> Callable[[datetime], bool]:
    def ready(_since: datetime) -> bool:
        from phonoscope_local.servers import http_status

        return http_status(port, "/health/ready") == HTTPStatus.OK

    return ready
