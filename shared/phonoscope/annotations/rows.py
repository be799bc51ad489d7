"""The lines of files with labels: what each says, and of which recording."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from phonoscope.annotations.values import Annotation, AnyState, Label, LabelRequest, check_end
from phonoscope.errors import InvalidImport
from phonoscope.requests import DecimalText, QueryModel, text
from phonoscope.states import LabelState

MOST_LINES = 100_000
"""Lines of a file that say something, right or wrong."""
LONGEST_LINE = 1 << 16
"""Characters of a line with its end, and of a table's row, which may have several lines."""
_MOST_NAMED = 20
_LONGEST_FIELD = 100
"""Characters of a field's name in an error: it may be the sender's own."""
_LONGEST_PATH = 4_096
Naming: TypeAlias = Annotated[str, text(_LONGEST_PATH)]


@dataclass(frozen=True, slots=True)
class Recording:
    """How a line names its recording; empty where it does not."""

    track_id: str = ""
    sha256: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, counted from 1, and the label that it confirms or rejects."""

    number: int
    annotation: Annotation
    recording: Recording = Recording()


@dataclass(frozen=True, slots=True)
class Predicted:
    """A label that a model gives to a recording, or with times in seconds to a span of it; nobody confirmed it.

    One of very many that a model gives at once has no probability.
    """

    label: str
    model: str
    probability: float | None
    start_s: float | None = None
    end_s: float | None = None

    @property
    def state(self) -> str:
        """In the place of an annotation's."""
        return "predicted"


Written: TypeAlias = Annotation | Predicted


@dataclass(frozen=True, slots=True)
class Exported:
    """A label as it is written, and the recording that it is of."""

    annotation: Written
    recording: Recording


def source_of(said: Written) -> tuple[str, str]:
    """The model that gives a label, and its probability with four decimals; both empty where its owner said it."""
    if not isinstance(said, Predicted):
        return "", ""
    return said.model, "" if said.probability is None else f"{said.probability:.4f}"


class TextRow(QueryModel):
    """A line whose values are text."""

    label: Label
    state: AnyState = LabelState.CONFIRMED
    start_s: DecimalText | None = None
    end_s: DecimalText | None = None
    track_id: Naming = ""
    sha256: Naming = ""
    filename: Naming = ""

    @field_validator("start_s")
    @classmethod
    def _check_start(cls, start_s: float | None) -> float | None:
        if start_s is not None and start_s < 0.0:
            raise PydanticCustomError("start_early", "must not be before the recording's start")
        return start_s

    @field_validator("end_s")
    @classmethod
    def _check_end(cls, end_s: float | None, info: ValidationInfo) -> float | None:
        check_end(info.data, end_s)
        return end_s


class JsonRow(LabelRequest):
    """A line that is a JSON object."""

    track_id: Naming = ""
    sha256: Naming = ""
    filename: Naming = ""


@dataclass
class Faults:
    """What is wrong in a file, by line: the first twenty of it, and how much there is."""

    first: list[tuple[int, str]] = field(default_factory=list)
    count: int = 0

    def add(self, number: int, message: str) -> None:
        """Notes what is wrong in a line, in any order."""
        self.count += 1
        insort(self.first, (number, message))
        del self.first[_MOST_NAMED:]

    def check(self) -> None:
        """Raises ``InvalidImport``, which names the first lines that are wrong, where there are any."""
        if not self.count:
            return
        named = [{"field": f"line {number}", "message": message} for number, message in self.first]
        more = f"; and {self.count - len(named):,} more" if self.count > len(named) else ""
        raise InvalidImport("; ".join(f"{each['field']}: {each['message']}" for each in named) + more, errors=named)


class Lines:
    """Collects the lines of a file. A line that is wrong is noted, and the next one is read."""

    def __init__(self, state: LabelState) -> None:
        self._state = state
        self._found: list[Line] = []
        self._faults = Faults()

    def add_text(self, number: int, values: dict[str, str]) -> None:
        """A line by its values; empty ones are left out. Without a state it has the one that the file has."""
        given = {name: value for name, value in values.items() if value != ""}
        try:
            row = TextRow.model_validate({"state": self._state.value, **given})
        except ValidationError as error:
            self.refuse(number, self._why(error))
        else:
            self._add(number, row)

    def add_json(self, number: int, line: str) -> None:
        """A line that is a JSON object."""
        try:
            row = JsonRow.model_validate_json(line)
        except ValidationError as error:
            self.refuse(number, self._why(error))
        else:
            self._add(number, row)

    def refuse(self, number: int, message: str) -> None:
        """Notes what is wrong in a line. Raises ``InvalidImport`` where there are more than ``MOST_LINES``."""
        self._check_count()
        self._faults.add(number, message)

    def finish(self) -> list[Line]:
        """Raises ``InvalidImport`` where a line is wrong, and for a file without a label."""
        self._faults.check()
        if not self._found:
            raise InvalidImport.field("file", "has no labels")
        return self._found

    def _add(self, number: int, row: TextRow | JsonRow) -> None:
        self._check_count()
        state = self._state if isinstance(row, JsonRow) and "state" not in row.model_fields_set else row.state
        said = Annotation(row.label, state, row.start_s, row.end_s)
        self._found.append(Line(number, said, Recording(row.track_id, row.sha256, row.filename)))

    def _why(self, error: ValidationError) -> str:
        """The first thing that is wrong in a line; lines come in order, and nothing is said of the later ones."""
        if self._faults.count >= _MOST_NAMED:
            return ""
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:_LONGEST_FIELD]
        return f"{where}: {first['msg']}" if where else str(first["msg"])

    def _check_count(self) -> None:
        if len(self._found) + self._faults.count == MOST_LINES:
            raise InvalidImport.field("file", f"has more than {MOST_LINES:,} labels; split it")


def as_text(seconds: float | None) -> str:
    """Seconds with six decimals; empty where there are none.

    >>> as_text(0.1), as_text(None)
    ('0.100000', '')
    """
    return "" if seconds is None else f"{seconds:.6f}"


def in_seconds(number: str) -> str:
    """A number as other programs write it: a comma may be the decimal mark.

    >>> in_seconds("1,5")
    '1.5'
    """
    return number.strip().replace(",", ".") if number.count(",") == 1 and "." not in number else number.strip()
