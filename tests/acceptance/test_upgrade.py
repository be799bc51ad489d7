"""The release before, with an owner's data, under this one: all at once, one process at a time, and from its backup."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import phonoscope
from phonoscope.client import Client
from phonoscope.contract import USUAL_SCOPES, Scope
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope_local.ports import LOOPBACK
from tests.possessions import (
    CLASSIFIER,
    OF_A_TRACK,
    Asked,
    Possessions,
    add_classifier,
    add_webhook,
    answers,
    artifacts,
    ask,
    asked_for,
    cancel,
    cancelled_before,
    differences,
    done,
    everything,
    fail,
    finish,
    upload,
)
from tests.releases import BEFORE, BEFORE_COMMIT, HERE, ROOT, Release, release_before
from tests.support import authorities, tone_wav

pytestmark = pytest.mark.timeout(1800)

EVERY_TASK = set(TaskName)
UNUSED = {
    # Of what runs or waits at the moment.
    *("classifier_label_changes", "open_streams", "rates", "reembeddings", "walks", "workers"),
    # There is no reason to doubt these labels.
    "classifier_doubts",
}
"""Tables that may be empty."""


class Receiver(BaseHTTPRequestHandler):
    """Takes every event."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass
class Service:
    """Servers on which both releases run.

    Attributes:
        before: the older release.
        document: what its gateway says that it answers.
        servers: the settings that reach them.
        folder: for logs and backups.
        cache_dir: for what workers compile.
        keeper: the key of the owner whose things are compared.
        has: these things.
        said: what the older release answered of them.
        busy: the key of an owner for whom work is done, by whichever workers there are.
        older: the address of the older release's gateway.
        waiting: that owner's, from before the migration.
    """

    before: Release
    document: dict[str, Any]
    servers: Settings
    folder: Path
    cache_dir: Path
    keeper: str = ""
    has: Possessions = field(default_factory=Possessions)
    said: dict[str, Any] = field(default_factory=dict)
    busy: str = ""
    older: str = ""
    waiting: Asked | None = None

    @property
    def settings(self) -> Settings:
        own = {"more_models_dir": self.folder / "pulled", "metrics_dir": self.folder / "metrics"}
        return self.servers.model_copy(update={**own, "cache_dir": self.cache_dir})

    @contextmanager
    def gateway(self, release: Release, settings: Settings | None = None) -> Iterator[str]:
        with release.gateway(settings=settings or self.settings, log=self.folder / "gateway.log") as url:
            yield url

    @contextmanager
    def programs(self, release: Release, *names: str) -> Iterator[None]:
        with ExitStack() as running:
            for name in names:
                log = self.folder / f"{name}.log"
                running.enter_context(release.program(name, settings=self.settings, log=log))
            yield

    def says(self, url: str) -> dict[str, Any]:
        """All answers of a gateway about what the owner has, and the objects behind their links."""
        with calls(url, self.keeper) as http:
            return answers(http, self.document, self.has) | {"artifacts": artifacts(http, self.has)}


def calls(url: str, key: str) -> httpx.Client:
    """A client of a gateway."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=120, verify=authorities())


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    """Where events are sent."""
    with ThreadingHTTPServer((LOOPBACK, 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path, hook: str) -> Service:
    """The folder that the release before has left, with all that it stores and jobs that wait, its copy, a backup."""
    folder = tmp_path_factory.mktemp("upgrade")
    before = release_before(folder)
    document = json.loads((before.root / "docs" / "openapi.json").read_text())
    with before.servers(folder / "stack") as servers:
        service = Service(before, document, servers, folder, cache_dir)
        with service.gateway(before) as service.older:
            _fill(service, hook)
    # With the owners of files: PostgreSQL's are not root's.
    subprocess.run(["cp", "-a", folder / "stack", folder / "copy"], check=True)
    return service


@pytest.fixture(scope="module")
def service(left: Service) -> Iterator[Service]:
    """The release before on the copy, of which servers and gateway run."""
    with left.before.servers(left.folder / "copy") as left.servers, left.gateway(left.before) as left.older:
        yield left


@pytest.fixture(scope="module")
def migrated(service: Service) -> Service:
    """The same with this release's tables, made while the gateway of before answers."""
    HERE.phonoscope("migrate", settings=service.settings)
    assert differences(service.said, service.says(service.older)) == [], "the gateway of before, on the new tables"
    return service


@pytest.fixture(scope="module")
def newer(migrated: Service) -> Iterator[str]:
    """The address of this release's gateway."""
    with migrated.gateway(HERE) as url:
        yield url


def _fill(service: Service, hook: str) -> None:
    service.keeper, service.busy = (_new_key(service, owner) for owner in ("keeper", "busy"))
    with calls(service.older, service.keeper) as http:
        cancelled = cancelled_before(http)
        with service.programs(service.before, "gpu", "cpu", "courier"):
            service.has = everything(http, hook, cancelled)
        exported = http.get(f"/v1/classifiers/{CLASSIFIER}/export").content
    service.said = service.says(service.older)
    with calls(service.older, service.busy) as http:
        add_webhook(http, hook)
        add_classifier(http, exported)
        service.waiting = asked_for(http, 0)
    assert _unused(service.settings) <= UNUSED
    service.before.phonoscope("backup", service.folder / "backup", settings=service.settings)


def _new_key(service: Service, owner: str) -> str:
    scopes = [word for scope in (*USUAL_SCOPES, Scope.ADMIN) for word in ("--scope", scope)]
    return service.before.phonoscope("keys", "create", owner, *scopes, settings=service.settings).strip()


def _unused(settings: Settings) -> set[str]:
    """The tables that have no row."""
    engine = create_engine(settings.database_url.get_secret_value(), poolclass=NullPool)
    with engine.connect() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {name for name in names if not connection.scalar(text(f"SELECT EXISTS (SELECT FROM {name})"))}


def test_the_changelog_names_the_release_before() -> None:
    """The newest release in it, apart from this one, is the one that this one is tried against."""
    log = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[(\d[\d.]*)\] - \d{4}-\d\d-\d\d$", log, re.MULTILINE)
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert next(version for version in released if version != own) == BEFORE


def test_the_tag_of_the_release_before_is_that_commit() -> None:
    """Where this clone has tags."""
    if subprocess.run(["git", "-C", str(ROOT), "tag", "--list", f"v{BEFORE}"], capture_output=True, check=True).stdout:
        command = ["git", "-C", str(ROOT), "rev-parse", f"v{BEFORE}^{{commit}}"]
        assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip() == BEFORE_COMMIT


def test_each_release_runs_its_own_sources(service: Service) -> None:
    """None of what is installed, and none of the other's."""
    for release, expected in ((service.before, BEFORE), (HERE, phonoscope.__version__)):
        version, files = release.origins()
        assert version == expected
        assert all(file.is_relative_to(release.root) for file in files), files


def test_up_goes_on_in_the_folder_of_before(left: Service) -> None:
    """`phonoscope up` brings its tables up to date, answers as before by the same key, and does what waited."""
    assert left.waiting is not None
    # Where its servers are the folder says.
    own = Settings.model_construct(more_models_dir=left.folder / "pulled", cache_dir=left.cache_dir)
    with HERE.stack(left.folder / "stack", own) as url:
        assert differences(left.said, left.says(url)) == []
        with calls(url, left.busy) as http:
            assert finish(http, left.waiting.jobs[0]) == set(OF_A_TRACK)
            fail(http, left.waiting.failing)


def test_this_gateway_says_of_old_data_what_was_said(migrated: Service, newer: str) -> None:
    """By the same key: every path that could be read, every search, and the objects behind every link."""
    assert differences(migrated.said, migrated.says(newer)) == []


def test_these_workers_do_what_waited_and_what_either_gateway_takes(migrated: Service, newer: str) -> None:
    """Every task, first with the gateway and the courier of before, then with this release's."""
    assert migrated.waiting is not None
    with migrated.programs(HERE, "gpu", "cpu"):
        with migrated.programs(migrated.before, "courier"), calls(migrated.older, migrated.busy) as http:
            assert migrated.waiting.finish(http) == EVERY_TASK
            assert asked_for(http, 1).finish(http) == EVERY_TASK
        with migrated.programs(HERE, "courier"), calls(newer, migrated.busy) as http:
            assert asked_for(http, 2).finish(http) == EVERY_TASK


def test_workers_of_before_do_what_this_gateway_takes(migrated: Service, newer: str, tmp_path: Path) -> None:
    """Every task, also of a recording that came in pieces; the courier of before delivers the events."""
    recording = tmp_path / "pieces.wav"
    recording.write_bytes(tone_wav(seed=4))
    with (
        migrated.programs(migrated.before, "gpu", "cpu", "courier"),
        calls(newer, migrated.busy) as http,
        Client(newer, migrated.busy) as client,
    ):
        sent = client.analyze(recording, OF_A_TRACK, resumable=True)
        assert asked_for(http, 3).finish(http) == EVERY_TASK
        assert finish(http, sent.id) == set(OF_A_TRACK)


def test_workers_of_before_read_what_went_straight_to_the_store(migrated: Service) -> None:
    """This release's gateway gives the links, and the recording is then as any other."""
    content = tone_wav(seed=5)
    asked = {"filename": "straight.wav", "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    public = migrated.settings.s3_endpoint_url.replace(LOOPBACK, "localhost")
    with (
        migrated.gateway(HERE, migrated.settings.model_copy(update={"s3_public_endpoint_url": public})) as url,
        migrated.programs(migrated.before, "gpu", "cpu"),
        calls(url, migrated.busy) as http,
    ):
        begun = done(http.post("/v1/uploads", json=asked))
        for part in begun["links"]["items"]:
            piece = content[part["start"] :][: part["size_bytes"]]
            httpx.put(part["url"], content=piece, timeout=120).raise_for_status()
        kept = done(http.post(f"/v1/uploads/{begun['upload']['id']}/complete", json={"parts": []}))
        assert finish(http, ask(http, kept["track_id"])) == set(OF_A_TRACK)


def test_either_gateway_cancels_what_the_other_has_taken(migrated: Service, newer: str) -> None:
    """No worker has begun it."""
    with calls(migrated.older, migrated.busy) as before, calls(newer, migrated.busy) as here:
        for number, (one, other) in enumerate(((before, here), (here, before))):
            job_id = ask(one, upload(one, f"{number}.wav", 600.0 + number))
            cancel(other, job_id)
            assert done(one.get(f"/v1/jobs/{job_id}"))["status"] == "cancelled"


def test_a_backup_of_before_is_restored_here(migrated: Service) -> None:
    """Into a database and a bucket of their own, whose gateway answers as the one did that was backed up."""
    name = f"restored_{uuid4().hex}"
    url = migrated.settings.database_url.get_secret_value()
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    own = {"database_url": SecretStr(url.rpartition("/")[0] + f"/{name}"), "s3_bucket": name.replace("_", "-")}
    settings = migrated.settings.model_copy(update=own)
    HERE.phonoscope("restore", migrated.folder / "backup", settings=settings)
    with migrated.gateway(HERE, settings) as restored:
        assert differences(migrated.said, migrated.says(restored)) == []
