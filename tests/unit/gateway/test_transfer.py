"""Classifiers as ZIP files: what is exported is imported as it was, and nothing that a file says is trusted."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from phonoscope.errors import InvalidImport
from phonoscope_gateway.classifiers.transfer import pack, unpack
from tests.own_heads import OwnFiles, own_head

MANIFEST, WEIGHTS = "manifest.json", "weights.safetensors"


def refused(content: bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(InvalidImport) as refusal:
        unpack(io.BytesIO(content), "shades")
    assert refusal.value.errors[0]["field"] == "file"
    return refusal.value.detail


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def described(files: OwnFiles, **changes: Any) -> dict[str, Any]:
    """A manifest's values with others in their place; ``on__x`` is of its one choice."""
    values = files[0].model_dump(mode="json")
    for name, value in changes.items():
        place = values["on"][0] if name.startswith("on__") else values
        place[name.removeprefix("on__")] = value
    return values


def with_manifest(files: OwnFiles | None = None, **changes: Any) -> bytes:
    files = files or own_head()
    return zipped((MANIFEST, json.dumps(described(files, **changes)).encode()), (WEIGHTS, files[1]))


def with_weights(content: bytes, **changes: Any) -> bytes:
    """Whose digest is that in the manifest."""
    facts = {"file": WEIGHTS, "sha256": hashlib.sha256(content).hexdigest(), "dtype": "float32"}
    return zipped(
        (MANIFEST, json.dumps(described(own_head(), on__weights=facts, **changes)).encode()), (WEIGHTS, content)
    )


def tensors(**changes: Any) -> bytes:
    matrix, bias = np.zeros((3, 512), np.float32), np.zeros(3, np.float32)
    return save({"linear.weight": matrix, "linear.bias": bias, **changes})


@pytest.mark.parametrize("activation", ["softmax", "softmax-none", "sigmoid"])
def test_what_is_packed_is_unpacked_as_it_was(activation: str) -> None:
    """Under the name that is asked for; the same head makes the same file."""
    manifest, weights = own_head(activation=activation, thresholds=[0.0, 0.5, 1.0000001])
    packed = pack(manifest, weights)
    assert packed == pack(manifest, weights)
    found, same = unpack(io.BytesIO(packed), "other")
    assert same == weights
    assert found == manifest.model_copy(update={"name": "other"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == [MANIFEST, WEIGHTS]


GOOD = zipped((MANIFEST, b"{}"), (WEIGHTS, b"x"))


def _claiming(entries: int, listed_bytes: int) -> bytes:
    """A ZIP file's end that says how long its list is."""
    return GOOD[:-22] + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, listed_bytes, 0, 0)


def _encrypted() -> bytes:
    content = bytearray(GOOD)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def _lying(bytes_: int) -> bytes:
    """A bomb: a member of many zeros that says it is small."""
    bomb = bytearray(zipped((MANIFEST, bytes(12 << 20)), (WEIGHTS, b"x")))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", bomb, bomb.index(signature) + offset, bytes_)
    return bytes(bomb)


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no ZIP file"),
    "text": (lambda: b"hello" * 100, "no ZIP file"),
    "a pickle": (lambda: pickle.dumps({"a": 1}), "no ZIP file"),
    "cut off": (lambda: GOOD[: len(GOOD) // 2], "no ZIP file"),
    "its end alone": (lambda: GOOD[-22:], "cannot be unpacked"),
    "damaged": (lambda: GOOD.replace(b"PK\x01\x02", b"PK\x01\x03"), "cannot be unpacked"),
    "empty": (zipped, "must hold"),
    "without weights": (lambda: zipped((MANIFEST, b"{}")), "must hold"),
    "a further file": (lambda: zipped((MANIFEST, b"{}"), (WEIGHTS, b"x"), ("a.pkl", b"x")), "must hold"),
    "a foreign path": (lambda: zipped((MANIFEST, b"{}"), (f"../{WEIGHTS}", b"x")), "must hold"),
    "an absolute path": (lambda: zipped((MANIFEST, b"{}"), (f"/{WEIGHTS}", b"x")), "must hold"),
    "in a folder": (lambda: zipped((f"a/{MANIFEST}", b"{}"), (f"a/{WEIGHTS}", b"x")), "must hold"),
    "many": (lambda: zipped(*((f"{number}", b"") for number in range(500))), "must hold"),
    "a long list": (lambda: _claiming(2, 1 << 30), "must hold"),
    "another end": (lambda: GOOD[:-22] + b"PK\x06\x07" + bytes(16) + GOOD[-22:], "must hold"),
    "encrypted": (_encrypted, "neither encrypted"),
    "another method": (lambda: zipped((MANIFEST, b"{}"), (WEIGHTS, b"x"), method=zipfile.ZIP_LZMA), "by deflate"),
    "a bomb": (lambda: zipped((MANIFEST, bytes(12 << 20)), (WEIGHTS, b"x")), "may have 8,388,608 bytes"),
    "a bomb that says it is small": (lambda: _lying(10), "cannot be unpacked"),
    "a member that says it is larger": (lambda: _lying(70 << 10), "cannot be unpacked"),
}


@pytest.mark.parametrize(("make", "why"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_is_unsafe_or_damaged_is_refused(make: Callable[[], bytes], why: str) -> None:
    """Before more of it is read than a classifier has."""
    assert why in refused(make())


def test_an_archive_with_two_files_of_one_name_is_refused() -> None:
    """Which of them counts is nobody's to guess."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped((MANIFEST, b"{}"), (WEIGHTS, b"x"), (WEIGHTS, b"y"))
    assert "must hold" in refused(content)


MANIFESTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no JSON": (lambda: zipped((MANIFEST, b"{"), (WEIGHTS, b"x")), "manifest.json: not JSON"),
    "a list": (lambda: zipped((MANIFEST, b"[]"), (WEIGHTS, b"x")), "must be an object"),
    "deep": (lambda: zipped((MANIFEST, b"[" * 100_000), (WEIGHTS, b"x")), "manifest.json"),
    "nothing in it": (lambda: zipped((MANIFEST, b"{}"), (WEIGHTS, b"x")), "version: Field required"),
    "a served model's": (lambda: with_manifest(reads="features", space=None), "reads the `embedding`"),
    "two choices": (lambda: with_manifest(on=2 * described(own_head())["on"]), "`on` one choice"),
    "one label": (lambda: with_manifest(labels=["a"]), "labels"),
    "a label twice": (lambda: with_manifest(labels=["a", "a", "b"]), "each once"),
    "a label of lines": (lambda: with_manifest(labels=["a", "b\n", "c"]), "each once"),
    "a label without letters": (lambda: with_manifest(labels=["a", "", "c"]), "labels.1"),
    "a NUL": (lambda: with_manifest(data="a\x00"), "NUL"),
    "a lone surrogate": (lambda: with_manifest(data="\ud800"), "surrogate"),
    "infinite figures": (lambda: with_manifest(metrics={"a": float("inf")}), "no number"),
    "no number": (lambda: with_manifest(on__temperature=float("nan")), "no number"),
    "temperature 0": (lambda: with_manifest(on__temperature=0.0), "temperature"),
    "a tiny temperature": (lambda: with_manifest(on__temperature=1e-30), "temperature"),
    "a threshold of 2": (lambda: with_manifest(on__thresholds=[2.0]), "thresholds"),
    "two thresholds": (lambda: with_manifest(on__thresholds=[0.1, 0.2]), "thresholds"),
    "another file": (
        lambda: with_manifest(on__weights={"file": "w.safetensors", "sha256": "0" * 64, "dtype": "float32"}),
        "weights.file",
    ),
    "a path": (
        lambda: with_manifest(on__weights={"file": "../w.safetensors", "sha256": "0" * 64, "dtype": "float32"}),
        "weights.file",
    ),
    "a book": (lambda: with_manifest(data="a" * 100_000), "besides labels and thresholds"),
    "another digest": (
        lambda: with_manifest(on__weights={"file": WEIGHTS, "sha256": "0" * 64, "dtype": "float32"}),
        "another SHA-256",
    ),
}


@pytest.mark.parametrize(("make", "why"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_wrong_is_refused(make: Callable[[], bytes], why: str) -> None:
    """The error says where."""
    assert why in refused(make())


CONTENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "cannot be read"),
    "a pickle": (lambda: pickle.dumps({"linear.weight": [1.0]}), "cannot be read"),
    "a header that lies": (lambda: struct.pack("<Q", 1 << 60) + b"{}", "cannot be read"),
    "other names": (lambda: save({"weight": np.zeros((3, 512), np.float32)}), "must hold linear.weight (3, 512)"),
    "one more": (lambda: tensors(more=np.zeros(1, np.float32)), "must hold"),
    "another shape": (lambda: tensors(**{"linear.weight": np.zeros((3, 511), np.float32)}), "must hold"),
    "of other labels": (lambda: tensors(**{"linear.bias": np.zeros(4, np.float32)}), "must hold"),
    "whole numbers": (lambda: tensors(**{"linear.bias": np.zeros(3, np.int32)}), "single precision"),
    "NaN": (lambda: tensors(**{"linear.bias": np.array([0, np.nan, 0], np.float32)}), "single precision"),
    "infinite": (lambda: tensors(**{"linear.bias": np.array([0, np.inf, 0], np.float32)}), "single precision"),
    "huge": (lambda: tensors(**{"linear.bias": np.array([0, 1e30, 0], np.float32)}), "at most 1e+06"),
}


@pytest.mark.parametrize(("make", "why"), CONTENTS.values(), ids=CONTENTS)
def test_weights_that_do_not_fit_are_refused(make: Callable[[], bytes], why: str) -> None:
    """Whatever the manifest says of their digest."""
    assert why in refused(with_weights(make()))


def test_what_a_manifest_says_besides_is_left_out() -> None:
    """Neither its name nor its kind, nor what no manifest has, is kept."""
    manifest, _ = unpack(io.BytesIO(with_manifest(name="genre-10", kind="kind of sound", more={"a": 1})), "shades")
    assert (manifest.name, manifest.kind, manifest.model_extra) == ("shades", "own", {})
