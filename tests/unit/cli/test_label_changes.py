"""The changes of labels, as the command line lists them."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from phonoscope.client import Client
from phonoscope.contract import Page
from phonoscope.contract.labels import LabelAction, LabelChange
from phonoscope_cli.labels import _changes


def change(revision: int) -> LabelChange:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return LabelChange(revision=revision, created_at=moment, key_id=None, action=LabelAction.SAID, added=[], removed=[])


def test_all_pages_are_listed() -> None:
    """A page has 10 changes at most."""

    def answer(request: httpx.Request) -> httpx.Response:
        newest = int(request.url.params.get("cursor", 23))
        oldest = newest - int(request.url.params["limit"])
        items = [change(number) for number in range(newest, max(oldest, 0), -1)]
        page = Page[LabelChange](items=items, next_cursor=str(oldest) if oldest > 0 else None)
        return httpx.Response(200, text=page.model_dump_json())

    with Client("http://phonoscope.test", "psk_a_b", transport=httpx.MockTransport(answer)) as client:
        assert [each.revision for each in _changes(client, "trk_1")] == list(range(23, 0, -1))
