"""Backup and restore in containers, by the commands of docs/deployment.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phonoscope.client import Client
from phonoscope.states import Status
from phonoscope_cli.backup.manifest import Manifest
from tests.compose.jobs import TASKS, ended, without_links
from tests.compose.project import Project

pytestmark = pytest.mark.timeout(4500)


@pytest.fixture
def other(project: Project) -> Iterator[Project]:
    """Another project with the same ``.env`` and empty volumes, of which nothing runs."""
    other = Project(passwords=project.passwords)
    try:
        yield other
    finally:
        other.compose("down", "--volumes", "--remove-orphans")


def test_a_backup_is_restored_in_other_containers(
    project: Project, other: Project, recording: Path, tmp_path: Path
) -> None:
    """Made beside running work, brought into empty volumes: every row and object is there, and each answer the same."""
    key = project.inside("gateway", "phonoscope", "keys", "create", "backed-up")
    with Client(project.url, key) as client:
        done = ended(client, client.analyze(recording, TASKS))
    assert done.status is Status.SUCCEEDED, done.model_dump_json()
    made = backed_up(project, tmp_path / "backup")
    said = other.once("phonoscope", "restore", "/backup", volume=f"{tmp_path / 'backup'}:/backup")
    assert f"and {made.objects_count} objects" in said
    again = backed_up(other, tmp_path / "again")
    assert contents(again) == contents(made)
    assert made.objects_bytes > len(recording.read_bytes())
    other.up("front")
    with Client(other.url, key) as client:
        assert without_links(client.job(done.id)) == without_links(done)
        assert client.audio(done.recording) == recording.read_bytes()


def backed_up(project: Project, folder: Path) -> Manifest:
    """What a backup into a new folder, which the image's user can write, says of itself."""
    folder.mkdir()
    folder.chmod(0o777)
    project.once("phonoscope", "backup", "/backup", volume=f"{folder}:/backup", deps=False)
    return Manifest.read(folder)


def contents(made: Manifest) -> dict[str, tuple[int, str]]:
    """Rows and digest by table, and of the list of objects with their digests."""
    tables = {table.name: (table.rows, table.file.sha256) for table in made.tables}
    return tables | {"the bucket": (made.objects_count, made.objects.sha256)}
