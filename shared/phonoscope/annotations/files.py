"""The formats of files with labels."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import count
from typing import IO, BinaryIO, cast

from phonoscope.annotations.programs import read_audacity, read_raven
from phonoscope.annotations.rows import LONGEST_LINE, Exported, Line, Lines, Predicted
from phonoscope.annotations.tables import read_csv
from phonoscope.errors import InvalidImport
from phonoscope.states import LabelState

_UNDECODED = "surrogateescape"
"""Bytes that are not UTF-8 become lone surrogates, which UTF-8 never has, so that their line is known."""
_MOST_ROWS = 1 << 20
"""Lines of a file, empty ones too, as many as a spreadsheet has."""


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
    texts = io.TextIOWrapper(cast(BinaryIO, file), "utf-8-sig", _UNDECODED, newline="")
    try:
        return _READERS[kind](_lines(texts), state)
    finally:
        texts.detach()


def write_jsonl(rows: Iterable[Exported]) -> Iterator[str]:
    """A JSON object for each label, each in a line."""
    for row in rows:
        said, of = row.annotation, row.recording
        values = {"track_id": of.track_id, "sha256": of.sha256, "filename": of.filename, "label": said.label}
        times = {"start_s": said.start_s, "end_s": said.end_s}
        source = {"model": said.model, "probability": said.probability} if isinstance(said, Predicted) else {}
        yield json.dumps(values | {"state": str(said.state)} | times | source, ensure_ascii=False) + "\n"


def read_jsonl(texts: Iterable[str], state: LabelState) -> list[Line]:
    """The lines of a file with a JSON object in each. Raises ``InvalidImport``."""
    lines = Lines(state)
    for number, line in enumerate(texts, 1):
        if line.strip():
            lines.add_json(number, line)
    return lines.finish()


def _lines(texts: io.TextIOWrapper) -> Iterator[str]:
    """The lines with their ends, as every system writes them, each checked."""
    for number in count(1):
        line = texts.readline(LONGEST_LINE + 1)
        if not line:
            return
        _check_line(number, line)
        yield line


def _check_line(number: int, line: str) -> None:
    if number > _MOST_ROWS:
        raise InvalidImport.field("file", f"has more than {_MOST_ROWS:,} lines; split it")
    if len(line) > LONGEST_LINE:
        raise InvalidImport.field(f"line {number}", f"has more than {LONGEST_LINE:,} characters")
    try:
        line.encode()
    except UnicodeEncodeError as error:
        raise InvalidImport.field(f"line {number}", "not UTF-8; save the file as UTF-8") from error


_READERS: dict[LabelFormat, Callable[[Iterable[str], LabelState], list[Line]]] = {
    LabelFormat.CSV: read_csv,
    LabelFormat.JSONL: read_jsonl,
    LabelFormat.AUDACITY: read_audacity,
    LabelFormat.RAVEN: read_raven,
}
