"""Requests that are generated from the API's document: each route with values that no client should send."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

_DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_ODD: tuple[Any, ...] = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202e", "\ufffe", "é" * 300, "x" * 10_000, "' OR 1=1 --",
    "../../etc/passwd", "%00", "{{7*7}}", "${jndi:ldap://127.0.0.1}", "<script>", "null", "true", "nan", "-0",
    "1e400", "0x10", "١٢", "9" * 400, None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.1,
    1e308, -1e-308, float("nan"), float("inf"), [], [None], [[[[]]]], ["classify"] * 1000, {}, {"": ""}, {"\0": 1},
    {"\ud800": 1}, {"a": {"a": {"a": {}}}}, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30",
    "2026-01-01T00:00:00", "-1", "auto", "classify", "trk_" + "0" * 26, "job_" + "z" * 26, "whk_\0",
    "dlv_" + "x" * 1000, "http://example.org/", "https://[::", "succeeded",
)  # fmt: skip
_HEADERS = (
    ("Range", "bytes=0-0,1-1,2-2"), ("Range", "bytes=9999999999999999999-"), ("Range", "bytes=-0"), ("Range", "x=1"),
    ("If-None-Match", '"' + "a" * 5000), ("If-Range", "x"), ("Last-Event-ID", "9" * 300),
    ("Last-Event-ID", "7-0412-x3k9"), ("Accept", "*/*;q=x"), ("Accept", "image/png, " * 500),
    ("Accept-Encoding", "gzip;q=-1"), ("Content-Type", "text/plain"),
    ("Content-Type", "application/json; charset=utf-7"), ("Content-Type", "multipart/form-data"),
    ("Content-Encoding", "gzip"), ("Idempotency-Key", "é"), ("Idempotency-Key", "a" * 300),
    ("X-Forwarded-For", "127.0.0.1, " * 100), ("Host", "evil.example"), ("Origin", "null"),
    ("Cookie", "a=" + "b" * 5000), ("Authorization", "Bearer"), ("Authorization", "Basic \xff"), ("Expect", "x"),
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request: its path holds the query."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path[:200]} {dict(self.headers)} {self.body[:200]!r}"


class Requests:
    """A source of requests. The same seed gives the same ones.

    Args:
        known: ids that exist, by the name of the path's parameter.
    """

    def __init__(self, seed: int, known: Mapping[str, str]) -> None:
        self._chance = random.Random(seed)
        self._known = known
        document = json.loads(_DOCUMENT.read_text())
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._routes = [
            (method, path, route)
            for path, routes in document["paths"].items()
            for method, route in routes.items()
            if method in _METHODS
        ]

    def some(self, count: int) -> Iterator[Request]:
        for _ in range(count):
            yield self._one(*self._chance.choice(self._routes))

    def _one(self, method: str, path: str, route: Mapping[str, Any]) -> Request:
        query: list[str] = []
        headers: dict[str, str] = {}
        for parameter in route.get("parameters", ()):
            name, place = parameter["name"], parameter["in"]
            if place == "path":
                path = path.replace("{" + name + "}", self._id(name))
            elif self._chance.random() < 0.6 and name != "wait":
                text = _text(self._value(parameter["schema"]))
                if place == "query":
                    query.append(f"{name}={quote(text, errors='surrogatepass')}")
                else:
                    headers[name] = text
        if self._chance.random() < 0.1:
            name, text = self._chance.choice(_HEADERS)
            headers[name] = text
        if self._chance.random() < 0.05:
            method = self._chance.choice(_METHODS)
        if self._chance.random() < 0.03:
            path += self._chance.choice(["/", "//", "/..", "%2f", ";a", "/%00"])
        body = self._body(route, headers)
        whole = path + ("?" + "&".join(query) if query else "")
        sent = {name: text.encode("latin-1", "replace").decode("latin-1") for name, text in headers.items()}
        return Request(method.upper(), whole, {name: _header(text) for name, text in sent.items()}, body)

    def _body(self, route: Mapping[str, Any], headers: dict[str, str]) -> bytes:
        schema = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is None or self._chance.random() < 0.02:
            return b""
        headers.setdefault("Content-Type", "application/json")
        if self._chance.random() < 0.05:
            return self._chance.choice(
                [b"{", b"[" * 50_000, b"\xff\xfe", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"NaN", b'"\\ud800"']
            )
        return json.dumps(self._value(schema)).encode()

    def _id(self, name: str) -> str:
        if name in self._known and self._chance.random() < 0.5:
            return self._known[name]
        return quote(_text(self._chance.choice(_ODD)) or "x", safe="", errors="surrogatepass")

    def _value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """A value that nearly fits: each part is replaced by an odd one from time to time."""
        if depth > 8 or self._chance.random() < 0.2:
            return self._chance.choice(_ODD)
        if "$ref" in schema:
            return self._value(self._schemas[schema["$ref"].rpartition("/")[2]], depth + 1)
        for choice in ("anyOf", "oneOf", "allOf", "enum"):
            if choice in schema:
                picked = self._chance.choice(schema[choice])
                return picked if choice == "enum" else self._value(picked, depth + 1)
        return schema["const"] if "const" in schema else self._plain(schema, depth)

    def _plain(self, schema: Mapping[str, Any], depth: int) -> Any:
        lowest, highest = schema.get("minimum", -3), schema.get("maximum", 10**6)
        made: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema, depth),
            "array": lambda: [
                self._value(schema.get("items", {}), depth + 1) for _ in range(self._chance.randrange(4))
            ],
            "integer": lambda: self._chance.choice([0, 1, 7, lowest, highest, 2**40]),
            "number": lambda: self._chance.choice([0.0, 0.5, -1.5, lowest, highest]),
            "boolean": lambda: self._chance.random() < 0.5,
        }
        words = [*self._known.values(), "a", "classify", "2026-01-01T00:00:00Z", "http://127.0.0.1:9/"]
        return made.get(schema.get("type", ""), lambda: self._chance.choice(words))()

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        needed = schema.get("required", ())
        made = {
            name: self._value(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in needed or self._chance.random() < 0.4
        }
        if self._chance.random() < 0.1:
            made[self._chance.choice(["\0", "\ud800", "__proto__", "", "x" * 1000])] = self._chance.choice(_ODD)
        return made


def routes_with_json() -> list[tuple[str, str]]:
    """Method and path of each route whose body is JSON, with something in place of parameters."""
    return [
        (method.upper(), re.sub(r"{\w+}", "none", path))
        for path, routes in json.loads(_DOCUMENT.read_text())["paths"].items()
        for method, route in routes.items()
        if "application/json" in route.get("requestBody", {}).get("content", {})
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _header(text: str) -> str:
    return "".join(letter for letter in text if letter >= " " and letter != "\x7f")
