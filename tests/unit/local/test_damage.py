"""What is made again of damaged files, and what is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from phonoscope.errors import StackError
from phonoscope_local.damage import Keeper, mended, mended_state
from phonoscope_local.files import open_folder
from phonoscope_local.processes import MARK, ProcessId, wait_until
from phonoscope_local.state import Credentials, Kept, Ports, Run, StackState

STATE = StackState(ports=Ports(gateway=15001))
RUN = Run(supervisor=ProcessId(pid=7, created=1.5), phase="running", url="http://127.0.0.1:1")
CREDENTIALS = Credentials(url="http://127.0.0.1:1", api_key="psk_a_b")
SECRETS = ("database_password", "broker_password", "s3_secret_key", "signing_secret")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "not UTF-8": lambda path: path.write_bytes(b'{"url": "\xff\xfe"}'),
    "lone surrogate": lambda path: path.write_bytes(b'{"url": "\\ud800", "api_key": "\\udfff"}'),
    "cut short": lambda path: path.write_text('{"id": "00112233445566'),
    "another type": lambda path: path.write_text("[1, 2, 3]"),
    "null": lambda path: path.write_text("null"),
    "a string": lambda path: path.write_text('"words"'),
    "deep": lambda path: path.write_text("[" * 100_000),
    "huge": lambda path: path.write_bytes(b" " * (2 << 20)),
    "folder": lambda path: path.mkdir(),
    "full folder": lambda path: (path / "more").mkdir(parents=True),
    "pipe": os.mkfifo,
    "loop": link_to_itself,
    "wrong types": lambda path: path.write_text(
        json.dumps({"id": 5, "ports": {"gateway": "x"}, "supervisor": {"pid": -1}, "url": None, "api_key": []})
    ),
}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return DAMAGES[request.param]


@pytest.mark.parametrize("kind", [StackState, Run, Credentials])
def test_any_damage_is_a_clear_error(tmp_path: Path, damage: Callable[[Path], object], kind: type[Kept]) -> None:
    """Whoever only reads is told the file and what mends it, whatever lies in its place."""
    damage(kind.file(tmp_path))
    with pytest.raises(StackError, match=f"{kind.file(tmp_path).name} .*`phonoscope up` mends it"):
        kind.read(tmp_path)


@pytest.mark.parametrize("kind", [Run, Credentials])
def test_what_is_damaged_is_moved_and_counts_as_absent(
    tmp_path: Path, damage: Callable[[Path], object], kind: type[Kept]
) -> None:
    """The next start makes it again; what was there stays for whoever wants to look."""
    path, said = kind.file(tmp_path), list[str]()
    damage(path)
    assert mended(kind, tmp_path, said.append) is None
    (moved,) = tmp_path.iterdir()
    assert said == [f"{path.name} was damaged and is now {moved.name}"]
    assert moved.name.startswith(f"{path.name}.damaged-")


def test_secrets_are_made_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """A damaged state is replaced by a whole one, which is written at once; it is said what ends with it."""
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    said = list[str]()
    damage(tmp_path / "stack.json")
    state = mended_state(tmp_path, said.append)
    assert StackState.read(tmp_path) == state
    (line,) = said
    assert "stack.json was damaged and is now stack.json.damaged-" in line
    assert "signing_secret" in line
    assert "signed links end" in line


@pytest.mark.parametrize("lost", [*SECRETS, "id", "s3_access_key", "ports"])
@pytest.mark.parametrize("wrong", ["", "a@b/c?d", "short", 5, None, [], "x" * 300, "sixteen letters \n or more"])
def test_what_is_right_is_kept(tmp_path: Path, lost: str, wrong: object) -> None:
    """One value that cannot be used costs no other one, and is named."""
    said = list[str]()
    values = json.loads(STATE.model_dump_json()) | {lost: wrong}
    (tmp_path / "stack.json").write_text(json.dumps(values))
    state = mended_state(tmp_path, said.append)
    changed = {name for name in StackState.model_fields if getattr(state, name) != getattr(STATE, name)}
    assert changed == {lost}
    assert len(said) == 1
    assert said[0].endswith(f"made anew: {lost}")
    assert state.settings().signing_secret.get_secret_value() == state.signing_secret


def test_a_state_without_a_secret_is_damaged(tmp_path: Path) -> None:
    """What would be another secret at each reading is an error to readers and made once by the next start."""
    values = json.loads(STATE.model_dump_json(exclude={"broker_password"}))
    (tmp_path / "stack.json").write_text(json.dumps(values))
    with pytest.raises(StackError, match="lacks broker_password"):
        StackState.read(tmp_path)
    state = mended_state(tmp_path, lambda _: None)
    assert state.database_password == STATE.database_password
    assert StackState.read(tmp_path) == state


def test_a_first_start_says_nothing(tmp_path: Path) -> None:
    """Where nothing was lost there is nothing to say, and nothing is written yet."""
    assert mended_state(tmp_path, pytest.fail).ports == Ports()
    assert list(tmp_path.iterdir()) == []


def test_a_lost_state_of_a_cluster_is_said(tmp_path: Path) -> None:
    """Somebody who erased the file is told what that ends."""
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    said = list[str]()
    mended_state(tmp_path, said.append)
    assert "stack.json is gone" in said[0]


def test_a_lost_mark_is_read_from_what_still_runs(tmp_path: Path) -> None:
    """Processes that an earlier stack left in the folder are found though nothing else remembers their mark."""
    environment = os.environ | {MARK: "00112233aabbccdd/gpu"}
    with subprocess.Popen(["/bin/sleep", "60"], cwd=tmp_path, env=environment) as left:
        try:
            assert wait_until(lambda: MARK in psutil.Process(left.pid).environ(), 30.0)
            (tmp_path / "stack.json").write_bytes(b"\x00")
            assert mended_state(tmp_path, lambda _: None).id == "00112233aabbccdd"
        finally:
            left.kill()


def test_a_file_that_its_owner_may_not_read_is_opened_again(tmp_path: Path) -> None:
    """A mode without the right to read costs nothing: the owner can give it back."""
    STATE.write(tmp_path)
    tmp_path.chmod(0o777)
    (tmp_path / "stack.json").chmod(0)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom phonoscope_local.state import StackState\n"
        "folder = Path(sys.argv[1])\n"
        "if os.geteuid() == 0:\n    os.chown(folder / 'stack.json', 65534, 65534); os.setuid(65534)\n"
        "print(StackState.read(folder).id)"
    )
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == STATE.id, done.stderr


def test_files_are_mended_while_the_stack_runs(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """What is damaged or erased under a running stack stands there again, with the values that it has."""
    said = list[str]()
    keeper = Keeper(tmp_path, said.append)
    keeper.keep(STATE)
    keeper.keep(RUN)
    CREDENTIALS.write(tmp_path)
    keeper.look()
    assert said == []
    for kind in (StackState, Run, Credentials):
        kind.file(tmp_path).unlink()
        damage(kind.file(tmp_path))
    keeper.look()
    assert (StackState.read(tmp_path), Run.read(tmp_path), Credentials.read(tmp_path)) == (STATE, RUN, CREDENTIALS)
    assert len(said) == 6
    for kind in (StackState, Run, Credentials):
        kind.file(tmp_path).unlink()
    keeper.look()
    assert (StackState.read(tmp_path), Run.read(tmp_path), Credentials.read(tmp_path)) == (STATE, RUN, CREDENTIALS)


def test_another_key_is_left_in_its_place(tmp_path: Path) -> None:
    """Credentials that somebody replaced are not taken back."""
    keeper = Keeper(tmp_path, lambda _: None)
    CREDENTIALS.write(tmp_path)
    keeper.look()
    other = CREDENTIALS.model_copy(update={"api_key": "psk_c_d"})
    other.write(tmp_path)
    keeper.look()
    Credentials.file(tmp_path).write_text("")
    keeper.look()
    assert Credentials.read(tmp_path) == other


@pytest.mark.parametrize("name", ["stack.lock", "logs"])
def test_a_folder_with_something_else_in_a_place_opens(tmp_path: Path, name: str) -> None:
    """A folder where the lock belongs, a file where the logs do."""
    folder = tmp_path / "stack"
    open_folder(folder)
    if name == "logs":
        (folder / name).rmdir()
        (folder / name).write_text("x")
    else:
        (folder / name).unlink()
        (folder / name).mkdir()
    open_folder(folder)
    assert ((folder / "stack.lock").is_file(), (folder / "logs").is_dir()) == (True, True)
