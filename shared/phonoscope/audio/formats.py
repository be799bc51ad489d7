"""The containers and codecs that are read; ``python -m phonoscope.audio.formats`` prints them for ``docs/files.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError


class Format(NamedTuple):
    """A container that is read.

    Attributes:
        name: its common name, as a track's ``container`` has it.
        reader: FFmpeg's name of its demuxer.
        endings: the usual endings of its files' names; they are not looked at.
        audio: its media type without video; ``None`` where it always holds video.
        video: its media type with video, where that is another one.
    """

    name: str
    reader: str
    endings: str
    audio: str | None
    video: str | None = None


# Left out on purpose: playlists and scripts, which name other files or addresses to read; formats without a mark of
# their own, as which any bytes would pass; formats whose sound is made from instructions.
FORMATS = (
    Format("wav", "wav", "wav bwf rf64 bw64", "audio/wav"),
    Format("w64", "w64", "w64", "audio/x-w64"),
    Format("aiff", "aiff", "aiff aif aifc", "audio/aiff"),
    Format("caf", "caf", "caf", "audio/x-caf"),
    Format("au", "au", "au snd", "audio/basic"),
    Format("flac", "flac", "flac", "audio/flac"),
    Format("wv", "wv", "wv", "audio/x-wavpack"),
    Format("ape", "ape", "ape", "audio/x-ape"),
    Format("tta", "tta", "tta", "audio/x-tta"),
    Format("tak", "tak", "tak", "audio/x-tak"),
    Format("shn", "shn", "shn", "audio/x-shorten"),
    Format("dsf", "dsf", "dsf", "audio/x-dsf"),
    Format("iff", "iff", "8svx iff dff", "audio/x-iff"),
    Format("mp3", "mp3", "mp3 mp2 mp1 mpa", "audio/mpeg"),
    Format("aac", "aac", "aac", "audio/aac"),
    Format("loas", "loas", "loas latm", "audio/x-loas"),
    Format("mpc", "mpc", "mpc", "audio/x-musepack"),
    Format("mpc8", "mpc8", "mpc", "audio/x-musepack"),
    Format("ac3", "ac3", "ac3", "audio/ac3"),
    Format("eac3", "eac3", "eac3 ec3", "audio/eac3"),
    Format("dts", "dts", "dts", "audio/vnd.dts"),
    Format("dtshd", "dtshd", "dtshd", "audio/vnd.dts.hd"),
    Format("truehd", "truehd", "thd", "audio/vnd.dolby.mlp"),
    Format("mlp", "mlp", "mlp", "audio/vnd.dolby.mlp"),
    Format("spdif", "spdif", "spdif", "audio/x-spdif"),
    Format("amr", "amr", "amr awb", "audio/AMR"),
    Format("voc", "voc", "voc", "audio/x-voc"),
    Format("sph", "nistsphere", "sph nist wv1 wv2", "audio/x-nist"),
    Format("ircam", "ircam", "sf ircam", "audio/x-ircam"),
    Format("nsp", "nsp", "nsp", "audio/x-nsp"),
    Format("avr", "avr", "avr", "audio/x-avr"),
    Format("paf", "epaf", "paf", "audio/x-paf"),
    Format("pvf", "pvf", "pvf", "audio/x-pvf"),
    Format("sox", "sox", "sox", "audio/x-sox"),
    Format("wve", "wve", "wve", "audio/x-wve"),
    Format("qcp", "qcp", "qcp", "audio/qcelp"),
    Format("mmf", "mmf", "mmf", "audio/x-smaf"),
    Format("adx", "adx", "adx", "audio/x-adx"),
    Format("ast", "ast", "ast", "audio/x-ast"),
    Format("vag", "vag", "vag", "audio/x-vag"),
    Format("xwma", "xwma", "xwma xma", "audio/x-xwma"),
    Format("qoa", "qoa", "qoa", "audio/x-qoa"),
    Format("rm", "rm", "rm ra rmvb", "audio/vnd.rn-realaudio", "application/vnd.rn-realmedia"),
    Format("ogg", "ogg", "ogg oga opus spx ogv", "audio/ogg", "video/ogg"),
    Format("mp4", "mp4", "mp4 m4a m4b m4v f4v stem.mp4", "audio/mp4", "video/mp4"),
    Format("mov", "mov", "mov", None, "video/quicktime"),
    Format("3gp", "3gp", "3gp 3g2", "audio/3gpp", "video/3gpp"),
    Format("matroska", "matroska", "mkv mka", "audio/matroska", "video/matroska"),
    Format("webm", "webm", "webm weba", "audio/webm", "video/webm"),
    Format("asf", "asf", "wma asf wmv", "audio/x-ms-wma", "video/x-ms-asf"),
    Format("avi", "avi", "avi", None, "video/x-msvideo"),
    Format("flv", "flv", "flv", None, "video/x-flv"),
    Format("mpeg", "mpeg", "mpg mpeg vob", "audio/mpeg", "video/mpeg"),
    Format("mpegts", "mpegts", "ts m2ts mts", None, "video/mp2t"),
    Format("mxf", "mxf", "mxf", "application/mxf"),
    Format("gxf", "gxf", "gxf", "application/gxf"),
    Format("wtv", "wtv", "wtv", None, "video/x-ms-wtv"),
    Format("nut", "nut", "nut", "audio/x-nut", "video/x-nut"),
)
READERS = ",".join(form.reader for form in FORMATS)
"""FFmpeg's list of the demuxers that may open an upload."""

_BY_NAME = {form.name: form for form in FORMATS}
_BY_READER = {form.reader: form for form in FORMATS}
_FAMILIES = ("pcm", "adpcm", "dsd", "atrac")


def name_of(reader: str) -> str:
    """The common name of the container that a demuxer reads."""
    return _BY_READER[reader].name if reader in _BY_READER else reader


def media_type(name: str, *, video: bool) -> str:
    """The media type of a container by its name, with or without video."""
    form = _BY_NAME.get(name)
    types = (form.video, form.audio) if form and video else (form.audio, form.video) if form else ()
    return next((kind for kind in types if kind), "application/octet-stream")


def table() -> str:
    """The containers as a Markdown table, and the codecs as a sentence."""
    rows = [f"| `{form.name}` | {_endings(form)} | {_types(form)} |" for form in sorted(FORMATS)]
    head = ["| container | usual endings | media type |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows, "", f"Codecs: {', '.join(_codecs())}."])


def _endings(form: Format) -> str:
    return ", ".join(f"`.{ending}`" for ending in form.endings.split())


def _types(form: Format) -> str:
    return ", ".join(f"`{kind}`" for kind in (form.audio, form.video) if kind)


def _codecs() -> list[str]:
    """The names of all audio codecs that can be decoded; those of a large family by its name and their number."""
    names = sorted(set(_decodable()))
    alone = [name for name in names if not name.startswith(tuple(f"{family}_" for family in _FAMILIES))]
    sizes = {family: sum(name.startswith(f"{family}_") for name in names) for family in _FAMILIES}
    return [f"`{name}`" for name in alone] + [f"`{family}_…` ({size} kinds)" for family, size in sizes.items() if size]


def _decodable() -> Iterator[str]:
    for name in av.codecs_available:
        try:
            codec = Codec(name, "r")
        except UnknownCodecError:
            continue
        if codec.type == "audio":
            yield codec.canonical_name


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
