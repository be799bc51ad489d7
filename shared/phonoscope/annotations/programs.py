"""Labels as Audacity and Raven write them, for one recording.

Audacity's label tracks: https://manual.audacityteam.org/man/importing_and_exporting_labels.html. Raven's selection
tables: tab-separated, with a header, as of Raven Pro 1.6.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from phonoscope.annotations.rows import Line, Lines, Predicted, Written, as_text, in_seconds, source_of
from phonoscope.errors import InvalidImport
from phonoscope.states import LabelState

BEGIN, END, STATE = "Begin Time (s)", "End Time (s)", "State"
NAMES = ("Annotation", "Label", "Common Name", "Species")
"""Columns of a selection table that may have the label; the first that is there counts."""
SOURCE = ["Model", "Probability"]
_FREQUENCIES = "\\"


def write_audacity(annotations: Iterable[Written], duration_s: float) -> Iterator[str]:
    """A label track, line by line. It has no states: the caller chooses annotations of one; predicted labels say so."""
    for each in annotations:
        start_s, end_s = _span(each, duration_s)
        mark = f" ({each.state} by {', '.join(filter(None, source_of(each)))})" if isinstance(each, Predicted) else ""
        yield f"{as_text(start_s)}\t{as_text(end_s)}\t{each.label}{mark}\n"


def read_audacity(texts: Iterable[str], state: LabelState) -> list[Line]:
    """The lines of a label track: start, end and label; a point label starts where it ends.

    Lines with the frequencies of the label above them are passed over.

    Args:
        state: of all labels.

    Raises ``InvalidImport``.
    """
    lines = Lines(state)
    for number, line in enumerate(texts, 1):
        start, _, rest = line.rstrip("\r\n").partition("\t")
        end, _, label = rest.partition("\t")
        if line.strip() and start != _FREQUENCIES:
            lines.add_text(number, _values(start, end, label))
    return lines.finish()


def write_raven(
    annotations: Iterable[Written], duration_s: float, highest_hz: float, *, predicted: bool = False
) -> Iterator[str]:
    """A selection table, line by line, with a column of our own for the state; each selection has all frequencies.

    Args:
        predicted: whether there are columns for what predicted labels come from.
    """
    more = SOURCE if predicted else []
    yield _tabbed(
        ["Selection", "View", "Channel", BEGIN, END, "Low Freq (Hz)", "High Freq (Hz)", NAMES[0], STATE, *more]
    )
    for number, each in enumerate(annotations, 1):
        times = map(as_text, _span(each, duration_s))
        source = source_of(each) if predicted else ()
        highest = f"{highest_hz:.1f}"
        yield _tabbed([str(number), "Spectrogram 1", "1", *times, "0.0", highest, each.label, each.state, *source])


def read_raven(texts: Iterable[str], state: LabelState) -> list[Line]:
    """The lines of a selection table, by its columns' names; a selection that is listed for several views counts once.

    Args:
        state: of selections without a column for it.

    Raises ``InvalidImport``.
    """
    reader = csv.reader(texts, delimiter="\t", quoting=csv.QUOTE_NONE)
    lines = Lines(state)
    try:
        columns = _columns([name.strip() for name in next(reader, [])])
        seen: set[tuple[str, ...]] = set()
        for cells in reader:
            selection = _cells(cells, columns)
            if any(cell.strip() for cell in cells) and selection not in seen:
                number, start, end, label, said = selection
                seen |= {selection} if number else set()
                lines.add_text(reader.line_num, _values(start, end, label) | {"state": said.lower()})
    except csv.Error as error:
        lines.refuse(reader.line_num, f"not a table: {error}")
    return lines.finish()


def _values(start: str, end: str, label: str) -> dict[str, str]:
    start, end = in_seconds(start), in_seconds(end)
    return {"start_s": start or "missing", "end_s": "" if _are_equal(start, end) else end or "missing", "label": label}


def _are_equal(start: str, end: str) -> bool:
    try:
        return float(start) == float(end)
    except ValueError:
        return False


def _columns(names: Sequence[str]) -> list[int | None]:
    """Where the columns are that count: the selection's number, its start, its end, its label and its state."""
    label = next((name for name in NAMES if name in names), None)
    missing = [name for name in (BEGIN, END) if name not in names] + ([] if label else [NAMES[0]])
    if missing or label is None:
        raise InvalidImport.field("line 1", f"no selection table: there is no column {missing[0]}")
    return [names.index(name) if name in names else None for name in ("Selection", BEGIN, END, label, STATE)]


def _cells(cells: Sequence[str], columns: Iterable[int | None]) -> tuple[str, ...]:
    return tuple(cells[at].strip() if at is not None and at < len(cells) else "" for at in columns)


def _span(each: Written, duration_s: float) -> tuple[float, float]:
    if each.start_s is None:
        return 0.0, duration_s
    return each.start_s, each.start_s if each.end_s is None else each.end_s


def _tabbed(cells: Iterable[str]) -> str:
    return "\t".join(cells) + "\n"
