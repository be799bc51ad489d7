"""What cannot be analysed is refused with the right error, which names what was found."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio import examine as examine_module
from phonoscope.audio.decode import Recording
from phonoscope.audio.encode import Encoder
from phonoscope.errors import (
    EmptyUpload,
    EncryptedRecording,
    NoAudioStream,
    NonFiniteSamples,
    NotARecording,
    RecordingError,
    RecordingTooLong,
    UndecodableRecording,
    UnsupportedCodec,
)

if TYPE_CHECKING:
    from tests.unit.audio.maker import Maker

KEY = "00112233445566778899aabbccddeeff"
LOCKED = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": KEY, "encryption_kid": KEY}
NOISE = np.random.default_rng(3).bytes(30_000)
ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)


def test_nothing_at_all(make: Maker) -> None:
    """A file without bytes is empty."""
    with pytest.raises(EmptyUpload, match="no bytes"):
        make.examine(b"")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"I am a text, whatever I am called.\n" * 50, "text"),
        (NOISE, "no known kind"),
        (bytes(20_000), "zeros"),
        (b"\x00", "zeros"),
        (b"\x89PNG\r\n\x1a\n" + NOISE, "PNG"),
        (b"PK\x03\x04" + NOISE, "ZIP"),
        (b"%PDF-1.7\n" + NOISE, "PDF"),
    ],
)
def test_other_things(data: bytes, what: str, make: Maker) -> None:
    """What is no recording is answered 415 and called what it looks like."""
    with pytest.raises(NotARecording, match=what) as caught:
        make.examine(data)
    assert caught.value.status == 415


@pytest.mark.parametrize("seed", range(40))
def test_noise_is_no_recording(seed: int, make: Maker) -> None:
    """Random bytes of several sizes, also of few values, are never taken for one of the formats without a mark."""
    random = np.random.default_rng(seed)
    size = int(random.choice([50, 1_000, 20_000]))
    for values in (256, 8, 2):
        noise = random.integers(0, values, size, dtype=np.uint8).tobytes()
        try:
            found = make.examine(noise)
        except RecordingError as error:
            assert error.status in {415, 422}  # noqa: PT017 - a few look like damaged MPEG audio
        else:
            assert found.container in {"mp3", "aac"}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>" * 40, "text"),
        (b"GIF89a" + bytes(1_000), "GIF"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(1_000), "JPEG"),
        (b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0", "no known kind"),
        (b"Extended Module: song" + bytes(2_000), "text|no known kind"),
        (b"RIFF\x24\0\0\0sfbk" + bytes(100), "wav"),
        (b"SQLite format 3\0" + bytes(4_000), "text|no known kind"),
        (b"\xcf\xfa\xed\xfe" + bytes(4_000), "no known kind"),
        ("Größe, naïve: Überraschung\n".encode("latin-1") * 90, "no known kind"),
        (b"\0" * 3 + b"\x18ftypheic" + bytes(400), "mp4|no sound|no known kind"),
    ],
)
def test_files_of_other_kinds(data: bytes, what: str, make: Maker) -> None:
    """Images, notes, modules, sound fonts, databases, programs and text in any encoding."""
    with pytest.raises(RecordingError, match=what) as caught:
        make.examine(data)
    assert caught.value.status in {415, 422}


@pytest.mark.parametrize("name", ["text.mp3", "text.wav", "list.m3u8"])
def test_a_name_does_not_make_a_recording(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The file's name is no hint: text called .mp3 is still text."""
    path = tmp_path_factory.mktemp("named") / name
    path.write_bytes(b"nothing to hear here\n" * 400)
    with path.open("rb") as file, pytest.raises(NotARecording):
        Recording(file)


@pytest.mark.parametrize(
    "script",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{0}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/{0}\n",
        "ffconcat version 1.0\nfile '{0}'\n",
        "ffconcat version 1.0\nfile 'concat:{0}|{0}'\n",
        "[playlist]\nFile1={0}\nNumberOfEntries=1\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>{0}</BaseURL></Period></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\na={0}\n",
        "<smil><body><audio src='{0}'/></body></smil>",
    ],
)
def test_files_that_name_others_are_never_followed(
    script: str, make: Maker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Playlists, concat scripts, manifests and session descriptions are refused; what they name is not opened."""
    named = tmp_path_factory.mktemp("named") / "secret.wav"
    named.write_bytes(make.recording("wav-s16"))
    with pytest.raises(NotARecording):
        make.examine(script.format(named).encode())


@pytest.mark.parametrize(
    "name", ["wav-s16", "rf64", "w64", "flac", "mp3", "ogg-vorbis", "opus", "m4a", "webm", "aiff", "caf", "adts", "ac3"]
)
@pytest.mark.parametrize("length", [4, 12, 40])
def test_truncated_headers(name: str, length: int, make: Maker) -> None:
    """The first bytes of a recording alone are refused, whatever the format."""
    with pytest.raises(RecordingError) as caught:
        make.examine(make.recording(name)[:length])
    assert caught.value.status in {415, 422}
    assert caught.value.detail


@pytest.mark.parametrize(("name", "header"), [("flac", 86), ("wavpack", 32), ("tta", 40), ("adts", 7), ("opus", 150)])
def test_garbage_behind_a_header(name: str, header: int, make: Maker) -> None:
    """A good header does not vouch for what follows: without one decoded sample there is nothing to analyse."""
    with pytest.raises(RecordingError) as caught:
        make.examine(make.recording(name)[:header] + NOISE)
    assert isinstance(caught.value, (UndecodableRecording, NotARecording))


@pytest.mark.parametrize("tail", [b"", NOISE, b"only words follow the tag " * 100])
def test_a_tag_without_sound(tail: bytes, make: Maker) -> None:
    """An ID3 tag promises an MP3 but is none."""
    with pytest.raises(RecordingError):
        make.examine(ID3 + tail)


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "avi", "mov", "mpegts"])
def test_a_silent_video(muxer: str, make: Maker) -> None:
    """A video without sound has no audio stream, and the answer says what there is instead."""
    with pytest.raises(NoAudioStream, match="video") as caught:
        make.examine(make.video(muxer))
    assert caught.value.status == 415


@pytest.mark.parametrize("name", ["m4a", "alac", "mp4-fragmented"])
def test_an_encrypted_mp4(name: str, make: Maker) -> None:
    """Sound under common encryption is called encrypted, by the probe and by the decoder."""
    kind = make.formats[name]
    data = make.encode(kind, make.tone(48_000, 0.5), muxer="mp4", options={**kind.options, **LOCKED})
    with pytest.raises(EncryptedRecording, match="encrypted") as caught:
        make.examine(data)
    assert caught.value.status == 415
    with pytest.raises(EncryptedRecording):
        make.decode(data, 16_000)


def test_an_encrypted_webm(make: Maker) -> None:
    """A WebM track under content encryption is called encrypted."""
    with pytest.raises(EncryptedRecording):
        make.examine(_webm(_element("5035", _element("47E1", b"\x05") + _element("47E2", bytes(16)))))
    assert make.examine(_webm(b"")).codec == "pcm_s16le"


def test_an_exotic_codec(make: Maker) -> None:
    """A codec that nobody here can decode is named as the reason."""
    with pytest.raises(UnsupportedCodec, match="wav") as caught:
        make.examine(make.wav(bytes(8_000), tag=0x1234))
    assert caught.value.status == 415


@pytest.mark.parametrize("name", ["wav-s16", "wav-f32", "aiff", "au", "caf", "w64"])
def test_no_samples(name: str, make: Maker) -> None:
    """A header with nothing behind it holds no recording, whatever it claims."""
    width = 4 if name == "wav-f32" else 2
    with pytest.raises(UndecodableRecording):
        make.examine(make.recording(name)[: -48_000 * width])
    with pytest.raises(UndecodableRecording):
        make.examine(make.wav(b"", bits=8 * width))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("dtype", "bits"), [("<f4", 32), ("<f8", 64)])
@pytest.mark.parametrize("at_s", [0.0, 29.5])
def test_samples_that_are_no_numbers(value: float, dtype: str, bits: int, at_s: float, make: Maker) -> None:
    """A float recording is searched to its end, and the answer says when the first bad sample comes."""
    samples = np.zeros((30 * 8_000, 2), dtype)
    samples[int(at_s * 8_000) :, 1] = value
    data = make.wav(samples.tobytes(), tag=3, channels=2, bits=bits)
    with pytest.raises(NonFiniteSamples, match=rf"at {at_s:.4f} s"):
        make.examine(data)
    assert np.isfinite(make.decode(data, 8_000).samples).all()


def test_compressed_samples_that_are_no_numbers(make: Maker) -> None:
    """WavPack keeps floats as they are, so it is searched to its end too, block after block."""
    samples = np.zeros((1, 60 * 8_000), np.float32)
    samples[0, 50 * 8_000] = np.nan
    with pytest.raises(NonFiniteSamples, match=r"at 50\.0000 s"):
        make.examine(_wavpack(samples))
    samples[0, 50 * 8_000] = 0.5
    assert make.examine(_wavpack(samples)).duration_s == pytest.approx(60.0)


def _wavpack(samples: NDArray[np.float32]) -> bytes:
    """Mono, 8 kHz."""
    file = io.BytesIO()
    with av.open(file, "w", format="wv") as container:
        stream = container.add_stream("wavpack", rate=8_000, layout="mono", format="fltp")
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 8_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@pytest.mark.parametrize("name", ["wav-mulaw", "flac", "mp3", "opus", "m4a", "webm-live", "adts"])
def test_too_long(name: str, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the limit is refused with both numbers, whether or not a header says how long it is."""
    monkeypatch.setattr(examine_module, "_PROOF_S", 0.2)
    data = make.recording(name, 2.0)
    with pytest.raises(RecordingTooLong, match=r"more than 1\..* s; .* 1.5 s"):
        make.examine(data, 1.5)
    assert make.examine(data, 2.1).duration_s == pytest.approx(2.0, abs=0.1)


def test_as_long_as_the_limit(make: Maker) -> None:
    """It is taken, although the lengths of its 1,667 packets add up to a little more."""
    with Encoder(file := io.BytesIO(), 8_000, channels=1) as encoder:
        encoder.write(np.zeros((1, 120 * 8_000), dtype=np.float32))
    assert make.examine(file.getvalue(), 120.0).duration_s == pytest.approx(120.0)


def test_a_boast_is_not_too_long(make: Maker) -> None:
    """What counts is what is there: a header that claims days over a second of sound is only warned of."""
    found = make.examine(make.wav(bytes(16_000), claimed=2**32 - 16), 60.0)
    assert found.duration_s == 1.0
    assert found.warnings


@pytest.mark.parametrize("rate_hz", [1_000_001, 2_000_000_000])
def test_impossible_rates(rate_hz: int, make: Maker) -> None:
    """A rate that would make the resampler's filter huge is refused by the probe and by the decoder."""
    data = make.wav(bytes(16_000), rate_hz=rate_hz, bits=8)
    with pytest.raises(UndecodableRecording, match="Hz"):
        make.examine(data)
    with pytest.raises(UndecodableRecording, match="Hz"):
        make.decode(data, 16_000)


def _element(identifier: str, body: bytes) -> bytes:
    return bytes.fromhex(identifier) + struct.pack(">Q", len(body) | 1 << 56) + body


def _webm(encoding: bytes) -> bytes:
    audio = _element(
        "E1", _element("B5", struct.pack(">f", 8000.0)) + _element("9F", b"\x01") + _element("6264", b"\x10")
    )
    encodings = _element("6D80", _element("6240", _element("5033", b"\x01") + encoding)) if encoding else b""
    track = _element("D7", b"\x01") + _element("73C5", b"\x01") + _element("83", b"\x02")
    track += _element("86", b"A_PCM/INT/LIT") + audio + encodings
    block = _element("A3", b"\x81\x00\x00\x80" + bytes(1600))
    cluster = _element("1F43B675", _element("E7", b"\x00") + block)
    info = _element("1549A966", _element("2AD7B1", b"\x0f\x42\x40"))
    head = _element("1A45DFA3", _element("4282", b"webm"))
    return head + _element("18538067", info + _element("1654AE6B", _element("AE", track)) + cluster)


def test_the_reader_must_be_at_fault_for_a_fault_in_the_file() -> None:
    """A disk that fails while a recording is read is not blamed on the recording."""

    class Failing(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(5, "the disk is broken")

    with pytest.raises(OSError, match="disk is broken"):
        Recording(Failing(b"RIFF"))
