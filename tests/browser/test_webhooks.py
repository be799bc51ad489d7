"""Webhooks, managed in the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visit import BOTH, Visit
from tests.integration.outbox import free_port


class _Receiver(HTTPServer):
    """Keeps the ids of the events that it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ids: list[str] = []
        self.came = threading.Semaphore(0)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Receiver)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<b>thanks</b>")
        self.server.ids.append(self.headers["webhook-id"])
        self.server.came.release()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called there
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[_Receiver]:
    """Answers everything with thanks."""
    with _Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _log(page: Page) -> Locator:
    """The log that is open."""
    return page.get_by_role("region", name="Deliveries to http")


@pytest.mark.main
def test_an_endpoint_is_added_tested_and_sent_to_again(visit: Callable[..., Visit], receiver: _Receiver) -> None:
    """Its secret is shown once; a test arrives; what was delivered can be sent again, as the same event."""
    here = visit()
    here.go("/webhooks")
    page = here.page
    page.get_by_role("button", name="Add an endpoint").click()
    page.get_by_label("Address").fill(f"http://127.0.0.1:{receiver.server_port}/here")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".adding__secret")).to_contain_text("whsec_")
    page.get_by_role("button", name="I have saved it").click()
    expect(page.locator(".adding__secret")).to_have_count(0)

    page.get_by_role("button", name="Send a test").click()
    assert receiver.came.acquire(timeout=30)
    log = _log(page)
    expect(log.get_by_role("listitem").first).to_contain_text("webhook.test")
    expect(log.locator(".delivery__state").first).to_have_text("delivered", timeout=60_000)
    log.get_by_text("What is sent").first.click()
    expect(log.locator(".delivery__body").first).to_contain_text('"type": "webhook.test"')
    log.get_by_text("1 attempt").click()
    expect(log.locator(".attempts pre").first).to_have_text("<b>thanks</b>")
    here.expect_fine(*BOTH)

    log.get_by_role("button", name="Send again").first.click()
    assert receiver.came.acquire(timeout=30)
    assert len(set(receiver.ids)) == 1
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it and its log").click()
    expect(page.get_by_text("There is no endpoint yet.")).to_be_visible()


def test_a_delivery_says_what_it_is_about(
    visit: Callable[..., Visit], receiver: _Receiver, recordings: dict[str, Path]
) -> None:
    """The job, the recording with a link, and the body; after the recording was erased, that it is gone."""
    here = visit()
    here.client.create_webhook(f"http://127.0.0.1:{receiver.server_port}/")
    job = here.client.wait(here.client.analyze(recordings["dog_small"], ["describe"]))
    assert receiver.came.acquire(timeout=60)
    here.go("/webhooks")
    page = here.page
    page.get_by_role("button", name="Deliveries").click()
    log = _log(page)
    expect(log.get_by_role("link", name="dog_small.m4a")).to_have_attribute("href", f"/tracks/{job.recording}")
    expect(log).to_contain_text(job.id)
    log.get_by_text("What is sent").click()
    expect(log.locator(".delivery__body")).to_contain_text(f'"track_id": "{job.recording}"')
    here.expect_fine(*BOTH)
    here.client.delete_track(job.recording)
    expect(log).to_contain_text("the recording is not in the library")


def test_two_open_logs_are_told_apart(visit: Callable[..., Visit]) -> None:
    """By the endpoints that they are of."""
    here = visit()
    urls = [f"http://127.0.0.1:{free_port()}/{name}" for name in ("one", "other")]
    for url in urls:
        here.client.create_webhook(url)
    here.go("/webhooks")
    for url in urls:
        endpoint = here.page.locator(".endpoint").filter(has_text=url)
        endpoint.get_by_role("button", name="Deliveries").click()
        log = here.page.get_by_role("region", name=f"Deliveries to {url}", exact=True)
        expect(log).to_contain_text("No deliveries.")
        expect(log.get_by_role("radiogroup", name=f"Which deliveries to {url}")).to_be_visible()
    expect(_log(here.page)).to_have_count(2)
    here.expect_fine(*BOTH)


def test_a_secret_is_made_anew(visit: Callable[..., Visit], receiver: _Receiver) -> None:
    """It is shown once; the old one signs too for as long as was chosen."""
    here = visit()
    endpoint = here.client.create_webhook(f"http://127.0.0.1:{receiver.server_port}/")
    here.go("/webhooks")
    page = here.page
    page.get_by_role("button", name="New secret").click()
    page.get_by_label("How long the old secret signs too").select_option("for one more hour")
    here.expect_fine(*BOTH)
    page.get_by_role("button", name="Make a new secret").click()
    secret = page.locator(".adding__secret")
    expect(secret).to_contain_text("whsec_")
    assert secret.inner_text() != endpoint.secret
    page.get_by_role("button", name="I have saved it").click()
    expect(secret).to_have_count(0)


def test_keys_go_on_after_an_endpoint_was_kept(visit: Callable[..., Visit]) -> None:
    """The safe answer has the focus, and pressed it gives that back to what asked."""
    here = visit()
    here.client.create_webhook(f"http://127.0.0.1:{free_port()}/")
    here.go("/webhooks")
    delete = here.page.get_by_role("button", name="Delete", exact=True)
    delete.press("Enter")
    expect(here.page.get_by_role("button", name="Keep")).to_be_focused()
    here.expect_fine(*BOTH)
    here.page.keyboard.press("Enter")
    expect(delete).to_be_focused()


def test_an_endpoint_that_does_not_answer_is_shown_as_failing(visit: Callable[..., Visit]) -> None:
    """Its state shows it without the log, and the log says why."""
    here = visit()
    here.client.create_webhook(f"http://127.0.0.1:{free_port()}/nobody")
    here.go("/webhooks")
    page = here.page
    page.get_by_role("button", name="Send a test").click()
    log = _log(page)
    expect(log.get_by_role("listitem").first).to_contain_text("refused", timeout=60_000)
    page.reload()
    expect(page.locator(".endpoint__state")).to_contain_text("failing")
    here.expect_fine(*BOTH)


def test_an_address_that_must_not_be_reached_is_refused_in_words(visit: Callable[..., Visit]) -> None:
    """The form shows the service's reason, and nothing is added."""
    here = visit()
    here.expected = ("422",)
    here.go("/webhooks")
    here.page.get_by_role("button", name="Add an endpoint").click()
    here.page.get_by_label("Address").fill("http://169.254.169.254/latest")
    here.page.get_by_role("button", name="Add", exact=True).click()
    expect(here.page.get_by_role("alert")).not_to_be_empty()
    here.expect_fine(*BOTH)
