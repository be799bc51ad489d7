"""The gateway under a path prefix, whether or not a proxy removed it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient

from phonoscope_gateway.app import create_app
from phonoscope_gateway.edge.guard import Guard
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.openapi import nowhere
from phonoscope_gateway.signing import Signer, artifact_path
from phonoscope_gateway.web.routes import add_page
from tests.unit.gateway.requests import Ask

PREFIX = "/apps/phonoscope"
_DOCUMENT = '<meta name="root-path" content="__ROOT_PATH__"><script src="./assets/index-1.js"></script><a href="#main">'


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The gateway, which connects to nothing."""
    return create_app(nowhere().model_copy(update={"root_path": PREFIX}))


@pytest.mark.parametrize("before", ["", PREFIX])
def test_both_kinds_of_proxies_reach_it(ask: Ask, app: FastAPI, before: str) -> None:
    """Health, documents, their files, and problems are where they would be without it."""
    for path, status in (
        ("/health/live", 200),
        ("/docs", 200),
        ("/openapi.json", 200),
        ("/docs/assets/swagger-ui.css", 200),
        ("/nothing", 404),
        ("/v1/jobs", 401),
    ):
        answer = ask(app, "GET", before + path)
        assert answer.status_code == status, path
        if status >= 400:
            assert answer.json()["instance"] == PREFIX + path
    assert ask(app, "OPTIONS", f"{before}/health/live").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", [f"{PREFIX}x/health/live", "/apps", "/apps/phono", f"{PREFIX}/{PREFIX[1:]}/docs"])
def test_what_only_looks_like_it_is_no_prefix(ask: Ask, app: FastAPI, path: str) -> None:
    """Segments are compared whole, and one prefix is removed."""
    assert ask(app, "GET", path).status_code == 404


def test_the_edge_sees_what_the_routes_see(ask: Ask, app: FastAPI) -> None:
    """A key is asked for, and answers are kept out of caches, with and without the prefix, however it is spelt."""
    for path in ("/v1/jobs", f"{PREFIX}/v1/jobs", "/apps/%70honoscope/v1/jobs"):
        answer = ask(app, "GET", path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (401, "no-store"), path


def test_documents_lead_to_the_prefix(ask: Ask, app: FastAPI) -> None:
    """Scripts, styles and the OpenAPI document of the page of documentation, and the document's server."""
    page = ask(app, "GET", "/docs").text
    addresses = re.findall(r"""(?:src|href)="(.*?)"|url: '(.*?)'""", page)
    assert len(addresses) >= 4
    assert all("".join(each).startswith(f"{PREFIX}/") for each in addresses)
    assert ask(app, "GET", "/openapi.json").json()["servers"] == [{"url": PREFIX}]
    assert "servers" not in create_app(nowhere()).openapi()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[TestClient]:
    """A page that was built, behind the guard."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(_DOCUMENT)
    (tmp_path / "assets" / "index-1.js").write_text("1")
    app = FastAPI()
    app.add_middleware(Guard, max_upload_bytes=1, max_requests_per_owner=1, check_host=host_check(""), root_path=PREFIX)
    add_page(app, tmp_path, root_path=PREFIX)

    @app.post("/make")
    def make(to: str, response: Response) -> None:
        response.headers["Location"] = to

    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("address", [PREFIX, f"{PREFIX}/", f"{PREFIX}/tracks/trk_1", "/", "/tracks/trk_1"])
def test_the_page_finds_its_files(page: TestClient, address: str) -> None:
    """From each of its addresses, with or without a slash at the end of the prefix; anchors stay within the page."""
    answer = page.get(address)
    assert answer.status_code == 200
    assert f'content="{PREFIX}"' in answer.text
    assert f'src="{PREFIX}/assets/index-1.js"' in answer.text
    assert 'href="#main"' in answer.text
    assert page.get(f"{PREFIX}/assets/index-1.js").text == "1"


@pytest.mark.parametrize(
    ("to", "location"), [("/v1/jobs/1", f"{PREFIX}/v1/jobs/1"), ("https://store.example/a", "https://store.example/a")]
)
def test_locations_have_the_prefix(page: TestClient, to: str, location: str) -> None:
    """Paths of the gateway's own; not addresses elsewhere."""
    assert page.post("/make", params={"to": to}).headers["Location"] == location


def test_links_have_the_prefix_and_are_signed_without() -> None:
    """A link that was given before the prefix was set is still good."""
    before, now = Signer(b"secret", 3600), Signer(b"secret", 3600, root_path=PREFIX)
    path = artifact_path("art_1")
    link = httpx.URL(now.link(path, 0.0).url)
    assert link.path == PREFIX + path
    assert before.link(path, 0.0).url == str(link).removeprefix(PREFIX)
    now.check(path, link.params["expires"], link.params["signature"], 0.0)
