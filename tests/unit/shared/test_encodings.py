"""Names whose bytes say no encoding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope.encodings import decoded

NAMES = {
    "cp932": ["日本語", "ソナタ", "さくら", "東京の夜 live", "表", "夜に駆ける (cover)", "01 君が代"],
    "gbk": ["我的音乐", "月亮代表我的心", "月", "北京", "中国话", "01 海阔天空"],
    "big5": ["音樂", "愛情", "月亮代表我的心"],
    "cp949": ["사랑", "봄날", "사랑의 노래"],
    "koi8-r": ["Музыка", "музыка", "Песня о друге", "Лето 2024 (live)"],
    "cp1251": ["Музыка", "Любовь", "лето", "Песня о друге"],
    "cp1252": [
        "café", "Röhre", "Garçon élève", "été", "Ünïcödé", "Ångström", "Ó", "São João à noite", "don’t can’t",
        "naïve – “été”", "Pokémon™", "10€", "Señor ¿qué?", "Motörhead – Live «1988»", "ÿ",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "name"), [(key, name) for key, names in NAMES.items() for name in names])
def test_a_name_is_read_as_it_was_written(encoding: str, name: str) -> None:
    """In the encodings of old Windows and Unix clients; and in UTF-8, which is certain."""
    assert decoded(f"{name}.wav".encode(encoding)) == f"{name}.wav"
    assert decoded(f"{name}.wav".encode()) == f"{name}.wav"


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("ÄÖÜ", "cp1252"),
        ("ÀÉÈ", "cp1252"),
        ("ЯЗЬ", "cp1251"),
        ("Ελλάδα", "cp1253"),
        ("песня", "cp866"),
        ("Życie", "cp1250"),
    ],
)
def test_what_could_be_several_names_is_none(name: str, encoding: str) -> None:
    """Its bytes are replaced, and what is ASCII stays: no wrong name is taken for a right one."""
    read = decoded(f"{name} 1.wav".encode(encoding))
    assert "\ufffd" in read
    assert read.endswith(" 1.wav")


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_name(raw: bytes) -> None:
    """Text that can be stored, whose ASCII stays as it is."""
    decoded(raw).encode()
    ascii_only = bytes(byte & 0x7F for byte in raw)
    assert decoded(ascii_only) == ascii_only.decode()
