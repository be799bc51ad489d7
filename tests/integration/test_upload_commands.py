"""``phonoscope uploads``, on the real stack."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from phonoscope.client import Client
from phonoscope_cli.app import app
from tests.integration.tus import append, begin
from tests.support import RunningStack, authorities


def test_unfinished_uploads_are_listed_and_cancelled(stack: RunningStack) -> None:
    """One's own alone, with how much has come; a name is shown letter by letter."""
    key, other = (stack.new_key(f"owner-{uuid4()}") for _ in range(2))

    def run(*words: str, of: str = key) -> Any:
        environ = {"PHONOSCOPE_URL": stack.url, "PHONOSCOPE_API_KEY": of, "COLUMNS": "200"}
        return CliRunner().invoke(app, ["uploads", *words], env=environ)

    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60, verify=authorities()) as http:
        half, none = (begin(http, 40_000, filename=f"{name} [bold].wav").rpartition("/") for name in ("half", "none"))
        append(http, "".join(half), 0, b"x" * 20_000)
    listed = run("list")
    assert listed.exit_code == 0, listed.output
    rows = {cells[1]: cells for cells in (
        [cell.strip() for cell in line.split("│")] for line in listed.output.splitlines()
    ) if len(cells) > 4}  # fmt: skip
    assert rows[half[2]][2:5] == ["half [bold].wav", "50%", "40,000"]
    assert rows[none[2]][3] == "0%"
    assert "upl_" not in run("list", of=other).output
    assert run("cancel", half[2], of=other).exit_code != 0
    cancelled = run("cancel", half[2], none[2])
    assert cancelled.output == f"{half[2]} is cancelled\n{none[2]} is cancelled\n"
    with Client(stack.url, key) as client:
        assert client.open_uploads() == []


@pytest.mark.parametrize("words", [[], ["cancel"]])
def test_what_is_missing_is_said(words: list[str]) -> None:
    """With the shell's status for wrong use."""
    assert CliRunner().invoke(app, ["uploads", *words]).exit_code == 2
