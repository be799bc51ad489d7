"""The licences of what the page's scripts are made of, as the page is served."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from deploy.bills import bill_of_page
from tests.support import RunningStack, authorities

WEB = Path(__file__).parents[2] / "services" / "web"


def test_what_the_page_is_made_of_has_its_licences(stack: RunningStack) -> None:
    """What it depends on and nothing that only builds or tests it, at the locked versions, each with its text."""
    answer = httpx.get(f"{stack.url}/licenses.txt", verify=authorities(), timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]
    parts = bill_of_page(answer.text, {"metadata": {}})["components"]
    assert {part["name"] for part in parts} >= json.loads((WEB / "package.json").read_text())["dependencies"].keys()
    for part in parts:
        locked = lock[f"node_modules/{part['name']}"]
        assert "dev" not in locked, part["name"]
        assert (part["version"], part["licenses"][0]["license"]["id"]) == (locked["version"], locked["license"])
    assert answer.text.count("Permission is hereby granted, free of charge") >= len(parts) - 1
