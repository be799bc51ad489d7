"""Archives that are written while they are sent."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest

from phonoscope_gateway.stems.archive import archive


def test_an_archive_holds_what_was_put_in() -> None:
    """In order, whole, stored as it is."""
    members = [("drums.flac", [b"one", b"", b"two"]), ("bass.flac", [b"three"])]
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(members)))) as file:
        assert file.testzip() is None
        assert file.namelist() == ["drums.flac", "bass.flac"]
        assert file.read("drums.flac") == b"onetwo"
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}


def test_an_archive_is_not_held() -> None:
    """A hundred megabytes pass in less than two."""
    chunk = b"\x00" * (1 << 16)

    def content() -> Iterator[bytes]:
        for _ in range(1_600):
            yield chunk

    tracemalloc.start()
    total = sum(len(part) for part in archive([("long.flac", content())]))
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 100 << 20
    assert highest < 2 << 20


def test_an_object_that_breaks_off_breaks_the_archive() -> None:
    """The reader sees an end without a directory, not a whole archive with less in it."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    parts: list[bytes] = []
    with pytest.raises(ConnectionError):
        parts.extend(archive([("a.flac", broken())]))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(parts)))
