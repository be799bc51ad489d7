"""Measures where the processor time of a search goes in the gateway, on the libraries that ``search.py`` has filled.

The gateway runs in this process, without a network between: processor time is the same on a busy machine, and wall time
would not be. Prints, of each kind of search by the largest owner, the statements and the milliseconds of processor time
of a request, in all (with the client) and by part. PostgreSQL's own time is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from common import machine
from search import WORDS, Bench, queries_of
from search_data import real_windows
from search_load import DIGEST, owner_name
from sqlalchemy import Engine, event, text

from phonoscope.db.service.keys import create_key
from phonoscope_gateway.app import create_app
from phonoscope_gateway.limits import multiply_in_one_thread
from phonoscope_gateway.search import find, routes, service
from phonoscope_gateway.state import State
from phonoscope_local.control import start_detached, stop
from phonoscope_local.state import stack_settings

PARTS: tuple[tuple[Any, str], ...] = (
    (service, "by_vector"),
    (service, "by_text"),
    (find, "_candidates"),
    (find, "grouped"),
    (service, "coverage_of"),
    (service, "describe_page"),
    (routes, "_answer"),
)
"""Functions by the module that calls them; the last one has all of a search, outside of the event loop."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--folder", type=Path, default=Path("runs/search/stack"), help="that search.py has filled")
    arguments = parser.parse_args()
    multiply_in_one_thread()
    start_detached(arguments.folder, servers_only=True)
    try:
        asyncio.run(_measure(arguments.folder, arguments.queries))
    finally:
        stop(arguments.folder, print)


async def _measure(folder: Path, count: int) -> None:
    settings = stack_settings(folder).model_copy(update={"quota_requests_a_second": 0})
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        state: State = app.state.phonoscope
        with state.database.transaction() as session:
            key = create_key(session, owner_name(0))
            space_id = session.execute(text("SELECT id FROM spaces WHERE digest = :of"), {"of": DIGEST}).scalar_one()
        bench = Bench(settings, state.database, space_id, "", [])
        vectors = [
            query.vector.tolist() for query in queries_of(bench, real_windows(), count, np.random.default_rng(1))
        ]
        transport, headers = httpx.ASGITransport(app=app), {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            print(f"{machine()}\n\n| search | statements | all | {' | '.join(f'`{name}`' for _, name in PARTS)} |")
            print(f"| --- |{' ---: |' * (len(PARTS) + 2)}")
            by_vector = [{"vector": vector, "space": DIGEST} for vector in vectors]
            for title, bodies in (
                ("moments by a vector", [{**body, "unit": "moment"} for body in by_vector]),
                ("recordings by a vector", by_vector),
                ("moments by words", [{"text": words, "unit": "moment"} for words in WORDS] * (count // len(WORDS))),
            ):
                await _row(title, client, bodies)


async def _row(title: str, client: httpx.AsyncClient, bodies: list[dict[str, Any]]) -> None:
    for body in bodies[: len(WORDS)]:
        (await client.post("/v1/search", json=body)).raise_for_status()
    with _counted() as spent:
        before = time.process_time_ns()
        for body in bodies:
            await client.post("/v1/search", json=body)
        spent["all"] = time.process_time_ns() - before
    shown = " | ".join(f"{spent[name] / 1e6 / len(bodies):.1f} ms" for name in ("all", *(name for _, name in PARTS)))
    print(f"| {title} | {spent['statements'] / len(bodies):.1f} | {shown} |", flush=True)


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Nanoseconds of processor time by part, and statements."""
    spent = Counter[str]()

    def count(*_: object) -> None:
        spent["statements"] += 1

    real = [(module, name, getattr(module, name)) for module, name in PARTS]
    event.listen(Engine, "before_cursor_execute", count)
    for module, name, call in real:
        setattr(module, name, _timed(call, name, spent))
    try:
        yield spent
    finally:
        event.remove(Engine, "before_cursor_execute", count)
        for module, name, call in real:
            setattr(module, name, call)


def _timed(call: Callable[..., Any], name: str, spent: Counter[str]) -> Callable[..., Any]:
    @wraps(call)
    def timed(*arguments: Any, **named: Any) -> Any:
        before = time.thread_time_ns()
        try:
            return call(*arguments, **named)
        finally:
            spent[name] += time.thread_time_ns() - before

    return timed


if __name__ == "__main__":
    main()
