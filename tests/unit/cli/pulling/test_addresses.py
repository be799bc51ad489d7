"""A pinned file from an address: whole or not at all, continued after a break, and soon when nobody answers."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from phonoscope.errors import DownloadFailed, WeightsMismatch
from phonoscope_cli.pulling.addresses import fetch
from phonoscope_cli.pulling.files import PinnedFile
from tests.unit.cli.pulling.releases import ASSET, STORED, Releases, serving

CONTENT = random.Random(1).randbytes(300_000)
PINNED = PinnedFile("asset.pt", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
PART = "asset.pt.part"


@pytest.fixture
def releases() -> Iterator[Releases]:
    """The asset, served as GitHub does."""
    found = Releases(CONTENT)
    with serving(found.answer) as origin:
        found.address, found.host = f"{origin}{ASSET}", origin.replace("127.0.0.1", "localhost")
        yield found


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_behind_a_redirect_is_fetched_once(releases: Releases, tmp_path: Path) -> None:
    """From the other host; a second call asks nobody."""
    place = fetch(releases.address, PINNED, tmp_path)
    assert place.read_bytes() == CONTENT
    assert left(tmp_path) == ["asset.pt"]
    assert fetch(releases.address, PINNED, tmp_path) == place
    assert releases.asked == [(ASSET, None), (STORED, None)]


def test_a_broken_connection_is_continued(releases: Releases, tmp_path: Path) -> None:
    """In the same call, from the byte where it broke, as long as bytes come."""
    releases.cut_after, releases.cuts = 100_000, 2
    assert fetch(releases.address, PINNED, tmp_path).read_bytes() == CONTENT
    assert [asked for path, asked in releases.asked if path == STORED] == [None, "bytes=100000-", "bytes=200000-"]


def test_an_interrupted_fetch_is_continued_by_the_next(releases: Releases, tmp_path: Path) -> None:
    """Whatever ended the first one, its bytes count."""
    (tmp_path / PART).write_bytes(CONTENT[:123_456])
    assert fetch(releases.address, PINNED, tmp_path).read_bytes() == CONTENT
    assert releases.asked == [(ASSET, "bytes=123456-"), (STORED, "bytes=123456-")]


def test_a_whole_part_needs_no_server(tmp_path: Path) -> None:
    """The process may have ended between the last byte and the new name."""
    (tmp_path / PART).write_bytes(CONTENT)
    assert fetch("http://127.0.0.1:9/asset", PINNED, tmp_path).read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(releases: Releases, tmp_path: Path) -> None:
    """What was there is replaced, not prolonged."""
    releases.ranges = False
    (tmp_path / PART).write_bytes(CONTENT[:1000])
    assert fetch(releases.address, PINNED, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("old", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_part_of_another_file_is_thrown_away(releases: Releases, tmp_path: Path, old: bytes) -> None:
    """The digest at the end tells; the file is then fetched from its start."""
    (tmp_path / PART).write_bytes(old)
    assert fetch(releases.address, PINNED, tmp_path).read_bytes() == CONTENT
    assert left(tmp_path) == ["asset.pt"]


def test_a_server_whose_file_became_shorter_starts_again(releases: Releases, tmp_path: Path) -> None:
    """It answers 416 to a range after the end of its file; its other file is then refused."""
    releases.content = CONTENT[:1000]
    (tmp_path / PART).write_bytes(CONTENT[:5000])
    with pytest.raises(WeightsMismatch):
        fetch(releases.address, PINNED, tmp_path)
    assert releases.asked[-1] == (STORED, None)
    assert left(tmp_path) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"x" * len(CONTENT), b"x" * 5_000_000])
def test_another_file_is_refused(releases: Releases, tmp_path: Path, content: bytes) -> None:
    """By its digest; nothing stays."""
    releases.content = content
    with pytest.raises(WeightsMismatch, match=rf"{ASSET}.* has the SHA-256 .*; the published file of 300,000 bytes"):
        fetch(releases.address, PINNED, tmp_path)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "says"), [(404, "answers 404 Not Found"), (500, "answers 500"), (200, "a web page")]
)
def test_an_answer_without_the_file_is_told(releases: Releases, tmp_path: Path, status: int, says: str) -> None:
    """By its status, or as the web page that it is."""
    releases.status = status
    releases.media_type = "text/html; charset=utf-8"
    with pytest.raises(DownloadFailed, match=says):
        fetch(releases.address, PINNED, tmp_path)
    assert left(tmp_path) == []


def test_endless_redirects_end(tmp_path: Path) -> None:
    """After a handful."""
    found = Releases(CONTENT)
    with serving(found.redirect) as found.host, pytest.raises(DownloadFailed, match="redirected more than 5 times"):
        fetch(f"{found.host}{ASSET}", PINNED, tmp_path)


def test_a_refused_connection_is_told(tmp_path: Path) -> None:
    """At once, and as something to try again."""
    with pytest.raises(DownloadFailed, match="cannot be reached") as caught:
        fetch("http://127.0.0.1:9/asset", PINNED, tmp_path)
    assert caught.value.retryable
    assert left(tmp_path) == []


@contextmanager
def _silent() -> Iterator[int]:
    """The port of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def _swallowing() -> Iterator[int]:
    """The port of a server whose queue is full, so that the packets of further connections are dropped."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.mark.parametrize("silence", [_silent, _swallowing])
def test_an_address_that_does_not_answer_costs_three_seconds(
    tmp_path: Path, silence: Callable[[], AbstractContextManager[int]]
) -> None:
    """Whether it swallows packets or accepts and says nothing; nothing is left in the folder."""
    with silence() as port:
        began = time.monotonic()
        with pytest.raises(DownloadFailed, match=r"cannot be reached: no answer within 3 s|timed out"):
            fetch(f"http://127.0.0.1:{port}/asset", PINNED, tmp_path)
        assert time.monotonic() - began < 13.0, "it waits 15 s for what it knows to be there"
    assert left(tmp_path) == []


def test_a_name_that_is_not_resolved_costs_three_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver may take longer than any connection."""
    waiting = threading.Event()

    def resolve(*_: object, **__: object) -> list[object]:
        waiting.wait(60.0)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    began = time.monotonic()
    with pytest.raises(DownloadFailed, match="no answer within 3 s"):
        fetch("http://example.invalid/asset", PINNED, tmp_path)
    assert time.monotonic() - began < 30.0, "it waits for the resolver"
    waiting.set()


FILL = """
import resource, signal, sys
from pathlib import Path
from phonoscope.errors import DownloadFailed
from phonoscope_cli.pulling.addresses import fetch
from phonoscope_cli.pulling.files import PinnedFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    fetch(sys.argv[1], PinnedFile("asset.pt", sys.argv[2], 300_000), Path(sys.argv[3]))
except DownloadFailed as error:
    print(error.detail)
"""


def test_a_full_disk_is_told_and_nothing_is_left(releases: Releases, tmp_path: Path) -> None:
    """The largest file of a process stands for the disk's size: the kernel refuses the write in the same way."""
    command = [sys.executable, "-c", FILL, releases.address, PINNED.sha256, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "there is no room for asset.pt.part" in done.stdout
    assert left(tmp_path) == []


def test_the_mirror_comes_first(tmp_path: Path) -> None:
    """Its file is copied; the copy is checked."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    assert not PINNED.take(mirror, tmp_path / "asset.pt")
    (mirror / "asset.pt").write_bytes(CONTENT)
    assert PINNED.take(mirror, tmp_path / "asset.pt")
    assert (tmp_path / "asset.pt").read_bytes() == CONTENT
    assert not PINNED.take(None, tmp_path / "asset.pt")


def test_a_mirror_with_another_file_is_refused(tmp_path: Path) -> None:
    """It is named with both digests; nothing is copied."""
    (tmp_path / "asset.pt").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsMismatch, match=rf"{tmp_path}/asset\.pt \(299,999 bytes\) has .* has {PINNED.sha256}"):
        PINNED.take(tmp_path, tmp_path / "copy.pt")
    assert left(tmp_path) == ["asset.pt"]
