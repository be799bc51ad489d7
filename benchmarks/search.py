"""Measures searches over HTTP in a million windows of a thousand owners, and what the indexes cost.

Starts PostgreSQL and a gateway, fills them (``search_load.py``; what the windows are: ``search_data.py``), makes the
indexes as the courier does, and asks ``POST /v1/search`` for moments: by vectors that are in no library, with a label
beside, and by words, for the largest owner, the largest without an index, and the smallest. Recall is that of the same
searches against exact ones. Then a hundred thousand windows are inserted as workers do, while it goes on asking.
Prints tables for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from common import machine
from numpy.typing import NDArray
from search_data import Floats, Windows, mixed, real_windows
from search_load import DIGEST, keep, load, new_space, owner_name, owner_sizes, tracks_of
from sqlalchemy import create_engine, text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.indexes import apply, changes, ready_index
from phonoscope.db.search.namespaces import Namespace, Of
from phonoscope.db.search.nearest import found_key, nearest_rows
from phonoscope.db.search.rungs import EXACT_ROWS
from phonoscope.db.service.keys import create_key
from phonoscope.settings import Settings
from phonoscope_local.control import start_detached, stop
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.state import stack_settings

LIMIT = 10
POOL = LIMIT + 41
"""Windows that the route looks at for so many moments: some touch, and one more tells of a next page."""
LEAST = 0.3
WORDS = ("dog barking", "rain and wind", "a church bell", "music with guitar", "glass breaking")
_WARM_UP = 5
_SIZE = text("SELECT pg_relation_size(CAST(:name AS regclass))")


@dataclass(frozen=True)
class Asked:
    """A query: a vector, and the label of the real windows that it is made of that is the most probable.

    Args:
        label: its model, its name and its id; ``None`` where no label is probable.
    """

    vector: Floats
    label: tuple[str, str, int] | None


@dataclass
class Bench:
    """What is measured: a database with its libraries, and a gateway before it."""

    settings: Settings
    database: Database
    space_id: int
    url: str
    processes: list[psutil.Process]

    def namespace(self, owner: int) -> Namespace:
        return Namespace(Of.WINDOWS, owner_name(owner), self.space_id, "")

    @contextmanager
    def client(self, owner: int) -> Iterator[httpx.Client]:
        with self.database.transaction() as session:
            key = create_key(session, owner_name(owner))
        with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60.0) as client:
            yield client

    def spent_s(self) -> float:
        """Processor time of the gateway and of PostgreSQL."""
        return sum(sum(each.cpu_times()[:2]) for each in _with_children(self.processes))

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        with self.database.transaction() as session:
            return session.execute(text(statement), values).all()


def main() -> None:
    arguments = _arguments()
    real, rng = real_windows(), np.random.default_rng(arguments.seed)
    start_detached(arguments.folder, servers_only=True)
    try:
        settings = stack_settings(arguments.folder)
        url = settings.database_url.get_secret_value()
        migrate(url)
        space_id, filled_s = _filled(url, real, arguments, rng)
        print(
            f"{machine()}, {arguments.windows:,} windows of {arguments.owners:,} owners, loaded in {filled_s:.0f} s\n"
        )
        with _gateway(settings, arguments.folder) as (address, process):
            server = _postgres(arguments.folder)
            bench = Bench(settings, Database(url), space_id, address, [process, server])
            _make_indexes(bench, arguments)
            _print_sizes(bench)
            _measure(bench, real, arguments, rng)
            if arguments.inserts:
                _insert(bench, real, arguments, rng)
    finally:
        stop(arguments.folder, print)


def _filled(url: str, real: Windows, arguments: argparse.Namespace, rng: np.random.Generator) -> tuple[int, float]:
    # The rows are consistent by themselves: without triggers that check each of them it takes half of the time.
    engine = create_engine(url, connect_args={"options": "-c session_replication_role=replica"})
    began = time.perf_counter()
    with engine.connect() as connection:
        known = connection.execute(text("SELECT id FROM spaces WHERE digest = :digest"), {"digest": DIGEST}).scalar()
    if known is None:
        known = new_space(engine)
        load(engine, real, tracks_of(owner_sizes(arguments.windows, arguments.owners), rng, "a"), known, rng)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("tracks", "window_embeddings", "label_peaks", "embeddings"):
            connection.execute(text(f"VACUUM ANALYZE {table}"))
    engine.dispose()
    return int(known), time.perf_counter() - began


def _make_indexes(bench: Bench, arguments: argparse.Namespace) -> None:
    rows = {"exact_rows": arguments.exact_rows, "quantised_rows": arguments.bits_rows}
    print("| index | vectors | time | processor time | size |\n| --- | ---: | ---: | ---: | ---: |")
    while True:
        with bench.database.autocommit() as session:
            todo = changes(session, **rows)
            for change in todo:
                before, spent = time.perf_counter(), bench.spent_s()
                apply(session, change)
                took, used = time.perf_counter() - before, bench.spent_s() - spent
                if change.rung and change.rows >= arguments.windows // 50:
                    size = session.scalar(_SIZE, {"name": change.name})
                    cost = f"{took:.0f} s | {used:.0f} s | {(size or 0) / 1e6:.0f} MB"
                    print(f"| {change.rung.name} | {change.rows:,} | {cost} |", flush=True)
        if not todo:
            print()
            return


def _print_sizes(bench: Bench) -> None:
    statement = """
        SELECT relname, pg_table_size(oid) AS rows, pg_indexes_size(oid) AS indexes FROM pg_class
        WHERE relname IN ('window_embeddings', 'label_peaks', 'embeddings') ORDER BY relname
    """
    near = bench.rows("SELECT count(*), sum(pg_relation_size(oid)) FROM pg_class WHERE relname LIKE 'near\\_%'")[0]
    print("| table | rows | indexes |\n| --- | ---: | ---: |")
    for row in bench.rows(statement):
        print(f"| `{row.relname}` | {row.rows / 1e6:.0f} MB | {row.indexes / 1e6:.0f} MB |")
    print(f"\nof these {near[0]} indexes of the ladder, {int(near[1] or 0) / 1e6:.0f} MB\n", flush=True)


def _measure(bench: Bench, real: Windows, arguments: argparse.Namespace, rng: np.random.Generator) -> None:
    queries = list(queries_of(bench, real, arguments.queries, rng))
    print("| owner | windows | search | recall at 10 | p50 | p95 | processor time |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
    for title, owner in _owners(arguments):
        windows = bench.rows("SELECT count(*) FROM window_embeddings WHERE owner_id = :id", id=owner_name(owner))[0][0]
        with bench.database.transaction() as session:
            index = ready_index(session, bench.namespace(owner))
        rung = index.rung.name if index else "exact"
        with bench.client(owner) as client:
            _row(f"{title} | {windows:,} | nothing: a track that is not there", None, bench, client, [_nothing])
            for name, labelled in (("a vector", False), ("a vector and a label", True)):
                recall = statistics.mean(_recall(bench, owner, query, labelled=labelled) for query in queries)
                asks = [_by_vector(query, labelled=labelled) for query in queries]
                _row(f"{title} | {windows:,} | {name}, {rung}", recall, bench, client, asks)
            _row(f"{title} | {windows:,} | words", None, bench, client, [_by_words(w) for w in WORDS] * 6)


Ask = Callable[[httpx.Client], httpx.Response]


def _row(title: str, recall: float | None, bench: Bench, client: httpx.Client, asks: Sequence[Ask]) -> None:
    for ask in asks[:_WARM_UP]:
        ask(client)
    spent = bench.spent_s()
    took = [_timed_ms(ask, client) for ask in (asks if len(asks) > 1 else list(asks) * 40)]
    used_ms = (bench.spent_s() - spent) * 1000 / len(took)
    shown = "" if recall is None else f"{recall:.3f}"
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    print(f"| {title} | {shown} | {p50:.1f} ms | {p95:.1f} ms | {used_ms:.1f} ms |", flush=True)


def _timed_ms(ask: Ask, client: httpx.Client) -> float:
    before = time.perf_counter()
    answer = ask(client)
    if answer.status_code not in {200, 404}:
        raise SystemExit(f"{answer.status_code}: {answer.text}")
    return (time.perf_counter() - before) * 1000


def _nothing(client: httpx.Client) -> httpx.Response:
    return client.get("/v1/tracks/trk_none")


def _by_vector(query: Asked, *, labelled: bool) -> Ask:
    body: dict[str, Any] = {"vector": query.vector.tolist(), "space": DIGEST, "unit": "moment", "limit": LIMIT}
    if labelled and query.label is not None:
        model, label, _ = query.label
        body["filters"] = {"labels": [{"model": model, "label": label, "least_probability": LEAST}]}
    return lambda client: client.post("/v1/search", json=body)


def _by_words(words: str) -> Ask:
    body = {"text": words, "unit": "moment", "limit": LIMIT}
    return lambda client: client.post("/v1/search", json=body)


def _recall(bench: Bench, owner: int, query: Asked, *, labelled: bool) -> float:
    filters = Filters(labels={query.label[2]: LEAST} if labelled and query.label else {})
    namespace = bench.namespace(owner)
    with bench.database.transaction() as session:
        exact = nearest_rows(session, namespace, query.vector, filters, LIMIT, exactly=True)
        rows = nearest_rows(session, namespace, query.vector, filters, POOL)[:LIMIT]
    found = {found_key(namespace, row) for row in rows}
    return sum(found_key(namespace, row) in found for row in exact) / len(exact) if exact else 1.0


def queries_of(bench: Bench, real: Windows, count: int, rng: np.random.Generator) -> Iterator[Asked]:
    """Windows that are mixed as those of libraries are, and are in none."""
    ids = {
        (row.model, row.label): row.id
        for row in bench.rows("SELECT model, label, id FROM labels WHERE digest = :digest", digest=DIGEST)
    }
    for vectors, probabilities in mixed(real, np.ones(count, np.int64), rng):
        best = int(probabilities[0].argmax())
        name = real.labels[best]
        yield Asked(vectors[0], (*name, ids[name]) if probabilities[0, best] >= LEAST else None)


def _owners(arguments: argparse.Namespace) -> list[tuple[str, int]]:
    sizes = owner_sizes(arguments.windows, arguments.owners)
    found = [("the largest", 0)]
    found += [("the largest without an index", int(each)) for each in np.flatnonzero(sizes < arguments.exact_rows)[:1]]
    return found + ([("the smallest", arguments.owners - 1)] if arguments.owners > 1 else [])


def _insert(bench: Bench, real: Windows, arguments: argparse.Namespace, rng: np.random.Generator) -> None:
    sizes = owner_sizes(arguments.inserts, arguments.owners)
    context = multiprocessing.get_context("spawn")
    inserting = context.Process(target=_insert_windows, args=(arguments.folder, sizes, arguments.seed))
    queries = list(queries_of(bench, real, 1_000, rng))
    took: list[float] = []
    with bench.client(0) as client:
        inserting.start()
        began = time.perf_counter()
        while inserting.is_alive():
            took.append(_timed_ms(_by_vector(queries[len(took) % len(queries)], labelled=False), client))
    seconds = time.perf_counter() - began
    recall = statistics.mean(_recall(bench, 0, query, labelled=False) for query in queries[: arguments.queries])
    shown = f"p50 {statistics.median(took):.1f} ms, p95 {statistics.quantiles(took, n=20)[-1]:.1f} ms"
    print(f"\n{sizes.sum():,} windows inserted in {seconds:.0f} s; {len(took):,} searches meanwhile, by vectors")
    print(f"of the largest owner: {shown}; recall afterwards {recall:.3f}")


def _insert_windows(folder: Path, sizes: NDArray[np.int64], seed: int) -> None:
    rng = np.random.default_rng(seed + 1)
    database = Database(stack_settings(folder).database_url.get_secret_value(), pool_size=1)
    real = real_windows()
    for track in tracks_of(sizes, rng, f"i{int(time.time())}"):
        keep(database, real, track, rng)


@contextmanager
def _gateway(settings: Settings, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    port = choose_port(0, set())
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    environment = {
        f"PHONOSCOPE_{name.upper()}": str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
        for name, value in {**values, "quota_requests_a_second": 0}.items()
    }
    command = [sys.executable, "-m", "phonoscope_gateway", "--port", str(port)]
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment, stderr=log)
    try:
        url = f"http://{LOOPBACK}:{port}"
        _until_ready(url)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _until_ready(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/health/ready", timeout=30.0).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the gateway does not start")


def _postgres(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))


def _with_children(processes: Sequence[psutil.Process]) -> Iterator[psutil.Process]:
    for process in processes:
        yield process
        yield from process.children(recursive=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1_000_000)
    parser.add_argument("--owners", type=int, default=1_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--inserts", type=int, default=100_000, help="windows that are inserted meanwhile; 0: none")
    parser.add_argument("--exact-rows", type=int, default=EXACT_ROWS)
    parser.add_argument("--bits-rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("runs/search/stack"), help="kept, for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
