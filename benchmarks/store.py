"""The object store's client beside bare HTTP requests with presigned URLs to the same store.

Starts a local stack's servers. Each round does everything through ``ObjectStore`` and then through ``httpx``, which
signs nothing and makes nothing of the answers, so that both see the same noise of the machine. Prints a table for
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import IO, Any, TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
from common import machine, servers
from minio.credentials.credentials import Credentials
from minio.signer import presign_v4

from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore

SMALL_BYTES = 64 << 10
LARGE_BYTES = 100 << 20
PART_BYTES = 5 << 20
MANY = 1000
SECONDS = 3600
Steps: TypeAlias = Iterator[tuple[str, Callable[[], object]]]
Taken: TypeAlias = dict[str, list[list[tuple[float, float]]]]
"""By the step's name, then by way: milliseconds, and milliseconds of processor time, of each round."""


class Bare:
    """The same calls with ``httpx``, one request each, by URLs that are signed beforehand."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http = httpx.Client(timeout=60.0, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def url(self, method: str, key: str = "", query: str = "") -> str:
        """A URL for one object, or for the bucket."""
        settings = self._settings
        path = quote(f"/{settings.s3_bucket}/{key}".rstrip("/"))
        signed = presign_v4(
            method=method,
            url=urlsplit(f"{settings.s3_endpoint_url}{path}?{query}"),
            region=settings.s3_region,
            credentials=Credentials(settings.s3_access_key, settings.s3_secret_key.get_secret_value()),
            date=datetime.now(UTC),
            expires=SECONDS,
        )
        return urlunsplit(signed)

    def send(self, method: str, urls: list[str], content: bytes | None = None, **headers: str) -> None:
        for url in urls:
            self._http.request(method, url, content=content, headers=headers).raise_for_status()

    def put_file(self, url: str, file: IO[bytes]) -> None:
        """Streamed, in one request."""
        file.seek(0)
        size = str(os.fstat(file.fileno()).st_size)
        chunks = iter(lambda: file.read(PART_BYTES), b"")
        self._http.put(url, content=chunks, headers={"Content-Length": size}).raise_for_status()

    def fetch(self, url: str, file: IO[bytes]) -> None:
        file.seek(0)
        with self._http.stream("GET", url) as answer:
            for chunk in answer.iter_bytes(256 << 10):
                file.write(chunk)


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as kept:
        settings = kept.enter_context(servers(Path(scratch) / "stack"))
        file = kept.enter_context((Path(scratch) / "large").open("w+b"))
        file.write(os.urandom(LARGE_BYTES))
        copy = kept.enter_context((Path(scratch) / "copy").open("w+b"))
        bare = Bare(settings)
        kept.callback(bare.close)
        store = ObjectStore(settings)
        taken = measure(arguments.rounds, lambda: ours(store, file, copy), lambda: theirs(bare, file, copy))
    _print(arguments.rounds, taken)


def measure(rounds: int, *ways: Callable[[], Steps]) -> Taken:
    """Milliseconds of each step and of this process's processor time for it, after a round that does not count."""
    taken: Taken = defaultdict(lambda: [[] for _ in ways])
    for number in range(rounds + 1):
        for way, steps in enumerate(ways):
            for name, call in steps():
                before, cpu_before = perf_counter(), process_time()
                call()
                passed, cpu = perf_counter() - before, process_time() - cpu_before
                if number:
                    taken[name][way].append((passed * 1000, cpu * 1000))
    return taken


def ours(store: ObjectStore, file: IO[bytes], copy: IO[bytes]) -> Steps:
    """Everything through the product's client; the names are those of ``theirs``."""
    keys = _keys("ours")
    small = io.BytesIO(os.urandom(SMALL_BYTES))
    yield "put 1,000 × 64 KiB", lambda: _each(lambda key: store.put(key, small, "audio/wav"), keys)
    yield "get 1,000 × 64 KiB", lambda: _each(lambda key: _read(store, key), keys)
    yield "list 1,000 keys", lambda: store.keys("ours/")
    yield "erase 1,000 keys", lambda: store.delete(keys)
    yield "put 100 MiB", lambda: store.put("large-ours", file, "audio/wav")
    yield "get 100 MiB", lambda: store.fetch("large-ours", copy)
    ranges = range(0, LARGE_BYTES, LARGE_BYTES // 100)
    yield "get 100 ranges of 64 KiB", lambda: _each(lambda at: _read(store, "large-ours", at), ranges)
    store.delete(["large-ours"])


def theirs(bare: Bare, file: IO[bytes], copy: IO[bytes]) -> Steps:
    """The same with bare requests: one for each key that is erased, and nothing is made of the list."""
    keys, body = _keys("bare"), os.urandom(SMALL_BYTES)
    urls = {method: [bare.url(method, key) for key in keys] for method in ("PUT", "GET", "DELETE")}
    listing = bare.url("GET", query="delimiter=&encoding-type=url&list-type=2&max-keys=1000&prefix=bare%2F")
    large = bare.url("GET", "large-bare")
    yield "put 1,000 × 64 KiB", lambda: bare.send("PUT", urls["PUT"], body)
    yield "get 1,000 × 64 KiB", lambda: bare.send("GET", urls["GET"])
    yield "list 1,000 keys", lambda: bare.send("GET", [listing])
    yield "erase 1,000 keys", lambda: bare.send("DELETE", urls["DELETE"])
    yield "put 100 MiB", lambda: bare.put_file(bare.url("PUT", "large-bare"), file)
    yield "get 100 MiB", lambda: bare.fetch(large, copy)
    ranges = [f"bytes={at}-{at + SMALL_BYTES - 1}" for at in range(0, LARGE_BYTES, LARGE_BYTES // 100)]
    yield "get 100 ranges of 64 KiB", lambda: _each(lambda part: bare.send("GET", [large], Range=part), ranges)
    bare.send("DELETE", [bare.url("DELETE", "large-bare")])


def _each(call: Callable[[Any], object], values: Iterable[Any]) -> None:
    for value in values:
        call(value)


def _read(store: ObjectStore, key: str, start: int = 0) -> bytes:
    return b"".join(store.read(key, start, SMALL_BYTES).chunks)


def _keys(prefix: str) -> list[str]:
    return [f"{prefix}/{number:04}" for number in range(MANY)]


def _print(rounds: int, taken: Taken) -> None:
    print(f"{rounds} rounds, {machine()}, load average {os.getloadavg()[0]:.0f}\n")
    print("| | `ObjectStore`, p50 | bare, p50 | ratio | processor time | bare | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (own, bare) in taken.items():
        cells = [cell for kind in (0, 1) for cell in _compared([x[kind] for x in own], [x[kind] for x in bare])]
        print(f"| {name} | {' | '.join(cells)} |")


def _compared(own: list[float], bare: list[float]) -> tuple[str, str, str]:
    ratio = statistics.median(mine / other for mine, other in zip(own, bare, strict=True))
    return f"{statistics.median(own):.0f} ms", f"{statistics.median(bare):.0f} ms", f"{ratio:.2f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
