"""What tests of several folders share: made recordings and a started stack."""

from __future__ import annotations

import importlib.util
import io
import os
import ssl
import subprocess
import sys
import wave
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any, Protocol

import httpx
import numpy as np
import psutil
from pydantic import SecretStr
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from phonoscope.client import Client
from phonoscope.contract import USUAL_SCOPES, Scope
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import OwnerRow, TrackRow
from phonoscope.db.service.keys import create_key
from phonoscope.settings import Settings
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.state import Run, read_credentials, stack_settings

DATA = Path(os.environ.get("PHONOSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
MODELS = Path(os.environ.get("PHONOSCOPE_MODEL_MIRROR", Path(__file__).parents[2] / "shared" / "models"))
"""Published models, as ``phonoscope models pull`` looks for them before it asks elsewhere."""
SMALL_QUOTAS: Mapping[str, object] = {
    "quota_requests_a_second": 5.0,
    "quota_uploads_a_day": 12,
    "quota_stored_tracks": 3,
    "quota_queued_jobs": 2,
    "quota_open_streams": 1,
    "quota_open_uploads": 2,
    "quota_test_deliveries_a_day": 1,
    "wrong_keys_a_minute": 20,
}
"""Of a second gateway whose owners may do little."""
_SCRIPT = Path(__file__).parents[1] / "examples" / "make_recordings.py"


class Recorded(Protocol):
    """The sum of what this process has recorded under a metric's name, without its prefix, with these labels."""

    def __call__(self, name: str, **labels: str) -> float: ...


def id_of(key: str) -> str:
    """``psk_<id>_<secret>``: its id. The secret may have underscores of its own."""
    return key.split("_", 2)[1]


def secret_of(key: str) -> str:
    return key.split("_", 2)[2]


@cache
def examples() -> ModuleType:
    """``examples/make_recordings.py``, loaded by its path as the demo loads it."""
    spec = importlib.util.spec_from_file_location("make_recordings", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tone_wav(seconds: float = 1.0, hertz: float = 440.0, rate_hz: int = 44_100, seed: int | None = None) -> bytes:
    """A 16-bit mono WAV of a tone; with a ``seed``, of a tone in its own noise, so that its bytes are its own."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = 0.4 * np.sin(2 * np.pi * hertz * time_s)
    if seed is not None:
        samples += 0.05 * np.random.default_rng(seed).standard_normal(len(samples))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def lasting(track: dict[str, Any]) -> dict[str, Any]:
    """A track without its link, which changes in time."""
    return {name: value for name, value in track.items() if name != "audio"}


def phonoscope(
    *words: str | Path, timeout_s: float = 240.0, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a person would: no settings but the folder of models, and room for tables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PHONOSCOPE_")}
    models = {name: os.environ[name] for name in ("PHONOSCOPE_MODELS_DIR",) if name in os.environ}
    command = [str(Path(sys.executable).with_name("phonoscope")), *map(str, words)]
    environment = kept | models | {"COLUMNS": "120", "NO_COLOR": "1"} | dict(settings or {})
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False)


def environment(settings: Settings) -> dict[str, str]:
    """The variables that say these settings."""
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {
        f"PHONOSCOPE_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }


@cache
def authorities() -> ssl.SSLContext:
    """Those that HTTPS trusts: to read them for each test's client takes longer than many a test."""
    return httpx.create_ssl_context()


def until_ready(url: str, limit_s: float = 60.0) -> None:
    """Returns once a gateway and all that it needs answer."""
    deadline = monotonic() + limit_s
    with httpx.Client(base_url=url, timeout=30.0, verify=authorities()) as http:
        while monotonic() < deadline:
            with suppress(httpx.TransportError):
                if http.get("/health/ready").is_success:
                    return
            sleep(0.1)
    raise TimeoutError(f"{url} is not ready")


def pulled_models(folder: Path) -> Path:
    """Of the tests' stack in this folder."""
    return folder.with_name(f"{folder.name}-pulled")


def add_track(session: Session, owner_id: str, track_id: str, object_key: str, size_bytes: int = 1) -> None:
    """An owner and a track's row, whatever lies in the store."""
    session.add(OwnerRow(id=owner_id, name=owner_id))
    session.flush()
    facts = {"filename": "a", "media_type": "audio/wav", "container": "wav", "codec": "pcm_s16le"}
    sizes = {"size_bytes": size_bytes, "sample_rate_hz": 1, "channels": 1, "duration_s": 1.0, "warnings": []}
    session.add(TrackRow(id=track_id, owner_id=owner_id, sha256="0", object_key=object_key, **facts, **sizes))
    session.flush()


def columns_of(track: TrackRow) -> dict[str, Any]:
    """What a track's row is made of, by attribute, to make another one like it."""
    values = {attribute.key: getattr(track, attribute.key) for attribute in inspect(TrackRow).column_attrs}
    return {name: value for name, value in values.items() if value is not None and name != "words"}


@dataclass(frozen=True)
class RunningStack:
    """A local stack that is up."""

    folder: Path
    url: str

    @property
    def pulled_models(self) -> Path:
        """Where its workers look for models that were pulled."""
        return pulled_models(self.folder)

    @property
    def settings(self) -> Settings:
        return stack_settings(self.folder)

    def new_key(self, owner: str, scopes: Collection[Scope] = USUAL_SCOPES, *, links_end: bool = False) -> str:
        """An API key of an owner, made when absent."""
        database = Database(self.settings.database_url.get_secret_value(), pool_size=1)
        try:
            with database.transaction() as session:
                return create_key(session, owner, scopes=scopes, links_end=links_end)
        finally:
            database.close()

    def client(self, owner: str) -> Client:
        return Client(self.url, self.new_key(owner))

    def http(self, owner: str) -> httpx.Client:
        """A bare HTTP client, for what the typed one would not send."""
        headers = {"Authorization": f"Bearer {self.new_key(owner)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, verify=authorities())


@contextmanager
def new_stack(folder: Path, cache: Path, settings: Mapping[str, str] | None = None) -> Iterator[RunningStack]:
    """A whole local stack in a folder, stopped at the end."""
    own = {
        "PHONOSCOPE_MORE_MODELS_DIR": str(pulled_models(folder)),
        "PHONOSCOPE_CACHE_DIR": str(cache),
        # All tests come from one address; those of the limit have a gateway of their own.
        "PHONOSCOPE_WRONG_KEYS_A_MINUTE": "0",
    }
    try:
        started = phonoscope("up", "--detach", "--data-dir", folder, settings=own | dict(settings or {}))
        assert started.returncode == 0, started.stdout + started.stderr
        credentials = read_credentials(folder)
        assert credentials is not None
        yield RunningStack(folder, credentials.url)
    finally:
        stopped = phonoscope("down", "--data-dir", folder)
    assert stopped.returncode == 0, stopped.stderr


@contextmanager
def hung(stack: RunningStack, *parts: str) -> Iterator[None]:
    """Parts of a stack that stand still while inside: those that listen take connections and answer nothing."""
    run = Run.read(stack.folder)
    assert run is not None
    leaders = [psutil.Process(run.parts[part].pid) for part in parts]
    family = [member for leader in leaders for member in (leader, *leader.children(recursive=True))]
    try:
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.suspend()
        yield
    finally:
        # Children send a sign of life before their guardian looks for one.
        for member in reversed(family):
            with suppress(psutil.NoSuchProcess):
                member.resume()


@contextmanager
def second_gateway(stack: RunningStack, changes: Mapping[str, object]) -> Iterator[tuple[RunningStack, psutil.Process]]:
    """The stack with another gateway that has other settings, and that gateway's process."""
    url = f"http://{LOOPBACK}:{choose_port(0, set())}"
    settings = stack.settings.model_copy(update={"public_url": url} | dict(changes))
    command = [sys.executable, "-m", "phonoscope_gateway", "--port", url.rpartition(":")[2]]
    environ = os.environ | environment(settings)
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until_ready(url)
            yield RunningStack(stack.folder, url), psutil.Process(process.pid)
        finally:
            process.terminate()
