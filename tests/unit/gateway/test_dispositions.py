"""``Content-Disposition``, as clients write it and as this service does."""

from __future__ import annotations

from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope.filenames import clean_filename
from phonoscope_gateway.dispositions import Disposition, content_disposition

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        ("filename*=UTF-8''r%C3%B6hre.wav", "röhre.wav"),
        ("filename*=utf-8'de'r%c3%b6hre.wav", "röhre.wav"),
        ("filename*=\"UTF-8''r%C3%B6hre.wav\"", "röhre.wav"),
        ("filename*=iso-8859-1''r%F6hre.wav", "röhre.wav"),
        ("filename*=iso-8859-1''%80.wav", "€.wav"),
        ("filename*=windows-1251''%EF.wav", "п.wav"),
        ("filename*=''r%C3%B6hre.wav", "röhre.wav"),
        ("FileName*=UTF-8''a%2Fb%5Cc.wav", "b\\c.wav"),
        ('filename="AC\\DC.wav"', "AC\\DC.wav"),
        ('filename="AC\\\\DC.wav"', "AC\\DC.wav"),
        ("filename*=UTF-8''AC%5CDC.wav", "AC\\DC.wav"),
        ('filename="\xcf\xe5\xf1\xed\xff.wav"', "Песня.wav"),
        ('filename="\x95\\.wav"', "表.wav"),
        ("filename=\"plain.wav\"; filename*=UTF-8''r%C3%B6hre.wav", "röhre.wav"),
        ("filename*=UTF-8''r%C3%B6hre.wav; filename=\"plain.wav\"", "röhre.wav"),
        ("filename=\"plain.wav\"; filename*=UTF-8''%ff", "plain.wav"),
        ("filename=\"plain.wav\"; filename*=UTF-8''", "plain.wav"),
        ('filename="plain.wav"; filename*=nonsense', "plain.wav"),
        ("filename=\"plain.wav\"; filename*=zlib''abc", "plain.wav"),
        ("filename*0*=UTF-8''r%C3%B6; filename*1=hre%.wav", "röhre%.wav"),
        ("filename*1*=re.wav; filename*0*=UTF-8''r%C3%B6h", "röhre.wav"),
        ('filename*0="long "; filename*1="name.wav"', "long name.wav"),
        ('filename="=?utf-8?B?csO2aHJlLndhdg==?="', "röhre.wav"),
        ("filename==?utf-8?B?csO2aHJlLndhdg==?=", "röhre.wav"),
        ("filename=\"=?utf-8?B?csO2aHJlLndhdg==?=\"; filename*=utf-8''r%C3%B6hre.wav", "röhre.wav"),
        ('filename="=?UTF-8?q?r=C3=B6hre_=5F1.wav?="', "röhre _1.wav"),
        ('filename="=?iso-8859-1?Q?r=F6hre.wav?="', "röhre.wav"),
        ('filename="=?utf-8?B?csO2aA==?= =?utf-8?B?cmUud2F2?="', "röhre.wav"),
        ('filename="1 =?utf-8?Q?r=C3=B6hre?=.wav"', "1 röhre.wav"),
        ('filename="=?utf-8?B?////?=.wav"', "?=.wav"),
        ('filename="=?zlib?B?csO2?=.wav"', "=?zlib?B?csO2?=.wav"),
        ('filename="=?x?=.wav"', "=?x?=.wav"),
        ('filename="r\xf6hre.wav"', "röhre.wav"),
        ('filename="a%22b%22.wav"', 'a"b".wav'),
        ('filename="a%0D%0Ab%0a.wav"', "ab.wav"),
        ('filename="100%25 %41.wav"', "100%25 %41.wav"),
        ('filename="a\\"b\\".wav"', 'a"b".wav'),
        ('filename="C:\\fakepath\\a.wav"', "a.wav"),
        ('filename="C:\\\\fakepath\\\\a.wav"', "a.wav"),
        ('filename="C:\\fakepath\\"', "recording"),
        ('filename="a; name=b.wav"', "a; name=b.wav"),
        ("filename=my song.wav", "my song.wav"),
        ("filename=song.wav", "song.wav"),
        ('filename = "song.wav" ', "song.wav"),
        ('filename="first.wav"; filename="second.wav"', "first.wav"),
        ('filename=""', "recording"),
        ('filename="', "recording"),
        ("filename", "recording"),
        ("", "recording"),
    ],
)
def test_a_files_name_is_read_as_it_was_meant(parameters: str, filename: str) -> None:
    """``filename*`` first, then ``filename`` with whatever escapes; the field's own name is not lost over it."""
    for header in (f'form-data; name="file"; {parameters}', f"form-data; {parameters}; name=file"):
        if parameters.count('"') % 2 and not header.endswith(parameters):
            continue
        read = Disposition(header.encode("latin-1"))
        assert (read.name, read.filename) == ("file", filename), header


@pytest.mark.parametrize("name", ["röhre 音.wav", f"{FAMILY}.wav", "a\u00a0b.wav", "שיר.wav"])
def test_raw_utf_8_is_read(name: str) -> None:
    """As all browsers send it."""
    assert Disposition(f'form-data; name="file"; filename="{name}"'.encode()).filename == name


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_header_breaks_it(noise: bytes) -> None:
    """Whatever the bytes, there is a name."""
    for header in (noise, b"form-data; filename*=" + noise, b'form-data; filename="=?utf-8?b?' + noise + b'?="'):
        assert Disposition(header).filename


def test_long_headers_take_no_long_time() -> None:
    """Neither quotes nor escapes nor parameters without end make the reader go back and forth."""
    for many in (b'"', b"\\", b";", b'; a="', b"=?utf-8?q?", b"; filename*1=x", b'\\"'):
        header = b'form-data; name="file"; filename="' + many * 32_000
        assert Disposition(header[:32_000]).filename


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60).map(clean_filename))
def test_a_download_gives_the_name_back(name: str) -> None:
    """In full for who reads RFC 8187, and as a safe ASCII name for who does not."""
    header = content_disposition("attachment", name)
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    assert Disposition(header.encode()).filename == name
    plain = header.split('"')[1]
    assert plain.isascii()
    assert plain.isprintable()
    assert not set(plain) & set('"%*/:<>?\\|')
