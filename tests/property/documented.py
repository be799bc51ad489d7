"""The calls of the OpenAPI document, and whether an answer is one that it documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator

from phonoscope_gateway.app import create_app
from phonoscope_gateway.openapi import nowhere

METHODS = ("get", "post", "patch", "delete")


@dataclass(frozen=True)
class Owner:
    """An owner's key, the query of a signed link, and the ids of what the owner has, by path parameter."""

    key: str
    signed: str
    ids: dict[str, str]


@dataclass(frozen=True)
class Call:
    """One call of the document."""

    document: dict[str, Any]
    method: str
    path: str
    declared: dict[str, Any]

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Its parameters in the path, the query or the headers."""
        return [each for each in self.declared.get("parameters", []) if each["in"] == place]

    def body(self, media_type: str) -> dict[str, Any] | None:
        """The schema of its body, if it takes one of this type."""
        content = self.declared.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] | None = content.get(media_type, {}).get("schema")
        return schema

    def why_undocumented(self, answer: httpx.Response) -> str | None:
        """What the document does not say of an answer; ``None`` when it says all."""
        documented = self.declared["responses"].get(str(answer.status_code))
        if documented is None:
            return f"status {answer.status_code}"
        content = documented.get("content")
        if not content:
            return "a body" if answer.content else None
        media_type = answer.headers["Content-Type"].partition(";")[0]
        fitting = [content[each] for each in content if _fits(media_type, each)]
        if not fitting:
            return f"media type {media_type}"
        if not media_type.endswith("json") or "*" in "".join(content):
            return None
        schema = fitting[0]["schema"] | {"components": self.document["components"]}
        faults = [error.message for error in Draft202012Validator(schema).iter_errors(answer.json())]
        return "; ".join(faults) or None


def calls() -> list[Call]:
    """Every call of the document, in its order."""
    document = create_app(nowhere()).openapi()
    return [Call(document, method, path, declared) for path, method, declared in _declared(document)]


def _declared(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, declared in methods.items():
            yield path, method, declared


def _fits(media_type: str, documented: str) -> bool:
    return documented in (media_type, "*/*") or (
        documented.endswith("/*") and media_type.startswith(documented.removesuffix("*"))
    )
