"""The formats of files with labels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import IO

from phonoscope.annotations.programs import read_audacity, read_raven
from phonoscope.annotations.rows import Exported, Line, Lines
from phonoscope.annotations.tables import read_csv
from phonoscope.errors import InvalidImport
from phonoscope.states import LabelState

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class LabelFormat(StrEnum):
    """A format of files with labels."""

    CSV = "csv"
    """A table with the columns of this service."""
    JSONL = "jsonl"
    """A JSON object in each line."""
    AUDACITY = "audacity"
    """A label track of Audacity, of one recording."""
    RAVEN = "raven"
    """A selection table of Raven, of one recording."""

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]

    @property
    def ending(self) -> str:
        """Of a file's name."""
        return self.value if self in (LabelFormat.CSV, LabelFormat.JSONL) else "txt"

    @property
    def is_of_one_track(self) -> bool:
        """Whether its lines name no recording."""
        return self in (LabelFormat.AUDACITY, LabelFormat.RAVEN)


_MEDIA_TYPES = {
    LabelFormat.CSV: "text/csv",
    LabelFormat.JSONL: "application/jsonl",
    LabelFormat.AUDACITY: "text/plain",
    LabelFormat.RAVEN: "text/tab-separated-values",
}


def read_labels(file: IO[bytes], kind: LabelFormat, state: LabelState) -> list[Line]:
    """The lines of a file, which is read line by line.

    Args:
        state: of lines that say none.

    Raises ``InvalidImport``, which names the lines that are wrong.
    """
    return _READERS[kind](_decoded(file), state)


def write_jsonl(rows: Iterable[Exported]) -> Iterator[str]:
    """A JSON object for each label, each in a line."""
    for row in rows:
        said, of = row.annotation, row.recording
        values = {"track_id": of.track_id, "sha256": of.sha256, "filename": of.filename, "label": said.label}
        times = {"start_s": said.start_s, "end_s": said.end_s}
        yield json.dumps(values | {"state": said.state.value} | times, ensure_ascii=False) + "\n"


def read_jsonl(texts: Iterable[str], state: LabelState) -> list[Line]:
    """The lines of a file with a JSON object in each. Raises ``InvalidImport``."""
    lines = Lines(state)
    for number, line in enumerate(texts, 1):
        if line.strip():
            lines.add_json(number, line)
    return lines.finish()


def _decoded(file: IO[bytes]) -> Iterator[str]:
    """The lines with their ends, as every system writes them."""
    number = 0
    for raw in file:
        try:
            text = raw.decode("utf-8" if number else "utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidImport.field(f"line {number + 1}", "not UTF-8; save the file as UTF-8") from error
        for line in _LINE.findall(text):
            number += 1
            yield line


_READERS: dict[LabelFormat, Callable[[Iterable[str], LabelState], list[Line]]] = {
    LabelFormat.CSV: read_csv,
    LabelFormat.JSONL: read_jsonl,
    LabelFormat.AUDACITY: read_audacity,
    LabelFormat.RAVEN: read_raven,
}
