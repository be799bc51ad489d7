"""Labels as CSV: the service's own columns, for one recording or for a whole library."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain

from phonoscope.annotations.rows import LONGEST_LINE, Exported, Line, Lines, as_text, in_seconds, source_of
from phonoscope.errors import InvalidImport
from phonoscope.states import LabelState

COLUMNS = ("track_id", "sha256", "filename", "label", "state", "start_s", "end_s")
SOURCE = ("model", "probability")
"""Further columns of a table that has predicted labels too."""
_TIMES = ("start_s", "end_s")
_MOST_COLUMNS = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the start of a formula."""
_QUOTE = "'"


def write_csv(rows: Iterable[Exported], *, predicted: bool = False) -> Iterator[str]:
    """A table in pieces of text, the header first. No cell of it is a formula to a spreadsheet.

    Args:
        predicted: whether there are columns for what predicted labels come from.
    """
    yield _written((*COLUMNS, *SOURCE) if predicted else COLUMNS)
    for row in rows:
        said, of = row.annotation, row.recording
        texts = (of.track_id, of.sha256, of.filename, said.label, str(said.state))
        source = source_of(said) if predicted else ()
        yield _written((*map(guarded, texts), as_text(said.start_s), as_text(said.end_s), *map(guarded, source)))


def read_csv(texts: Iterable[str], state: LabelState) -> list[Line]:
    """The lines of a table with a header: at least ``label``; further columns are ignored.

    Commas, semicolons or tabs separate the cells, whichever the header has most of.

    Args:
        state: of lines that say none.

    Raises ``InvalidImport``.
    """
    rest = iter(texts)
    head = next(rest, "")
    row = _Row(chain([head], rest))
    reader = csv.reader(row, delimiter=max(",;\t", key=head.count), strict=True)
    lines = Lines(state)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _check_header(names)
        for cells in reader:
            row.length = 0
            _add(lines, reader.line_num, names, cells)
    except csv.Error as error:
        lines.refuse(reader.line_num, f"not CSV: {error}")
    return lines.finish()


class _Row(Iterator[str]):
    """The lines of a table, of which one row may have several; whoever read a row sets the ``length`` to zero."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._number = 0
        self.length = 0
        """Characters since the row before."""

    def __next__(self) -> str:
        """Raises ``InvalidImport`` where the row is longer than a line may be."""
        line = next(self._texts)
        self._number += 1
        self.length += len(line)
        if self.length > LONGEST_LINE:
            raise InvalidImport.field(f"line {self._number}", f"its row has more than {LONGEST_LINE:,} characters")
        return line


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: with a quotation mark before it where it would be one.

    >>> guarded("=1+1"), guarded("dog"), unguarded(guarded("'=1"))
    ("'=1+1", 'dog', "'=1")
    """
    return _QUOTE + text if _is_formula(text) else text


def unguarded(text: str) -> str:
    """What ``guarded`` was given."""
    return text[1:] if text.startswith(_QUOTE) and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    return text.lstrip(_QUOTE).startswith(_FORMULA)


def _check_header(names: list[str]) -> None:
    if len(names) > _MOST_COLUMNS:
        raise InvalidImport.field("line 1", f"has more than {_MOST_COLUMNS:,} columns")
    known = [name for name in names if name in COLUMNS]
    if "label" not in known:
        raise InvalidImport.field("line 1", f"has no column label; there may be {', '.join(COLUMNS)}")
    if len(set(known)) < len(known):
        raise InvalidImport.field("line 1", "has a column twice")


def _add(lines: Lines, number: int, names: list[str], cells: list[str]) -> None:
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) > len(names):
        lines.refuse(number, f"has {len(cells)} cells; the header has {len(names)}")
        return
    values = {name: unguarded(cell.strip()) for name, cell in zip(names, cells, strict=False) if name in COLUMNS}
    values |= {name: in_seconds(values[name]) for name in _TIMES if name in values}
    lines.add_text(number, values | {"state": values.get("state", "").lower()})


def _written(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
