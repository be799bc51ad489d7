"""``Content-Disposition``: read as the clients of forms write it, and written for downloads."""

from __future__ import annotations

import codecs
import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from itertools import filterfalse
from urllib.parse import quote, unquote_to_bytes

from phonoscope.encodings import decoded, western
from phonoscope.filenames import clean_filename

_PARAMETER = re.compile(rb';[ \t]*([^\s=;"]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;]*)')
_ESCAPED = re.compile(rb'\\(["\\])')
_PERCENT = re.compile(rb"%(22|0[DAda])")
_WORD = r"=\?[\w.-]+\?[bq]\?[ ->@-~]*\?="
_ENCODED_WORDS = re.compile(rf"{_WORD}(?:[ \t]+{_WORD})*", re.ASCII | re.IGNORECASE)
_CONTINUED = re.compile(rb"filename\*(\d{1,3})(\*?)", re.ASCII)
_UNSAFE = re.compile(r'["%*/:<>?\\|]')
_CHARSETS = re.compile(
    r"ascii|utf-(8|16)|iso8859-\d+|cp125\d|koi8-[ru]|mac-roman|shift_jis|cp932|euc_(jp|kr)|iso2022_jp|gb(2312|k|18030)|"
    r"big5|cp949"
)
"""By Python's names. It knows others, of which some are no encodings of text and some are slow."""


class Disposition:
    """A part's ``Content-Disposition``: the name of its field, and of its file.

    A file's name is read from ``filename*`` (RFC 8187, also in pieces as RFC 2231 has them), else from ``filename``:
    its bytes as ``phonoscope.encodings`` reads them, its escapes as curl and browsers write them, and encoded words
    (RFC 2047), which .NET sends.
    """

    def __init__(self, header: bytes) -> None:
        self._values: dict[bytes, bytes] = {}
        for name, value in _PARAMETER.findall(header):
            self._values.setdefault(name.lower(), _unquoted(value.strip()))

    @property
    def name(self) -> str:
        """The field's name; empty where there is none."""
        return self._values.get(b"name", b"").decode(errors="replace")

    @property
    def filename(self) -> str:
        """The file's name as it is kept; ``recording`` where there is none."""
        return clean_filename(self._extended() or self._plain())

    def _extended(self) -> str | None:
        value = self._values.get(b"filename*") or self._continued()
        return None if value is None else _read_extended(value)

    def _continued(self) -> bytes | None:
        """The pieces of a name; those that are not encoded get the form of those that are."""
        pieces = {int(found[1]): (value, found[2]) for found, value in self._pieces()}
        if 0 not in pieces:
            return None
        whole = b"".join(value if coded else quote(value).encode() for value, coded in _in_a_row(pieces))
        return whole if pieces[0][1] else b"''" + whole

    def _pieces(self) -> list[tuple[re.Match[bytes], bytes]]:
        found = ((_CONTINUED.fullmatch(name), value) for name, value in self._values.items())
        return [(match, value) for match, value in found if match is not None]

    def _plain(self) -> str:
        raw = _PERCENT.sub(_percent_decoded, self._values.get(b"filename", b""))
        return _ENCODED_WORDS.sub(_read_encoded_words, decoded(raw))


def content_disposition(kind: str, filename: str) -> str:
    r"""The header of a download, with the name for new clients and in ASCII for old ones.

    Args:
        kind: ``inline`` or ``attachment``.

    >>> content_disposition("inline", "röhre.wav")
    'inline; filename="rohre.wav"; filename*=UTF-8\'\'r%C3%B6hre.wav'
    """
    letters = filterfalse(unicodedata.combining, unicodedata.normalize("NFKD", filename))
    plain = _UNSAFE.sub("_", "".join(letters).encode("ascii", "replace").decode())
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _in_a_row(pieces: dict[int, tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [pieces[at] for at in range(len(pieces)) if at in pieces]


def _unquoted(value: bytes) -> bytes:
    if not value.startswith(b'"'):
        return value
    if len(value) == 1 or not value.endswith(b'"'):
        return value.strip(b'"')
    return _ESCAPED.sub(rb"\1", value[1:-1])


def _percent_decoded(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode())


def _read_extended(value: bytes) -> str | None:
    """The value of ``charset'language'percent-encoded``; ``None`` where it is not that, or not in that charset."""
    charset, _, rest = value.partition(b"'")
    _, quotation, text = rest.partition(b"'")
    if not quotation:
        return None
    return _decoded(unquote_to_bytes(text), charset.decode(errors="replace")) or None


def _read_encoded_words(found: re.Match[str]) -> str:
    """Encoded words in a row, or the same text where one of them cannot be read."""
    try:
        read = [_decoded(raw, charset or "") for raw, charset in decode_header(found[0])]
    except (HeaderParseError, ValueError):
        return found[0]
    return found[0] if None in read else "".join(filter(None, read))


def _decoded(raw: bytes, charset: str) -> str | None:
    """The text; ``None`` where the bytes are not of that charset, or it is not known."""
    if not charset:
        return decoded(raw)
    try:
        codec = codecs.lookup(charset).name
        if codec == "iso8859-1":
            return western(raw)
        return raw.decode(codec) if _CHARSETS.fullmatch(codec) else None
    except (LookupError, UnicodeError, ValueError):
        return None
