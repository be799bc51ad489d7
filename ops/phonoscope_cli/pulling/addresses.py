"""Fetches a pinned file from an address: follows redirects, resumes an interrupted fetch, checks the digest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from phonoscope.errors import DownloadFailed, WeightsMismatch
from phonoscope_cli.pulling.files import PinnedFile, room_for

ANSWER_S = 3.0
"""Seconds in which an address must answer, from looking up its name to the headers of the answer."""
_SILENCE_S = 15.0
"""Seconds without a byte after which a connection counts as broken."""
_MOST_ATTEMPTS = 20
_MOST_REDIRECTS = 5


def fetch(url: str, pinned: PinnedFile, folder: Path) -> Path:
    """The pinned file in a folder, fetched unless it is there. What an interrupted fetch left is continued.

    Raises:
        DownloadFailed: the address does not answer in time, answers with something else, or breaks off again and
            again; what was fetched stays for the next call. Also when the disk is full; then nothing stays.
        WeightsMismatch: the address's file has another digest; it is erased.
    """
    place, part = folder / pinned.name, folder / f"{pinned.name}.part"
    if place.exists():
        return pinned.check(place)
    for _ in range(_MOST_ATTEMPTS):
        before = _length(part)
        try:
            continued = before >= pinned.size_bytes or _fetch_rest(url, pinned, part)
            return pinned.check(part).replace(place)
        except httpx.TransportError as error:
            if _length(part) <= before:
                raise DownloadFailed(f"{url} breaks off after {before:,} bytes: {_reason(error)}") from error
        except WeightsMismatch as error:
            part.unlink()
            # What an earlier call fetched may be of another file; from the start it is the server's own.
            if not continued:
                raise WeightsMismatch(f"{url}: {error.detail}") from error
    raise DownloadFailed(f"{url} breaks off again and again")


def _fetch_rest(url: str, pinned: PinnedFile, part: Path) -> bool:
    """Appends what is missing. Returns whether what was there is kept: a server without ranges starts again."""
    start = _length(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with _answered(url, headers) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            part.unlink()
            return _fetch_rest(url, pinned, part)
        if not answer.is_success:
            raise DownloadFailed(f"{url} answers {answer.status_code} {answer.reason_phrase}".rstrip())
        if "html" in answer.headers.get("Content-Type", ""):
            raise DownloadFailed(f"{url} answers with a web page instead of the file")
        kept = start > 0 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        with room_for(part), part.open("ab" if kept else "wb") as file:
            for chunk in answer.iter_raw():
                file.write(chunk)
                if file.tell() > pinned.size_bytes:
                    break
    return kept


@contextmanager
def _answered(url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """The answer at the end of all redirects, its body unread. Raises ``DownloadFailed``."""
    address = url
    for _ in range(_MOST_REDIRECTS + 1):
        with _asked(address, headers) as answer:
            if not answer.has_redirect_location:
                yield answer
                return
            address = str(httpx.URL(address).join(answer.headers["Location"]))
    raise DownloadFailed(f"{url} is redirected more than {_MOST_REDIRECTS} times")


@contextmanager
def _asked(url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    opened = ExitStack()
    client = opened.enter_context(httpx.Client(timeout=httpx.Timeout(_SILENCE_S, connect=ANSWER_S)))
    try:
        answer = _within(ANSWER_S, lambda: _ask(client, url, headers, opened), opened.close)
    except TimeoutError as error:
        raise DownloadFailed(f"{url} cannot be reached: no answer within {ANSWER_S:g} s") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise DownloadFailed(f"{url} cannot be reached: {_reason(error)}") from error
    with opened:
        yield answer


def _ask(client: httpx.Client, url: str, headers: dict[str, str], opened: ExitStack) -> httpx.Response:
    try:
        return opened.enter_context(client.stream("GET", url, headers=headers))
    except BaseException:
        opened.close()
        raise


def _within(seconds: float, call: Callable[[], httpx.Response], undo: Callable[[], None]) -> httpx.Response:
    """The call's result; raises ``TimeoutError`` when it takes longer, and undoes it when it ends after all.

    A thread of its own waits: the resolver of names has no timeout, and every address of a host costs one.
    """
    future: Future[httpx.Response] = Future()

    def run() -> None:
        try:
            found = call()
        except BaseException as error:  # noqa: BLE001 - raised in the caller
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(found)
            else:
                undo()

    threading.Thread(target=run, name="fetch", daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.cancel():
            raise
        return future.result()


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
