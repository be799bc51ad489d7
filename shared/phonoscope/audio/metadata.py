"""Reads what a file's tags say, and its cover, wherever the tags are: in the container, before it or after it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

import av.error

from phonoscope.audio.containers import open_tags
from phonoscope.audio.cover import has_picture, read_cover
from phonoscope.audio.facts import Tags
from phonoscope.audio.outer_tags import tag_files
from phonoscope.audio.tag_texts import read_tags

if TYPE_CHECKING:
    from phonoscope.audio.decode import Recording


def read_metadata(file: BinaryIO, recording: Recording) -> tuple[Tags, bytes | None]:
    """The tags of a recording that is open, and its cover as a JPEG.

    What the container itself says comes first. Tags that cannot be read are as good as none.
    """
    sources, cover = recording.metadata, None
    if recording.has_picture:
        with recording.reopened() as container:
            cover = read_cover(container)
    for tags in tag_files(file):
        with suppress(av.error.FFmpegError, ValueError), open_tags(tags) as container:
            sources.append(dict(container.metadata))
            if cover is None and has_picture(container):
                cover = read_cover(container)
    return read_tags(*sources), cover
