"""The application as a whole, while nothing it needs is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from phonoscope.catalogue import LiveCatalogue
from phonoscope.db.access.engine import Database
from phonoscope.storage import ObjectStore
from phonoscope.tasks import TASKS
from phonoscope.waker import Waker
from phonoscope_gateway import create_app
from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.openapi import nowhere
from phonoscope_gateway.state import State
from tests.unit.gateway.requests import Ask

BY_SIGNATURE = "/v1/artifacts/{artifact_id}"
"""Its links carry a signature in place of a key."""
ANYBODYS = ("get", "/v1/session")
"""Says that nobody is signed in."""


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    """The gateway with every part built and none connected."""
    settings = nowhere()
    database_url = settings.database_url.get_secret_value()
    app = create_app(settings)
    database = Database(database_url)
    app.state.phonoscope = State(
        settings=settings,
        database=database,
        store=ObjectStore(settings),
        waker=Waker(settings.broker_url.get_secret_value()),
        models=LiveCatalogue(settings.models_dir),
        listener=JobListener(database_url),
    )
    yield app
    database.close()


def test_every_call_under_v1_needs_a_key(ask: Ask, app: FastAPI) -> None:
    """Whatever is documented there answers 401 to whoever comes without, before it looks at anything else.

    Only who is signed in is told anybody: that it is nobody.
    """
    calls = [
        (method.upper(), re.sub(r"\{\w+\}", "x_1", path))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/v1/") and path != BY_SIGNATURE and (method, path) != ANYBODYS
    ]
    assert len(calls) >= 11
    assert ask(app, "GET", "/v1/session").json() == dict.fromkeys(("sign_in", "user", "scopes", "key_id"))
    for method, path in calls:
        for headers in ({}, {"Authorization": "Basic cHNrOng="}, {"Authorization": "Bearer"}):
            response = ask(app, method, path, headers=headers)
            assert (response.status_code, response.json()["code"]) == (401, "unauthorized"), (method, path)
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("query", ["", "?expires=9999999999", "?expires=9999999999&signature=AAAA", "?signature=AAAA"])
def test_a_link_without_its_signature_is_refused(ask: Ask, app: FastAPI, query: str) -> None:
    """403 before anything is looked up, with a key or without."""
    for headers in ({}, {"Authorization": "Bearer psk_a_b"}):
        response = ask(app, "GET", f"/v1/artifacts/art_1{query}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "invalid_signature")


def test_it_lives_whatever_is_down(ask: Ask, app: FastAPI) -> None:
    """Being alive depends on nothing else."""
    response = ask(app, "GET", "/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


def test_every_documented_call_has_a_name_of_its_own(app: FastAPI) -> None:
    """Clients are generated from the names; each is said once, in plain words."""
    names = [call["operationId"] for path in app.openapi()["paths"].values() for call in path.values()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_every_documented_error_is_a_problem(app: FastAPI) -> None:
    """Every call lists its errors by status, all of them problems, and nothing in the document points nowhere."""
    document = app.openapi()
    for name, path in document["paths"].items():
        for call in path.values():
            errors = {int(status): answer for status, answer in call["responses"].items() if int(status) >= 400}
            assert {413, 422, 503} <= errors.keys()
            assert not name.startswith("/v1/") or {401, 403} & errors.keys()
            makes_it = "201" in call["responses"] and name.endswith("}")
            assert "{" not in name or 404 in errors or makes_it
            for status, answer in errors.items():
                if (name, status) != ("/health/ready", 503):
                    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
                    assert answer["content"] == content
    named = set(_references(document))
    assert named <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def test_every_body_is_read_in_one_place(app: FastAPI) -> None:
    """Strictly, after the key: no route leaves a body to the framework, and each body's schema is one of ours."""
    document = app.openapi()
    assert [route.path for route in _routes(app) if route.body_field is not None] == []
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for call in path.values():
            content = call.get("requestBody", {}).get("content", {}).get("application/json")
            assert content is None or schemas[_name(content["schema"])]["additionalProperties"] is False


def test_every_link_leads_to_a_call(app: FastAPI) -> None:
    """By its operation id, with a parameter that the call has."""
    calls = [call for path in app.openapi()["paths"].values() for call in path.values()]
    known = {call["operationId"]: {each["name"] for each in call.get("parameters", [])} for call in calls}
    answers = [answer for call in calls for answer in call["responses"].values()]
    found = [link for answer in answers for link in answer.get("links", {}).values()]
    assert len(found) > 10
    for link in found:
        assert link["parameters"].keys() <= known[link["operationId"]]


def test_a_result_is_one_of_the_tasks_by_its_name(app: FastAPI) -> None:
    """Generated clients tell the kinds of results apart by ``task``."""
    result, null = app.openapi()["components"]["schemas"]["Task"]["properties"]["result"]["anyOf"]
    assert null == {"type": "null"}
    assert result["discriminator"]["propertyName"] == "task"
    wanted = {name: f"#/components/schemas/{spec.result.__name__}" for name, spec in TASKS.items()}
    assert result["discriminator"]["mapping"] == wanted
    assert {each["$ref"] for each in result["oneOf"]} == set(wanted.values())


def test_the_documentation_page_needs_nobody_else(ask: Ask, app: FastAPI) -> None:
    """Its scripts and styles come from this server, so that it opens without the internet."""
    page = ask(app, "GET", "/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    assert "http://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/assets/{asset}" in page.text
        assert ask(app, "GET", f"/docs/assets/{asset}").status_code == 200
    assert ask(app, "GET", "/openapi.json").json()["info"]["title"] == "Phonoscope"


def test_the_document_is_rendered_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no key may ask for it, and must not keep the gateway busy with that."""
    app, rendered = create_app(nowhere()), 0
    render = app.openapi

    def count() -> dict[str, object]:
        nonlocal rendered
        rendered += 1
        return render()

    monkeypatch.setattr(app, "openapi", count)
    answers = [ask(app, "GET", "/openapi.json") for _ in range(3)]
    assert answers[0].json() == answers[2].json() == render()
    assert answers[0].headers["content-type"] == "application/json"
    assert rendered == 1


def _routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route, also those of included routers."""
    for route in app.router.routes:
        inner = getattr(route, "original_router", None)
        for each in [route] if inner is None else inner.routes:
            if isinstance(each, APIRoute):
                yield each


def _name(schema: dict[str, str]) -> str:
    return schema["$ref"].rpartition("/")[2]


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)
