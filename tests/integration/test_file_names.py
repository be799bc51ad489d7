"""The names of uploaded files, as real clients send them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from phonoscope.client import Client
from tests.support import RunningStack, tone_wav

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
NAMES = ["röhre 音.wav", f"{FAMILY}.wav", "12\u00a0000.wav", 'a"b".wav', "a;b,c=d.wav", "שיר.wav", "100%25.wav"]
_NODE = """
const [url, key, name] = process.argv.slice(1);
const form = new FormData();
form.append("file", new Blob([require("fs").readFileSync(0)]), name);
const headers = { Authorization: `Bearer ${key}` };
fetch(`${url}/v1/tracks`, { method: "POST", headers, body: form })
  .then((answer) => answer.text())
  .then((text) => process.stdout.write(JSON.parse(text).filename));
"""


@pytest.fixture
def key(stack: RunningStack) -> str:
    """Of an owner of this file's own."""
    return stack.new_key("file-names")


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} is installed")
    return found


def seed(name: str) -> int:
    return sum(name.encode())


@pytest.mark.parametrize("name", NAMES)
def test_httpx_sends_names(http: httpx.Client, name: str) -> None:
    """And the same name comes back with a download."""
    track = http.post("/v1/tracks", files={"file": (name, tone_wav(0.1, seed=seed(name)))}).json()
    assert track["filename"] == name
    header = http.get(f"/v1/tracks/{track['id']}/audio").headers["Content-Disposition"]
    assert unquote(header.partition("filename*=UTF-8''")[2]) == name


@pytest.mark.parametrize("name", NAMES)
def test_node_sends_names(stack: RunningStack, key: str, name: str) -> None:
    """Its ``FormData`` is what browsers have."""
    content = tone_wav(0.1, hertz=500.0, seed=seed(name))
    command = [program("node"), "-e", _NODE, stack.url, key, name]
    assert subprocess.run(command, input=content, capture_output=True, check=True).stdout.decode() == name


@pytest.mark.parametrize("name", [os.fsencode(name) for name in NAMES] + [b"r\xf6hre.wav"])
def test_curl_sends_names(stack: RunningStack, key: str, tmp_path: Path, name: bytes) -> None:
    """It takes a file's bytes for its name, whatever their encoding; both its ways to quote are read."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(tone_wav(0.1, hertz=600.0, seed=sum(name)))
    quoted = os.fsencode(path).replace(b'"', b'\\"')
    for more in ([], ["--form-escape"]):
        words: list[str | bytes] = [
            "-sS",
            "-H",
            f"Authorization: Bearer {key}",
            *more,
            "-F",
            b'file=@"' + quoted + b'"',
        ]
        done = subprocess.run([program("curl"), *words, f"{stack.url}/v1/tracks"], capture_output=True, check=True)
        track = httpx.Response(200, content=done.stdout).json()
        assert track["filename"] == (name.decode("latin-1") if name == b"r\xf6hre.wav" else name.decode())


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (b"filename*=UTF-8''r%C3%B6hre.wav", "röhre.wav"),
        (b"filename*=iso-8859-1''r%F6hre.wav", "röhre.wav"),
        (b'filename="=?utf-8?B?csO2aHJlLndhdg==?="', "röhre.wav"),
        (b'filename="r\xf6hre.wav"', "röhre.wav"),
        (b'filename="' + b"x" * 4_096 + b'.wav"', "x" * 251 + ".wav"),
        (b'filename="C:\\fakepath\\a.wav"', "a.wav"),
        (b'filename="song\xe2\x80\xaevaw.exe"', "songvaw.exe"),
        (b"", "recording"),
    ],
)
def test_forms_written_by_hand(http: httpx.Client, parameters: bytes, name: str) -> None:
    """As older libraries, .NET and mail programs write them, byte for byte."""
    content = tone_wav(0.1, hertz=700.0, seed=sum(parameters))
    head = b'--x\r\nContent-Disposition: form-data; name="file"; ' + parameters + b"\r\n\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = http.post("/v1/tracks", content=head + content + b"\r\n--x--\r\n", headers=headers)
    assert (answer.status_code, answer.json()["filename"]) == (201, name)


def test_a_search_knows_both_forms_of_a_letter(http: httpx.Client) -> None:
    """One character or a letter and its accent, in the name or in the search: it is found."""
    for number, name in enumerate(("Caf\u00e9.wav", "cafe\u0301 2.wav", "cafe.wav")):
        http.post("/v1/tracks", files={"file": (name, tone_wav(0.1, hertz=800.0, seed=number))})
    for q in ("caf\u00e9", "cafe\u0301", "CAF\u00c9"):
        found = http.get("/v1/tracks", params={"q": q}).json()["items"]
        assert {item["filename"] for item in found} == {"Caf\u00e9.wav", "caf\u00e9 2.wav"}, q


def test_the_python_client_reads_names_of_bytes(client: Client, tmp_path: Path) -> None:
    """A name that is no UTF-8 is sent as text."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    path.write_bytes(tone_wav(0.1, hertz=900.0))
    assert client.upload(path).filename == "ÿ.wav"
