"""How the page is served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from phonoscope_gateway.app import create_app
from phonoscope_gateway.openapi import nowhere
from phonoscope_gateway.pictures.levels import HEARD_S
from phonoscope_gateway.problems import add_problem_handlers
from phonoscope_gateway.web.routes import ADDRESSES, add_page

_SOURCES = Path(__file__).parents[3] / "services" / "web" / "src"
_DOCUMENT = '<script type="module" nonce="__CSP_NONCE__" src="/assets/index-1.js"></script>'


def _served(static: Path, objects_at: str = "") -> TestClient:
    app = FastAPI()
    add_problem_handlers(app)
    add_page(app, static, objects_at)
    return TestClient(app)


@pytest.fixture
def page(tmp_path: Path) -> TestClient:
    """A page that was built."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(_DOCUMENT)
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "licenses.txt").write_text("react 19 (MIT)")
    (tmp_path / "assets" / "index-1.js").write_text("1")
    return _served(tmp_path)


@pytest.mark.parametrize(
    "address", ["/", "/tracks/trk_1", "/classifiers/barks/review", "/jobs", "/models", "/webhooks"]
)
def test_every_address_of_the_page_gives_the_document(page: TestClient, address: str) -> None:
    """A link to any place in the page can be followed, and what is shown is asked for anew each time."""
    response = page.get(address)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-cache"


def test_the_gateway_serves_every_address_that_the_page_has() -> None:
    """A page that is opened by its address, or loaded again, is found."""
    routes = re.findall(r'<Route path="([^"]+)"', (_SOURCES / "app" / "App.tsx").read_text())
    assert {re.sub(r":\w+", "{}", route) for route in routes} == {re.sub(r"{\w+}", "{}", one) for one in ADDRESSES}


def test_the_page_plays_parts_as_they_are_decoded() -> None:
    """Its length of a part is the gateway's."""
    [seconds] = re.findall(r"PART_S = (\d+);", (_SOURCES / "sound" / "soundParts.ts").read_text())
    assert int(seconds) == HEARD_S


def test_the_policy_lets_nothing_else_run(page: TestClient) -> None:
    """No script of the document's own, nobody else's files, no frame; a style sheet needs this answer's nonce."""
    response, other = page.get("/"), page.get("/")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "media-src 'self';" in policy
    assert "blob:" not in policy
    assert "frame-ancestors 'none'" in policy
    nonce = re.search(r"'nonce-([\w-]{20,})'", policy)
    assert nonce
    assert f'nonce="{nonce[1]}"' in response.text
    assert nonce[1] not in other.text
    assert not re.search(r"https?:", policy)


def test_the_policy_names_a_store_that_requests_are_redirected_to(tmp_path: Path) -> None:
    """For sound, pictures and arrays, and for nothing that runs."""
    (tmp_path / "index.html").write_text(_DOCUMENT)
    policy = _served(tmp_path, "https://objects.example").get("/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["media-src"] == "'self' https://objects.example"
    allowing = [name for name, sources in rules.items() if "objects.example" in sources]
    assert sorted(allowing) == ["connect-src", "img-src", "media-src"]


def test_files_whose_names_change_are_kept_for_ever(page: TestClient) -> None:
    """A second visit asks for the document alone."""
    response = page.get("/assets/index-1.js")
    assert response.status_code == 200
    assert "immutable" in response.headers["cache-control"]
    assert page.get("/favicon.svg").headers["content-type"].startswith("image/svg+xml")


def test_the_page_s_licences_are_served(page: TestClient) -> None:
    """As text, asked for anew each time."""
    response = page.get("/licenses.txt")
    assert (response.status_code, response.text) == (200, "react 19 (MIT)")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "coding", "content"),
    [
        ("gzip, deflate, br, zstd", "br", b"of br"),
        ("gzip", "gzip", b"of gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"of gzip"),
        ("identity", None, b"1"),
        ("", None, b"1"),
    ],
)
def test_files_are_sent_as_the_client_takes_them(
    page: TestClient, tmp_path: Path, accepted: str, coding: str | None, content: bytes
) -> None:
    """In Brotli before gzip, of the same type, and caches know that there are several."""
    for ending, packed in ((".br", b"of br"), (".gz", b"of gzip")):
        (tmp_path / "assets" / f"index-1.js{ending}").write_bytes(packed)
    with page.stream("GET", "/assets/index-1.js", headers={"Accept-Encoding": accepted}) as response:
        raw = b"".join(response.iter_raw())
    assert raw == content
    assert response.headers.get("content-encoding") == coding
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["vary"] == "Accept-Encoding"
    assert "immutable" in response.headers["cache-control"]
    assert page.get("/assets/index-1.js.br").status_code == 404


@pytest.mark.parametrize(
    ("accept", "path", "is_page"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "/nothing", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "/tracks/a/b", True),
        ("text/html,*/*;q=0.8", "/v1/nothing", False),
        ("text/html,*/*;q=0.8", "/assets/none.js", False),
        ("text/html,*/*;q=0.8", "/docs/none", False),
        ("*/*", "/nothing", False),
        ("application/json", "/nothing", False),
    ],
)
def test_an_unknown_address_is_the_page_for_browsers(page: TestClient, accept: str, path: str, is_page: bool) -> None:
    """404 in either form: the page says that there is no such one, programs get a problem."""
    response = page.get(path, headers={"Accept": accept})
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html" if is_page else "application/problem+json")
    assert ("content-security-policy" in response.headers) is is_page


def test_nothing_outside_of_the_folder_is_served(page: TestClient) -> None:
    """Neither what is not there nor what lies beside."""
    for path in ("/assets/none.js", "/assets/..%2Findex.html", "/index.html", "/tracks"):
        assert page.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/", "/assets/index-1.js", "/favicon.svg"])
def test_a_page_that_was_not_built_is_a_problem_that_says_so(tmp_path: Path, path: str) -> None:
    """Whoever runs from the sources learns which command is missing."""
    response = _served(tmp_path / "nowhere").get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert "make page" in response.json()["detail"]


def test_the_page_shadows_no_call() -> None:
    """The API's document names none of its addresses, and none of them lies where the API does."""
    documented = create_app(nowhere()).openapi()["paths"]
    assert not {*ADDRESSES} & {*documented}
    assert not [address for address in ADDRESSES if re.match(r"/(v1|docs|health|metrics|openapi)", address)]
