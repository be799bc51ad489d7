"""Strategies for requests that follow the OpenAPI document in part and defy it in part."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.property.documented import Call, Owner

NASTY_TEXTS = (
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "٣",
    "-1",
    "0",
    "1e400",
    "nan",
    "9" * 40,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2025-02-30T25:61:61Z",
    "W10",
    "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwiYSJd",
    "../../etc/passwd",
    "%00%ff",
    "a/b?c#d",
    "' OR 1=1 --",
    "\r\nX-Injected: 1",
    "😀" * 300,
    "x" * 10_000,
    "https://receiver.invalid/\x00",
    "http://[::1",
)
NASTY_HEADERS = (
    "",
    "*",
    "bytes=0-",
    "bytes=-0",
    "bytes=5-2",
    "bytes=0-1,3-4",
    "bytes=" + "9" * 40 + "-",
    "bytes=٣-",
    "items=0-1",
    'W/"x"',
    '"' + "x" * 5_000,
    '""',
    "é\xff",
    "0-done-aaaa",
    "999999999-9999-aaaa",
    "image/png;q=2, */*;q=",
    "application/json;q=0.000",
    "x" * 10_000,
)
_TEXTS = {"uri": ["http://127.0.0.1:9/x"], "date-time": ["2025-03-01T12:00:00Z", "2025-03-01T12:00:00.5+14:00"]}
_NASTY, _SELDOM = 17, 7
NO_JSON = ("", "NaN", '{"url": 1, "url": 2}', "[" * 50_000, "\ufeff{}")
FILENAMES = ("", '; filename="a.wav"', '; filename="a\x00\xff.wav"', "; filename*=UTF-8''%ff")
_DEEP: Any = None
for _ in range(80):
    _DEEP = [_DEEP]
NASTY_VALUES: tuple[Any, ...] = (
    *NASTY_TEXTS,
    None,
    True,
    False,
    -1,
    2**63,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    ["x"] * 5_000,
    {f"k{index}": index for index in range(5_000)},
    {"\ud800": 1},
    {"\x00": 1},
    _DEEP,
)


def _or_nasty(strategy: st.SearchStrategy[Any], nasty: tuple[Any, ...] = NASTY_VALUES) -> st.SearchStrategy[Any]:
    """Mostly what the document asks for."""
    return st.integers(0, 29).flatmap(lambda chance: st.sampled_from(nasty) if chance == _NASTY else strategy)


def values(call: Call, schema: dict[str, Any], owner: Owner, name: str = "") -> st.SearchStrategy[Any]:
    """Values that a schema describes, with nasty ones in any place."""
    if name in owner.ids:
        return _or_nasty(st.just(owner.ids[name]))
    if "$ref" in schema:
        target = call.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return values(call, target, owner, name)
    if "anyOf" in schema:
        return st.one_of([values(call, each, owner, name) for each in schema["anyOf"]])
    return _or_nasty(_typed(call, schema, owner))


def _typed(call: Call, schema: dict[str, Any], owner: Owner) -> st.SearchStrategy[Any]:
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    low, high = schema.get("minimum", 0), schema.get("maximum", 100)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "integer": st.integers(low, high),
        "number": st.floats(low, high),
        "null": st.none(),
        "string": st.sampled_from(_TEXTS.get(str(schema.get("format")), ["drums", "conv1", "a b", "é"])),
    }
    if schema["type"] == "array":
        return st.lists(values(call, schema["items"], owner), max_size=3)
    if schema["type"] == "object":
        named = {name: values(call, each, owner, name) for name, each in schema.get("properties", {}).items()}
        required = {name: named.pop(name) for name in schema.get("required", [])}
        return st.fixed_dictionaries(required, optional=named)
    return simple[schema["type"]]


@st.composite
def requests(draw: st.DrawFn, call: Call, owner: Owner) -> dict[str, Any]:
    """One request for a call, as the arguments of ``httpx.Client.request``."""
    destroys = call.method == "delete" or call.path.endswith("/cancel")
    path = call.path
    for each in call.parameters("path"):
        known = "trk_gone" if destroys else owner.ids.get(each["name"], "none_such")
        text = draw(_or_nasty(st.just(known), NASTY_TEXTS))
        path = path.replace(f"{{{each['name']}}}", quote(_bytes(text), safe="") or "%20")
    headers: dict[str, str | bytes] = {"Authorization": f"Bearer {owner.key}"}
    for name in {each["name"] for each in call.parameters("header")} | {"Accept", "Range"}:
        if draw(st.integers(0, 9)) == _SELDOM:
            headers[name] = draw(st.sampled_from(NASTY_HEADERS).map(lambda text: text.encode("utf-8")))
    request = {"method": call.method.upper(), "url": f"{path}{draw(_query(call, owner))}", "headers": headers}
    return request | draw(_content(call, owner))


@st.composite
def _query(draw: st.DrawFn, call: Call, owner: Owner) -> str:
    pairs = []
    for each in call.parameters("query"):
        # A wait that is valid is a wait.
        usual = st.just(0) if each["name"] == "wait" else values(call, each["schema"], owner, each["name"])
        for value in draw(st.lists(usual, min_size=int(each.get("required", False)), max_size=2)):
            text = value if isinstance(value, str) else json.dumps(value)
            pairs.append(f"{each['name']}={quote(_bytes(text[:2_000]), safe='')}")
    if owner.signed and "signature" in str(call.parameters("query")) and draw(st.booleans()):
        return f"?{owner.signed}"
    return f"?{'&'.join(pairs)}" if pairs else ""


@st.composite
def _content(draw: st.DrawFn, call: Call, owner: Owner) -> dict[str, Any]:
    as_json, as_form = call.body("application/json"), call.body("multipart/form-data")
    if as_form is not None and (as_json is None or draw(st.booleans())):
        return draw(_form(call, as_form, owner))
    if as_json is None:
        return {}
    text = json.dumps(draw(_or_nasty(values(call, as_json, owner))))
    if draw(st.integers(0, 9)) == _SELDOM:
        text = draw(
            st.sampled_from([text[:-1], f"{text},", "", "NaN", '{"url": 1, "url": 2}', "[" * 50_000, "\ufeff{}"])
        )
    kind = draw(st.sampled_from(["application/json"] * 8 + ["text/plain", "application/json; charset=utf-16"]))
    return {"content": text.encode("utf-8", "surrogatepass"), "_type": kind}


@st.composite
def _form(draw: st.DrawFn, call: Call, schema: dict[str, Any], owner: Owner) -> dict[str, Any]:
    parts = []
    for name in schema["properties"]:
        for value in draw(st.lists(_or_nasty(st.just('{"classify": {}}'), NASTY_TEXTS), max_size=2)):
            name_ = draw(_or_nasty(st.just(name), NASTY_TEXTS[:12]))
            filename = draw(
                st.sampled_from(["", '; filename="a.wav"', '; filename="a\x00\xff.wav"', "; filename*=UTF-8''%ff"])
            )
            head = f'--x\r\nContent-Disposition: form-data; name="{name_}"{filename}\r\n\r\n{value}\r\n'
            parts.append(head.encode("utf-8", "surrogatepass"))
    end = draw(st.sampled_from([b"--x--\r\n"] * 6 + [b"", b"--x"]))
    return {"content": b"".join(parts) + end, "_type": "multipart/form-data; boundary=x"}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
