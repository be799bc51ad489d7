"""Files with labels: what is written is read again, and what is wrong is named by its line."""

from __future__ import annotations

import csv
import io
import json
import tempfile

import pytest

from phonoscope.annotations import files, rows
from phonoscope.annotations.files import LabelFormat, read_labels, write_jsonl
from phonoscope.annotations.programs import write_audacity, write_raven
from phonoscope.annotations.rows import Exported, Faults, Line, Predicted, Recording, Written
from phonoscope.annotations.tables import write_csv
from phonoscope.annotations.values import Annotation
from phonoscope.errors import InvalidImport
from phonoscope.states import LabelState

NO, YES = LabelState.REJECTED, LabelState.CONFIRMED
NASTY = [
    "=1+1",
    "+49",
    "-a",
    "@SUM(A1)",
    "'=1",
    "''@x",
    "'quoted",
    'say "hi"',
    "a,b;c",
    "犬",
    "=cmd|' /C calc'!A0",
    "＝1",
]
SAID = [
    *(Annotation(label, YES) for label in NASTY),
    Annotation("dog", NO),
    Annotation("dog", YES, 0.25, 1.5),
    Annotation("dog", NO, 0.000001),
]
ROWS = [Exported(said, Recording("trk_1", "ab" * 32, "=HYPERLINK(1).wav")) for said in SAID]


def said(lines: list[Line]) -> list[Annotation]:
    return [line.annotation for line in lines]


def read(text: str, kind: LabelFormat = LabelFormat.CSV, state: LabelState = YES) -> list[Annotation]:
    return said(read_labels(io.BytesIO(text.encode()), kind, state))


def faults(text: str, kind: LabelFormat = LabelFormat.CSV) -> list[str]:
    with pytest.raises(InvalidImport) as refusal:
        read(text, kind)
    return [each["field"] for each in refusal.value.errors]


@pytest.mark.parametrize(("kind", "write"), [(LabelFormat.CSV, write_csv), (LabelFormat.JSONL, write_jsonl)])
def test_tables_come_back_as_they_were(kind: LabelFormat, write: object) -> None:
    """Labels, states, times and recordings."""
    text = "".join(write(ROWS))  # type: ignore[operator]
    lines = read_labels(io.BytesIO(text.encode()), kind, YES)
    assert [Exported(line.annotation, line.recording) for line in lines] == ROWS


def test_no_cell_of_a_table_is_a_formula() -> None:
    """To a spreadsheet, whatever labels and file names are."""
    cells = [cell for row in csv.reader("".join(write_csv(ROWS)).splitlines()) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))] == []


def test_a_label_track_comes_back_as_it_was() -> None:
    """With point labels; the whole recording is a label over all of it. It has no states: one is asked for."""
    confirmed = [each for each in SAID if each.state is YES]
    text = "".join(write_audacity(confirmed, 2.0))
    assert text.splitlines()[-1] == "0.250000\t1.500000\tdog"
    assert [each.within(2.0) for each in read(text, LabelFormat.AUDACITY)] == confirmed
    assert read("0.5\t0.5\tdog", LabelFormat.AUDACITY, NO) == [Annotation("dog", NO, 0.5)]


def test_a_selection_table_comes_back_as_it_was() -> None:
    """With the states, which have a column of their own."""
    text = "".join(write_raven(SAID, 2.0, 22_050.0))
    assert [each.within(2.0) for each in read(text, LabelFormat.RAVEN)] == SAID


def test_label_tracks_of_audacity_are_read() -> None:
    """With frequencies, Windows' line ends, a byte order mark and a comma as the decimal mark."""
    text = "\ufeff0.100000\t0.900000\tclick\r\n\\\t1200.0\t3400.0\r\n1,5\t1,5\tpoint one\r\n\r\n"
    assert read(text, LabelFormat.AUDACITY) == [Annotation("click", YES, 0.1, 0.9), Annotation("point one", YES, 1.5)]


def test_selection_tables_of_raven_are_read() -> None:
    """By the names of their columns; a selection that two views list counts once."""
    head = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    rows = "".join(f'1\t{view} 1\t1\t0.5\t1.25\t100.0\t900.0\twren "a"\n' for view in ("Waveform", "Spectrogram"))
    assert read(head + rows, LabelFormat.RAVEN) == [Annotation('wren "a"', YES, 0.5, 1.25)]
    birdnet = "Begin Time (s)\tEnd Time (s)\tCommon Name\n0\t3\tGreat Tit\n"
    assert read(birdnet, LabelFormat.RAVEN, NO) == [Annotation("Great Tit", NO, 0.0, 3.0)]


def test_tables_of_spreadsheets_are_read() -> None:
    """With semicolons and a decimal comma, capitals, empty lines and columns of their own; cells may be missing."""
    text = "Label;State;start_s;end_s;remark\r\ndog;Rejected;0,5;1,5;why\r\n;;;;\r\n\r\ncat\r\n"
    assert read(text) == [Annotation("dog", NO, 0.5, 1.5), Annotation("cat", YES)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["label,state", "dog,", "犬,rejected"], LabelFormat.CSV),
        (['{"label": "dog"}', '{"label": "犬", "state": "rejected"}'], LabelFormat.JSONL),
        (["Begin Time (s)\tEnd Time (s)\tAnnotation\tState", "0\t1\tdog", "1\t2\t犬\tRejected"], LabelFormat.RAVEN),
    ],
)
def test_lines_end_as_systems_end_them(lines: list[str], kind: LabelFormat, end: str) -> None:
    """With or without an end after the last one, and with a byte order mark or none."""
    for text in (end.join(lines), "\ufeff" + end.join([*lines, ""])):
        assert [(each.label, each.state) for each in read(text, kind)] == [("dog", YES), ("犬", NO)]


def test_each_wrong_line_is_named() -> None:
    """By its number in the file, of twenty at most, and all are counted."""
    wrong = [
        "dog,maybe,,",
        ",confirmed,,",
        "dog,,2,1",
        "dog,,,1",
        "dog,,x,",
        "dog,,-1,",
        "dog,,1e999,",
        "a,b,c,d,e",
        "dog,,1,nan",
    ]
    text = "label,state,start_s,end_s\n" + "good,,,\n" + "\n".join(wrong)
    assert faults(text) == [f"line {number}" for number in range(3, 3 + len(wrong))]
    for kind, row in (
        (LabelFormat.CSV, "label,filename\ndog,a\0b"),
        (LabelFormat.JSONL, '{"label": "a", "sha256": "\\u0000"}'),
    ):
        assert len(faults(row, kind)) == 1
    with pytest.raises(InvalidImport, match="and 5 more"):
        read("label,state\n" + "dog,maybe\n" * 25)
    assert faults("0.1\t0.2\n0.5\t0.1\tdog\nx\t1\tdog\n-1\t1\tdog", LabelFormat.AUDACITY) == [
        f"line {number}" for number in (1, 2, 3, 4)
    ]
    lines = [
        json.dumps({"label": "dog"}),
        "{",
        json.dumps({"label": "dog", "more": 1}),
        '{"label": "dog", "start_s": "1"}',
    ]
    assert faults("\n".join(lines), LabelFormat.JSONL) == ["line 2", "line 3", "line 4"]


@pytest.mark.parametrize(
    ("head", "line", "kind"),
    [
        ("", "x\n", LabelFormat.JSONL),
        ("", "x\r", LabelFormat.AUDACITY),
        ("label,state\ndog,\n", ",x\n", LabelFormat.CSV),
        ("Begin Time (s)\tEnd Time (s)\tLabel\n", "1\t1\t\n", LabelFormat.RAVEN),
        ("", "\n", LabelFormat.JSONL),
        ("label\n", "\r\n", LabelFormat.CSV),
        ("", "\\\t1\t2\n", LabelFormat.AUDACITY),
    ],
)
def test_all_lines_are_counted(head: str, line: str, kind: LabelFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong ones, and those that say nothing, too: what is kept of a file does not grow with it."""
    monkeypatch.setattr(rows, "MOST_LINES", 100)
    monkeypatch.setattr(files, "_MOST_ROWS", 300)
    with pytest.raises(InvalidImport, match=r"more than .* split it"):
        read(head + line * 310, kind)


def test_of_what_is_wrong_the_first_is_kept() -> None:
    """By line, in whatever order it is found; a sender's own names are cut."""
    found = Faults()
    for number in range(1_000, 0, -1):
        found.add(number, "wrong")
    assert found.first == [(number, "wrong") for number in range(1, 21)]
    with pytest.raises(InvalidImport, match="and 980 more"):
        found.check()
    with pytest.raises(InvalidImport) as refusal:
        read(json.dumps({"label": "dog", "x" * 60_000: 1}), LabelFormat.JSONL)
    assert len(refusal.value.detail) < 200


@pytest.mark.parametrize("kind", list(LabelFormat))
@pytest.mark.parametrize("end", ["", "\n", "\r"])
def test_a_line_has_bounds(kind: LabelFormat, end: str) -> None:
    """It is refused by its number, and no more of it is read."""
    head = {LabelFormat.CSV: "label\n", LabelFormat.RAVEN: "Begin Time (s)\tEnd Time (s)\tLabel\n"}.get(kind, "\n")
    file = io.BytesIO((head + "x" * 4_000_000 + end).encode())
    with pytest.raises(InvalidImport, match="line 2: has more than 65,536 characters"):
        read_labels(file, kind, YES)
    assert file.tell() < 200_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("," * 60_000 + "label\ndog\n", "line 1: has more than 1,000 columns"),
        ("," * 4_000_000, "line 1: has more than 65,536 characters"),
        ("label,remark\ndog," + '"a\n",' * 100_000, "its row has more than 65,536 characters"),
        ('"a\n",' * 100_000, "its row has more than 65,536 characters"),
    ],
)
def test_a_row_has_bounds(text: str, why: str) -> None:
    """The header, and a row that has several lines, too."""
    with pytest.raises(InvalidImport, match=why):
        read(text)


def test_rows_of_several_lines_are_read() -> None:
    """In a column of one's own, however many rows there are; the file stays open, also one that is spooled."""
    row = 'dog,"two\r\nlines"\r\n'
    with tempfile.SpooledTemporaryFile(max_size=1 << 20) as file:
        file.write(b"label,remark\r\n" + row.encode() * 4_000)
        file.seek(0)
        lines = read_labels(file, LabelFormat.CSV, YES)
        assert (len(lines), lines[-1].number, file.closed) == (4_000, 8_001, False)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"label\nd\xffg\n", "line 2"),
        (b"", "line 1"),
        (b"label\n", "file"),
        (b"name,state\n", "line 1"),
        (b"label,label\n", "line 1"),
        (b'label\n"dog', "line 2"),
        (b'label\n"dog"x\n', "line 2"),
        (b'label\n"a\nb"\n', "line 3"),
        (b"label\nd\x00g\n", "line 2"),
        (b"label\n" + b"x" * 200_000, "line 2"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, field: str) -> None:
    """In words, with the line."""
    with pytest.raises(InvalidImport) as refusal:
        read_labels(io.BytesIO(content), LabelFormat.CSV, YES)
    assert refusal.value.errors[0]["field"] == field


def test_a_table_without_its_columns_is_no_selection_table() -> None:
    """The missing column is named."""
    with pytest.raises(InvalidImport, match=r"Begin Time \(s\)"):
        read("Selection\tEnd Time (s)\tAnnotation\n", LabelFormat.RAVEN)
    with pytest.raises(InvalidImport, match="Annotation"):
        read("Begin Time (s)\tEnd Time (s)\n", LabelFormat.RAVEN)


def test_predicted_labels_say_so() -> None:
    """In each format, with their model and probability; a program that reads no states finds it in the label."""
    said: list[Written] = [
        Annotation("dog", YES),
        Predicted("=rain", "esc", 0.5, 0.25, 1.0),
        Predicted("bark", "esc", None),
    ]
    rows = [Exported(each, Recording("trk_1", "ab", "a.wav")) for each in said]
    table = list(csv.DictReader("".join(write_csv(rows, predicted=True)).splitlines()))
    assert [(row["label"], row["state"], row["start_s"], row["model"], row["probability"]) for row in table] == [
        ("dog", "confirmed", "", "", ""),
        ("'=rain", "predicted", "0.250000", "esc", "0.5000"),
        ("bark", "predicted", "", "esc", ""),
    ]
    assert "".join(write_audacity(said, 2.0)).splitlines() == [
        "0.000000\t2.000000\tdog",
        "0.250000\t1.000000\t=rain (predicted by esc, 0.5000)",
        "0.000000\t2.000000\tbark (predicted by esc)",
    ]
    raven = list(csv.DictReader("".join(write_raven(said, 2.0, 4_000.0, predicted=True)).splitlines(), delimiter="\t"))
    assert [(row["Annotation"], row["State"], row["Model"]) for row in raven] == [
        ("dog", "confirmed", ""),
        ("=rain", "predicted", "esc"),
        ("bark", "predicted", "esc"),
    ]
    lines = [json.loads(line) for line in write_jsonl(rows)]
    assert [(line["state"], line.get("model"), line.get("probability")) for line in lines] == [
        ("confirmed", None, None),
        ("predicted", "esc", 0.5),
        ("predicted", "esc", None),
    ]
