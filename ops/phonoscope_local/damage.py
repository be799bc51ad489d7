"""Mends the files in a stack's folder: what can be read of a damaged one is kept, the rest is made again and said."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from phonoscope.errors import StackError
from phonoscope_local.files import read_regular, set_aside
from phonoscope_local.processes import mark_of
from phonoscope_local.state import LONGEST_BYTES, Credentials, Kept, Run, StackState

_Kind = TypeVar("_Kind", bound=Kept)
_LINKS = "signing_secret"
_LINKS_END = "; signed links end, and the secrets of webhooks have to be rotated"


def mended_state(folder: Path, say: Callable[[str], None]) -> StackState:
    """The stack's secrets and ports; what is lost of them is made anew, written and said.

    The cluster gets a new password at its next start. Raises ``StackError`` when a damaged file cannot be moved.
    """
    path = StackState.file(folder)
    made_before = (folder / "postgres" / "data").exists()
    try:
        if found := StackState.read(folder):
            return found
        if not made_before:
            return StackState()
        kept, say_where = {}, f"{path.name} is gone"
    except StackError:
        kept, say_where = _readable(StackState, path), _moved(path)
    mark = mark_of(folder)
    marked = {"id": mark} if mark and _is_right(StackState, "id", mark) else {}
    state = StackState.model_validate(marked | kept)
    state.write(folder)
    lost = sorted(StackState.model_fields.keys() - kept.keys())
    say(f"{say_where}; made anew: {', '.join(lost)}{_LINKS_END if made_before and _LINKS in lost else ''}")
    return state


def mended(kind: type[_Kind], folder: Path, say: Callable[[str], None]) -> _Kind | None:
    """A file's value; a damaged file is moved and said, and counts as absent.

    Raises ``StackError`` when it cannot be moved.
    """
    try:
        return kind.read(folder)
    except StackError:
        say(_moved(kind.file(folder)))
    return None


class Keeper:
    """Writes files again that are damaged or erased while their stack runs."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self._kept: dict[type[Kept], Kept] = {}

    def keep(self, value: Kept) -> None:
        """Writes a value that this process alone decides. Raises ``OSError``."""
        self._kept[type(value)] = value
        value.write(self._folder)

    def look(self) -> None:
        """Mends what differs from what was kept; credentials may have been replaced by others that can be read."""
        # A full disk must not stop the stack.
        with contextlib.suppress(OSError, StackError):
            if found := mended(Credentials, self._folder, self._say):
                self._kept[Credentials] = found
            for kind, value in self._kept.items():
                if mended(kind, self._folder, self._say) != value:
                    value.write(self._folder)
                    self._say(f"{kind.file(self._folder).name} is written again")

    def forget_run(self) -> None:
        """Removes ``run.json`` at the stack's end."""
        self._kept.pop(Run, None)
        with contextlib.suppress(OSError):
            Run.file(self._folder).unlink(missing_ok=True)


def _moved(path: Path) -> str:
    try:
        return f"{path.name} was damaged and is now {set_aside(path)}"
    except OSError as error:
        raise StackError(f"{path} is damaged and cannot be moved: {error.strerror or error}") from error


def _readable(kind: type[Kept], path: Path) -> dict[str, Any]:
    """The values of a damaged file that are right by themselves."""
    try:
        values = json.loads(read_regular(path, LONGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if name in kind.model_fields and _is_right(kind, name, value)}


def _is_right(kind: type[Kept], name: str, value: object) -> bool:
    try:
        kind.model_validate({name: value})
    except ValidationError:
        return False
    return True
