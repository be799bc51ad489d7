"""The table of containers and codecs is that of the code, and every container that is read is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from av.format import ContainerFormat

from phonoscope.audio.formats import FORMATS, media_type, table
from tests.corpus.handmade import HANDMADE
from tests.unit.audio.maker import Maker

PAGE = Path(__file__).parents[3] / "docs" / "files.md"
SCRIPTS = {
    "hls",
    "concat",
    "concatf",
    "dash",
    "sdp",
    "lavfi",
    "image2",
    "rtsp",
    "sap",
    "ffmetadata",
    "webm_dash_manifest",
}
MADE_FROM_NOTES = {"libmodplug", "libopenmpt", "gme", "sbg", "tty"}


def test_the_documents_table_is_up_to_date() -> None:
    """Write it anew with ``python -m phonoscope.audio.formats``."""
    assert f"<!-- formats -->\n{table()}\n<!-- /formats -->" in PAGE.read_text()


def test_every_reader_is_there() -> None:
    """FFmpeg has each of the demuxers, and none follows names or runs scripts."""
    for form in FORMATS:
        assert ContainerFormat(form.reader, "r").is_input
    assert not {form.reader for form in FORMATS} & (SCRIPTS | MADE_FROM_NOTES)


def test_every_format_has_a_media_type() -> None:
    """With video and without."""
    for form in FORMATS:
        for video in (False, True):
            assert media_type(form.name, video=video) in {form.audio, form.video}
    assert media_type("unheard of", video=False) == "application/octet-stream"


@pytest.mark.parametrize("name", HANDMADE)
def test_a_format_by_hand(name: str, make: Maker) -> None:
    """It is called by its name, and is heard from start to end at the pitch that went in."""
    write, container, kind = HANDMADE[name]
    found = make.examine(write())
    assert (found.container, found.media_type, found.warnings) == (container, kind, [])
    decoded = make.decode(write(), 48_000)
    assert make.pitch_and_level(decoded.samples, 48_000)[0] == pytest.approx(make.pitch_hz, abs=1.0)
    assert decoded.decoded_s == pytest.approx(found.duration_s)
