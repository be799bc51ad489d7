"""Texts of the statements that connections know by a name, which is all that their calls say."""

from __future__ import annotations

import re

_CALL = re.compile(r"EXECUTE (\w+)[^;]*")
_texts: dict[str, str] = {}


def note_statement(name: str, sql: str) -> None:
    """Remembers what a prepared statement is, for spans that show its call."""
    _texts[name] = sql


def as_written(text: str) -> str:
    """The text of calls, with the statements that they name in their place; any other text is as it was.

    >>> note_statement("phonoscope_1", "SELECT :word")
    >>> as_written("EXECUTE phonoscope_1 (%(word)s);EXECUTE other")
    'SELECT :word;EXECUTE other'
    """
    return _CALL.sub(lambda found: _texts.get(found[1], found[0]), text)
