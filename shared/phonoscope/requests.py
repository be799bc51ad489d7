"""The base of all requests, and the types of their fields.

Everything in a request has bounds. Text can be stored in PostgreSQL and sent as JSON: it holds no NUL character and no
lone surrogate, which pydantic refuses in every string.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

LONGEST_NAME = 128
_WITHOUT_NUL = r"^[^\x00]*$"
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?")


class RequestModel(BaseModel):
    """A request's body, or a part of it.

    Unknown fields are refused. Types are JSON's own: ``false`` is no number, ``"3"`` is none, and numbers are finite.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class QueryModel(BaseModel):
    """Parameters of a query, which arrive as text. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def text(longest: int, shortest: int = 0) -> StringConstraints:
    """The bounds of a text, in characters."""
    return StringConstraints(min_length=shortest, max_length=longest, pattern=_WITHOUT_NUL)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("moment_out_of_range", "Input should be within the years 1 to 9999 in UTC") from error


def _as_rfc_3339(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise PydanticCustomError("moment_type", "Input should be a time with its offset (RFC 3339)")


def _matching(pattern: re.Pattern[str], what: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise PydanticCustomError("number_text", f"Input should be {what}")
        return value

    return BeforeValidator(check)


Name: TypeAlias = Annotated[str, text(LONGEST_NAME, 1)]
"""The name of a model, a label, a layer or a genre; whether it exists is checked later."""
Id: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_]{1,64}$")]
"""An identifier of this service."""
StemName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
Moment: TypeAlias = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_as_rfc_3339), AfterValidator(_utc)]
"""A time as RFC 3339 writes it; becomes UTC."""
WholeText: TypeAlias = Annotated[int, _matching(_WHOLE, "a whole number in decimal digits")]
"""A whole number in a query."""
DecimalText: TypeAlias = Annotated[float, _matching(_DECIMAL, "a number in decimal digits"), Field(allow_inf_nan=False)]
"""A number in a query."""
