"""Classifiers as ZIP files: a manifest and weights in safetensors, as a folder of a served model has them."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load

from phonoscope.annotations.values import Label
from phonoscope.catalogue import MANIFEST, OWN, HeadManifest
from phonoscope.contract.classifiers import MOST_TAUGHT_LABELS
from phonoscope.errors import InvalidImport, InvalidRequest
from phonoscope_gateway.forms import MAX_HEAD_BYTES
from phonoscope_gateway.strict_json import parse_json

WEIGHTS = "weights.safetensors"
_MOST = {MANIFEST: 8 << 20, WEIGHTS: MAX_HEAD_BYTES}
_MOST_LISTED_BYTES = 4_096
"""Of the list at the end of a ZIP file, which names all its members."""
_MOST_DESCRIBED_BYTES = 64 << 10
"""Of what a manifest says besides labels and thresholds."""
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE, _LOCATOR_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 0xFFFF
_WRITTEN_AT = (1980, 1, 1, 0, 0, 0)
_DIM = 512
_GREATEST_WEIGHT = 1e6
_LEAST_TEMPERATURE, _GREATEST_TEMPERATURE = 1e-3, 1e3
"""With these bounds no logit leaves the range of single precision."""
_GREATEST_THRESHOLD = 1.001
"""What calls everything unknown is a little above 1."""

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OSError,
)


class _Labels(BaseModel):
    labels: list[Label]


def pack(manifest: HeadManifest, weights: bytes) -> bytes:
    """A classifier as a ZIP file; unpacked into a folder of its name it is a model that can be served."""
    written = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((MANIFEST, written.encode()), (WEIGHTS, weights)):
            archive.writestr(zipfile.ZipInfo(name, _WRITTEN_AT), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def unpack(file: BinaryIO, name: str) -> tuple[HeadManifest, bytes]:
    """The manifest, under a name, and the weights in a ZIP file; nothing that they say is trusted.

    Raises ``InvalidImport``, which says what is wrong.
    """
    files = _members(file)
    manifest = _manifest(files[MANIFEST], name)
    _check_weights(manifest, files[WEIGHTS])
    return manifest, files[WEIGHTS]


def _members(file: BinaryIO) -> dict[str, bytes]:
    _check_listing(file)
    try:
        with zipfile.ZipFile(file) as archive:
            listed = archive.infolist()
            if sorted(info.filename for info in listed) != sorted(_MOST):
                raise _wrong(f"it must hold {MANIFEST} and {WEIGHTS}, and nothing else")
            return {info.filename: _content(archive, info) for info in listed}
    except _UNREADABLE as error:
        raise _wrong(f"it cannot be unpacked: {error}") from error


def _check_listing(file: BinaryIO) -> None:
    """Refuses what lists many members, before these are read: each would be an object in memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _LONGEST_COMMENT - _LOCATOR_BYTES))
    tail = file.read()
    plain = len(tail) - _END.size
    ends_plainly = plain >= 0 and tail[plain:].startswith(_END_SIGNATURE) and tail.endswith(b"\0\0")
    at = plain if ends_plainly else tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        raise _wrong("it is no ZIP file")
    listed_bytes = _END.unpack_from(tail, at)[5]
    large = tail[max(0, at - _LOCATOR_BYTES) : at].startswith(_LOCATOR_SIGNATURE)
    if large or listed_bytes > _MOST_LISTED_BYTES:
        raise _wrong(f"it must hold {MANIFEST} and {WEIGHTS}, and nothing else")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    most = _MOST[info.filename]
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise _wrong(f"{info.filename} must be neither encrypted nor compressed but by deflate")
    if info.file_size > most:
        raise _wrong(f"{info.filename} may have {most:,} bytes, and has {info.file_size:,}")
    with archive.open(info) as member:
        content = member.read(most + 1)
        if len(content) != info.file_size or member.read(1):
            raise _wrong(f"{info.filename} has another size than the file says")
    return content


def _manifest(content: bytes, name: str) -> HeadManifest:
    try:
        values = parse_json(MANIFEST, content)
    except InvalidRequest as error:
        raise _wrong(error.detail) from error
    if not isinstance(values, dict):
        raise _wrong(f"{MANIFEST} must be an object")
    known: dict[str, Any] = {key: value for key, value in values.items() if key in HeadManifest.model_fields}
    try:
        manifest = HeadManifest.model_validate(known | {"name": name, "kind": OWN})
        labels = _Labels(labels=manifest.labels).labels
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "manifest"
        raise _wrong(f"{MANIFEST}: {where}: {first['msg']}") from error
    _check_manifest(manifest, labels)
    return manifest


def _check_manifest(manifest: HeadManifest, labels: list[str]) -> None:
    if manifest.reads != "embedding" or len(manifest.on) != 1:
        raise _wrong(f"{MANIFEST}: a classifier reads the `embedding` of one body, `on` one choice")
    if labels != manifest.labels or len(set(labels)) < len(labels) or len(labels) > MOST_TAUGHT_LABELS:
        raise _wrong(f"{MANIFEST}: labels: at most {MOST_TAUGHT_LABELS:,}, each once, as labels are kept")
    (choice,) = manifest.on
    if choice.weights.file != WEIGHTS:
        raise _wrong(f"{MANIFEST}: on.0.weights.file: must be {WEIGHTS}")
    if not _LEAST_TEMPERATURE <= choice.temperature <= _GREATEST_TEMPERATURE:
        raise _wrong(f"{MANIFEST}: on.0.temperature: from {_LEAST_TEMPERATURE} to {_GREATEST_TEMPERATURE}")
    if not all(0.0 <= threshold <= _GREATEST_THRESHOLD for threshold in choice.thresholds):
        raise _wrong(f"{MANIFEST}: on.0.thresholds: from 0 to 1")
    described = manifest.model_copy(update={"labels": [], "on": []}).model_dump(mode="json")
    if len(json.dumps([described, choice.metrics])) > _MOST_DESCRIBED_BYTES:
        raise _wrong(f"{MANIFEST}: {_MOST_DESCRIBED_BYTES:,} bytes besides labels and thresholds at most")


def _check_weights(manifest: HeadManifest, weights: bytes) -> None:
    if hashlib.sha256(weights).hexdigest() != manifest.on[0].weights.sha256:
        raise _wrong(f"{WEIGHTS} has another SHA-256 than {MANIFEST} says")
    try:
        found = load(weights)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _wrong(f"{WEIGHTS} cannot be read: {error}") from error
    shapes = {"linear.weight": (len(manifest.labels), _DIM), "linear.bias": (len(manifest.labels),)}
    if {name: values.shape for name, values in found.items()} != shapes:
        raise _wrong(f"{WEIGHTS} must hold {', '.join(f'{name} {shape}' for name, shape in shapes.items())}")
    for name, values in found.items():
        # NaN is not below anything.
        if values.dtype != np.float32 or not (np.abs(values) <= _GREATEST_WEIGHT).all():
            raise _wrong(f"{WEIGHTS}: {name} must be numbers in single precision, at most {_GREATEST_WEIGHT:g}")


def _wrong(why: str) -> InvalidImport:
    return InvalidImport.field("file", why)
