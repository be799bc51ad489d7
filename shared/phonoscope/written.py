"""Text that people write: checked, and in Unicode's form NFC."""

from __future__ import annotations

import unicodedata

from pydantic_core import PydanticCustomError

from phonoscope.filenames import is_invisible, is_printable

_PER_CHARACTER = 4
"""Characters of which NFC makes one at most. Its time is the square of their number: more are refused before it."""


def clean_line(text: str, longest: int, what: str) -> str:
    r"""A line in Unicode's form NFC, without spaces around it.

    >>> clean_line(" e\u0301tude ", 100, "label")
    'étude'

    Args:
        longest: characters.
        what: what the line is, for errors.

    Raises ``PydanticCustomError`` for what is longer, no line, or not visible.
    """
    given = text.strip()
    line = unicodedata.normalize("NFC", given).strip() if len(given) <= _PER_CHARACTER * longest else given
    if not 1 <= len(line) <= longest:
        raise _error(what, "length", f"has 1 to {longest} characters")
    if not all(map(is_printable, line)):
        raise _error(what, "line", "is one line without control characters")
    if all(map(is_invisible, line)):
        raise _error(what, "visible", "has a visible character")
    return line


def clean_text(text: str, longest: int, what: str) -> str:
    r"""Lines in Unicode's form NFC, each ended by ``\n``, without spaces around them; "" for nothing.

    >>> clean_text("one\r\ntwo ", 100, "note")
    'one\ntwo'

    Raises ``PydanticCustomError`` for what is longer than ``longest`` characters or has control characters.
    """
    given = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(given) > longest or len(kept := unicodedata.normalize("NFC", given)) > longest:
        raise _error(what, "length", f"has at most {longest:,} characters")
    if not all(is_printable(each) or each in "\n\t" for each in kept):
        raise _error(what, "lines", "has no control characters")
    return kept


def _error(what: str, kind: str, message: str) -> PydanticCustomError:
    return PydanticCustomError(f"{what}_{kind}", f"A {what} {message}")
