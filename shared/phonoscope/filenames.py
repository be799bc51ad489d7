"""File names of recordings: read from bytes, and cleaned for keeping."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from phonoscope.encodings import decoded

LONGEST = 255
"""Characters of a name that is kept."""
_LONGEST_GIVEN = 4 * LONGEST
"""Characters of which a name is made: NFC makes one of four at most, and its time is the square of their number."""
_ENDING = re.compile(r"(?<=.)\.(?=\d?[A-Za-z])[A-Za-z0-9]{1,5}$", re.DOTALL)
_NAMELESS = "recording"
_WINDOWS_PATH = re.compile(r"[A-Za-z]:\\|(?:.*\\)?\.{0,2}\\")
"""A drive, a server or a step up: what tells a path of Windows from a name with a backslash in it."""
_LINES_AND_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_INVISIBLE = frozenset({"Cf", "Zs"})
_ATTACHED = frozenset({"Cf", "Mc", "Me", "Mn"})
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates, which can show a name with another ending than it has."""
_BYTE_ORDER_MARK = "\ufeff"


def clean_filename(name: str) -> str:
    r"""The last part of a path in Unicode's form NFC, at most ``LONGEST`` characters, of which the last are kept.

    A backslash parts folders in a path with a drive, a server, ``.\`` or ``..\``; elsewhere it belongs to the name.

    Left out are control characters, line separators, lone surrogates, byte order marks, and the characters that
    reorder text; joiners, spaces of every width and the marks of right-to-left scripts stay. A name without a visible
    character, or of dots alone, becomes ``recording``.

    >>> clean_filename("C:\\fakepath\\a\x00b.wav"), clean_filename("..")
    ('ab.wav', 'recording')
    """
    last = _last_part("".join(filter(is_printable, name)).strip())
    kept = unicodedata.normalize("NFC", last[-_LONGEST_GIVEN:]).strip()
    if len(kept) > LONGEST or len(last) > _LONGEST_GIVEN:
        kept = _last_part(_from_a_whole_character(kept[-LONGEST:]).strip())
    return kept if not all(map(is_invisible, kept.strip("."))) else _NAMELESS


def filename_of(path: Path) -> str:
    """A file's name as it can be sent and shown, also where the system's bytes are not UTF-8."""
    return clean_filename(decoded(os.fsencode(path.name)))


def download_name(recording: str, part: str) -> str:
    """The name of a file that was made of a recording, which says of which.

    Args:
        recording: the recording's file name, whose ending is left out; a date's last dot begins none.
        part: what was made, with its ending.

    >>> download_name("Let it go.mp3", "vocals.flac"), download_name("2024.01.05", "mix.flac")
    ('Let it go - vocals.flac', '2024.01.05 - mix.flac')
    """
    return f"{_ENDING.sub('', recording)} - {part}"


def named_file(name: str, filename: str) -> str:
    """A file's name after the name that its recording has, with its own ending.

    >>> named_file("AC/DC live", "take-3.flac"), named_file("song.mp3", "x.mp3")
    ('AC-DC live.flac', 'song.mp3')
    """
    found = _ENDING.search(filename)
    ending = found[0] if found else ""
    plain = name.replace("/", "-").replace("\\", "-")
    return clean_filename(plain if plain.lower().endswith(ending.lower()) else plain + ending)


def shown_path(path: Path) -> str:
    r"""A path that is safe to print: bytes that are not UTF-8 and control characters as escapes.

    >>> shown_path(Path("a\x1b[2Jb\udcff.wav"))
    'a\\x1b[2Jb\\xff.wav'
    """
    text = os.fsencode(path).decode(errors="backslashreplace")
    return "".join(each if is_printable(each) else each.encode("unicode-escape").decode() for each in text)


def is_printable(character: str) -> bool:
    """Whether it neither breaks nor controls nor reorders a line."""
    return (
        unicodedata.category(character) not in _LINES_AND_CONTROLS
        and character not in _REORDERING
        and character != _BYTE_ORDER_MARK
    )


def is_invisible(character: str) -> bool:
    """Whether it is a space or a joiner, of which nothing is seen."""
    return unicodedata.category(character) in _INVISIBLE


def _last_part(path: str) -> str:
    last = path.rpartition("/")[2].strip()
    while _WINDOWS_PATH.match(last):
        last = last.rpartition("\\")[2].strip()
    return last


def _from_a_whole_character(text: str) -> str:
    """Without the accents and joiners at the start, which belonged to a character that was cut off."""
    start = next((at for at, character in enumerate(text) if unicodedata.category(character) not in _ATTACHED), 0)
    return text[start:]
