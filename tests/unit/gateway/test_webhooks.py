"""What the OpenAPI document says of events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from phonoscope.contract import DisabledNotice, EventType, JobNotice, TrialNotice
from phonoscope.webhooks.bodies import render
from phonoscope_gateway.app import create_app
from phonoscope_gateway.openapi import nowhere

Notice: TypeAlias = type[JobNotice] | type[TrialNotice] | type[DisabledNotice]
NOTICES: dict[str, Notice] = {
    **{each.value: JobNotice for each in EventType},
    "webhook.test": TrialNotice,
    "webhook.disabled": DisabledNotice,
}
DATA: dict[Notice, dict[str, str]] = {
    JobNotice: {"job_id": "job_1", "track_id": "trk_1", "status": "failed"},
    TrialNotice: {"webhook_id": "whk_1"},
    DisabledNotice: {"webhook_id": "whk_1", "url": "https://hooks.example/", "because": "gone"},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(nowhere()).openapi()


def test_every_event_is_declared(document: dict[str, Any]) -> None:
    """Under ``webhooks``, as OpenAPI 3.1 has it, and nowhere among the calls; with the headers that prove it."""
    assert document["openapi"].startswith("3.1")
    assert document["webhooks"].keys() == NOTICES.keys()
    assert not any("job.succeeded" in path for path in document["paths"])
    for name, notice in NOTICES.items():
        told = document["webhooks"][name]["post"]
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{notice.__name__}"}
        assert notice.__name__ in document["components"]["schemas"]
        headers = {header["name"] for header in told["parameters"] if header["in"] == "header"}
        assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
        assert {"204", "410", "default"} == told["responses"].keys()


@pytest.mark.parametrize("name", sorted(NOTICES))
def test_what_is_sent_is_what_is_declared(name: str) -> None:
    """The courier's bytes fit the declared shape, and it has nothing beside."""
    notice = NOTICES[name]
    body = render(name, datetime(2026, 1, 2, tzinfo=UTC), DATA[notice])
    read = notice.model_validate_json(body)
    assert read.type == name
    assert read.data.model_dump() == DATA[notice]
