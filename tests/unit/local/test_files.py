"""The stack's folder and its private files."""

import stat
from pathlib import Path

import pytest

from phonoscope.errors import StackError
from phonoscope_local.files import open_folder, resolved, write_private


def mode(path: Path) -> int:
    """The permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_and_its_logs_are_for_their_owner_alone(tmp_path: Path) -> None:
    """A new folder and the logs in it have mode 0700, and its parents keep theirs."""
    parent = tmp_path / "parent"
    parent.mkdir(mode=0o755)
    before = mode(parent)
    open_folder(parent / "stack")
    assert (mode(parent / "stack"), mode(parent / "stack" / "logs"), mode(parent)) == (0o700, 0o700, before)


def test_an_empty_folder_is_closed_to_others(tmp_path: Path) -> None:
    """A folder that anybody could enter is made private before anything is kept in it."""
    tmp_path.chmod(0o755)
    open_folder(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    """Naming somebody's own folder by mistake changes neither its content nor its mode."""
    tmp_path.chmod(0o755)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StackError, match="holds other files"):
        open_folder(tmp_path)
    assert ([entry.name for entry in tmp_path.iterdir()], mode(tmp_path)) == (["letter.txt"], 0o755)


def test_a_folder_is_opened_again(tmp_path: Path) -> None:
    """What an earlier start left, however little, does not hinder the next."""
    open_folder(tmp_path / "stack")
    (tmp_path / "stack" / "logs").rmdir()
    open_folder(tmp_path / "stack")
    assert (tmp_path / "stack" / "logs").is_dir()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A path through a file is no traceback but a sentence that names the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be used"):
        open_folder(tmp_path / "file" / "stack")


def test_a_private_file_is_replaced_at_once(tmp_path: Path) -> None:
    """The new text stands there alone, with mode 0600, even if the old file was open to all; no draft is left."""
    path = tmp_path / "secret.json"
    path.write_text("old and much longer")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), mode(path), list(tmp_path.iterdir())) == ("new", 0o600, [path])


def test_a_private_file_survives_a_failed_write(tmp_path: Path) -> None:
    """Text that cannot be written leaves the old file whole and no draft beside it."""
    path = tmp_path / "secret.json"
    write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_one_folder_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names, links and ~ lead to the same path, so that they lead to the same stack."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = {resolved(Path(name)) for name in ("real", "./link", "~/real", str(tmp_path / "link"))}
    assert names == {(tmp_path / "real").resolve()}
