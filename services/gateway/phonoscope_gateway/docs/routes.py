"""The OpenAPI document and a page to read it with, from this server alone."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from phonoscope.contract import (
    ArtifactLink,
    JobRequest,
    KeyChange,
    KeyRequest,
    KeyRotation,
    Problem,
    RedeliveryRequest,
    SecretRotation,
    WebhookChange,
    WebhookRequest,
)
from phonoscope_gateway.documents import NONCE, document

_ASSETS = "/docs/assets"
_FOLDED = {"defaultModelsExpandDepth": 0, "displayRequestDuration": True}
"""The calls come first; the list of schemas stays folded."""
_SWAGGER = {"script-src": f"'nonce-{NONCE}'", "img-src": "data:"}
"""Swagger UI is started by an inline script, and its style sheet holds its icons as data."""
_BY_REFERENCE: list[tuple[type[BaseModel], Literal["validation"]]] = [
    (model, "validation")
    for model in (
        ArtifactLink,
        JobRequest,
        KeyChange,
        KeyRequest,
        KeyRotation,
        Problem,
        RedeliveryRequest,
        SecretRotation,
        WebhookChange,
        WebhookRequest,
    )
]
"""Schemas that only routes and descriptions name."""


def add_docs(app: FastAPI) -> None:
    """Adds ``/docs``; its scripts come from the ``fastapi_offline`` wheel, so nothing is loaded from other hosts."""
    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs-assets")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title="Phonoscope API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon.png",
            swagger_ui_parameters=_FOLDED,
        )
        text = bytes(page.body).decode().replace("<script>", f'<script nonce="{NONCE}">')
        return document(text, _SWAGGER)

    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        _, extra = models_json_schema(_BY_REFERENCE, ref_template="#/components/schemas/{model}")
        for name, schema in extra["$defs"].items():
            document["components"]["schemas"].setdefault(name, schema)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
