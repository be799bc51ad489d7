"""The OpenAPI document and a page to read it with, from this server alone."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any, Literal

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from phonoscope.contract import (
    ArtifactLink,
    ClassifierRequest,
    CollectionRequest,
    CollectionTracks,
    CompleteRequest,
    JobRequest,
    KeyChange,
    KeyRequest,
    KeyRotation,
    LabelRequest,
    LabelSetRequest,
    PartsRequest,
    Problem,
    RedeliveryRequest,
    SearchRequest,
    SecretRotation,
    ShareRequest,
    TeachRequest,
    TrackChange,
    UploadRequest,
    WebhookChange,
    WebhookRequest,
)
from phonoscope_gateway.documents import NONCE, document

_DOCUMENT = "/openapi.json"
_ASSETS = "/docs/assets"
_FOLDED = {"defaultModelsExpandDepth": 0, "displayRequestDuration": True}
"""The calls come first; the list of schemas stays folded."""
_SWAGGER = {"script-src": f"'nonce-{NONCE}'", "img-src": "data:"}
"""Swagger UI is started by an inline script, and its style sheet holds its icons as data."""
_BY_REFERENCE: list[tuple[type[BaseModel], Literal["validation"]]] = [
    (model, "validation")
    for model in (
        ArtifactLink,
        ClassifierRequest,
        CollectionRequest,
        CollectionTracks,
        CompleteRequest,
        JobRequest,
        KeyChange,
        KeyRequest,
        KeyRotation,
        LabelRequest,
        LabelSetRequest,
        PartsRequest,
        Problem,
        RedeliveryRequest,
        SearchRequest,
        ShareRequest,
        SecretRotation,
        TeachRequest,
        TrackChange,
        UploadRequest,
        WebhookChange,
        WebhookRequest,
    )
]
"""Schemas that only routes and descriptions name."""


def add_docs(app: FastAPI, root_path: str = "") -> None:
    """Adds ``/openapi.json`` and ``/docs``.

    Scripts come from the ``fastapi_offline`` wheel, so nothing is loaded from other hosts.

    Args:
        root_path: the prefix of paths, as clients have them.
    """
    assets = f"{root_path}{_ASSETS}"
    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs-assets")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=f"{root_path}{_DOCUMENT}",
            title="Phonoscope API",
            swagger_js_url=f"{assets}/swagger-ui-bundle.js",
            swagger_css_url=f"{assets}/swagger-ui.css",
            swagger_favicon_url=f"{assets}/favicon.png",
            swagger_ui_parameters=_FOLDED,
        )
        text = bytes(page.body).decode().replace("<script>", f'<script nonce="{NONCE}">')
        return document(text, _SWAGGER)

    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        if root_path:
            document["servers"] = [{"url": root_path}]
        _, extra = models_json_schema(_BY_REFERENCE, ref_template="#/components/schemas/{model}")
        for name, schema in extra["$defs"].items():
            document["components"]["schemas"].setdefault(name, schema)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_route(_DOCUMENT, _RenderedOnce(app).answer, include_in_schema=False)


class _RenderedOnce:
    """The OpenAPI document, which anybody may ask for: rendering it for each request would hold up all others."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._lock = asyncio.Lock()
        self._body: bytes | None = None

    async def answer(self, _: Request) -> Response:
        async with self._lock:
            if self._body is None:
                self._body = await to_thread.run_sync(lambda: bytes(JSONResponse(self._app.openapi()).body))
        return Response(self._body, media_type="application/json")
