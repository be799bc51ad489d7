"""File names as they are read and kept."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope import filenames
from phonoscope.filenames import clean_filename, filename_of, shown_path

REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("song.wav", "song.wav"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\music\\song.wav", "song.wav"),
        ("C:\\fakepath\\song.wav", "song.wav"),
        ("\\\\server\\share\\song.wav", "song.wav"),
        ("a/b\\c.wav", "b\\c.wav"),
        ("AC\\DC.wav", "AC\\DC.wav"),
        ("music/AC\\DC.wav", "AC\\DC.wav"),
        ("¯\\_(ツ)_/¯\\.wav", "¯\\.wav"),
        ("x\\..\\..\\boot.ini", "boot.ini"),
        (" \x00C:\\x/D:\\y\\song.wav", "song.wav"),
        ("C:\\", "recording"),
        ("C:song.wav", "C:song.wav"),
        ("röhre 音.flac", "röhre 音.flac"),
        ("a\r\nX-Header: b.wav", "aX-Header: b.wav"),
        ("a\u202evaw.exe", "avaw.exe"),
        ("  song.wav  ", "song.wav"),
        ("\u00a0song.wav\u3000", "song.wav"),
        ("x " + "y" * 254, "y" * 254),
        ("", "recording"),
        ("/", "recording"),
        ("..", "recording"),
        ("a/. .", "recording"),
        ("\u200d\u200b", "recording"),
        ("\x00\x1b", "recording"),
        ("x" * 300 + ".wav", "x" * 251 + ".wav"),
        ("e\u0301" * 300 + ".wav", "é" * 251 + ".wav"),
        ("x\u0301" * 130, "x\u0301" * 127),
        ("cafe\u0301.wav", "café.wav"),
        ("\u212bngstro\u0308m.wav", "Ångström.wav"),
        ("\u1112\u1161\u11ab.wav", "한.wav"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467.wav", "\U0001f468\u200d\U0001f469\u200d\U0001f467.wav"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f.wav", "\U0001f3f4\U000e0067\U000e0062\U000e007f.wav"),
        ("\U0001fae8 \U0001fac6.wav", "\U0001fae8 \U0001fac6.wav"),
        ("می\u200cخواهم.wav", "می\u200cخواهم.wav"),
        ("שלום\u200f 1.wav", "שלום\u200f 1.wav"),
        ("12\u00a0000\u202fHz\u3000x.wav", "12\u00a0000\u202fHz\u3000x.wav"),
        ("\uf8ff.wav", "\uf8ff.wav"),
        ("\ufeffsong.wav", "song.wav"),
        ("a\u2028b\u2029c\u0085.wav", "abc.wav"),
        ("Vol. 1.", "Vol. 1."),
        (".hidden", ".hidden"),
        ("100%25.wav", "100%25.wav"),
    ],
)
def test_a_filename_is_a_name_alone(sent: str, kept: str) -> None:
    """No folder, no control, nothing that reorders it; composed letters; what is too long keeps its ending."""
    assert clean_filename(sent) == kept


def test_a_filename_is_cut_before_it_is_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """To order its marks takes the square of its length; the cut leaves no mark of a letter that is gone."""
    lengths: list[int] = []

    def normalize(form: Literal["NFC"], text: str) -> str:
        lengths.append(len(text))
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(filenames, "unicodedata", SimpleNamespace(normalize=normalize, category=unicodedata.category))
    assert clean_filename("\u03b1\u0313\u0300\u0345" * 300 + "x") == "\u1f82" * 254 + "x"
    assert clean_filename("a" + "\u0315\u0300" * 2_000).strip("\u0315\u0300") == ""
    assert max(lengths) <= 4 * 255


@settings(deadline=None)
@given(st.text(max_size=400) | st.text(alphabet="aC:.\\/ \x00", max_size=12))
def test_a_cleaned_filename_is_harmless(name: str) -> None:
    """One line of 1 to 255 characters, without a slash or a path of Windows; cleaning it again changes nothing."""
    cleaned = clean_filename(name)
    assert 0 < len(cleaned) <= 255
    assert len(cleaned.splitlines()) == 1
    assert not set(cleaned) & set("/" + REORDERING)
    assert not cleaned.startswith(("\\", ".\\", "..\\"))
    assert "\\..\\" not in cleaned
    assert cleaned.strip(".")
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean_filename(cleaned) == cleaned
    assert cleaned.encode()


@pytest.mark.parametrize(
    ("name", "read"),
    [(b"\xff.wav", "ÿ.wav"), ("röhre.wav".encode(), "röhre.wav"), (b"r\xf6hre \x80.wav", "röhre €.wav")],
)
def test_the_name_of_a_file_can_be_sent(name: bytes, read: str) -> None:
    """Bytes that are not UTF-8 are read in the encoding that they are likely to be of."""
    assert filename_of(Path("folder", os.fsdecode(name))) == read


def test_a_shown_path_moves_no_cursor() -> None:
    """What a terminal would obey, or could not print, is an escape; all else is as it is."""
    assert shown_path(Path("/music/\x1b[31mré\u202e\udcff\n\u00a0.wav")) == (
        "/music/\\x1b[31mré\\u202e\\xff\\n\u00a0.wav"
    )
