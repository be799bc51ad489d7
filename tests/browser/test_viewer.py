"""The page of somebody who may look and listen, and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from phonoscope.client import Client
from phonoscope.contract import ClassifierRequest, Scope
from tests.browser.visit import BOTH, MOST_SHIFT, WIDE_FIRST, Visit, drag, held_at, last_of, record_shifts
from tests.integration.outbox import free_port
from tests.support import RunningStack, authorities, hung, tone_wav

_ASK = "You may look and listen here. Ask whoever runs this service to be allowed to"
_HEARD = ["classify", "embed", "explain", "describe"]


@dataclass(frozen=True)
class _Team:
    """An owner's library, a key that changes it, and one that only reads it; recordings by what was done with them."""

    writer: str
    reader: str
    explained: str
    separated: str
    new: str
    collection: str


@dataclass(frozen=True)
class _Place:
    """A page: what everybody sees on it, the controls that change something, and what stands there in their place."""

    path: str
    there: str
    writing: tuple[str, ...]
    instead: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def team(
    stack: RunningStack, recordings: dict[str, Path], tiny: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Team]:
    owner = f"owner-{uuid4()}"
    with stack.client(owner) as client:
        tones = _tones(client, tmp_path_factory.mktemp("tones"), 90.0, 120.0, 1_800.0, 2_400.0)
        job = client.wait(client.analyze(recordings["dog_large"], _HEARD))
        client.say_label(job.recording, "dog")
        client.wait(client.create_job(None, ["map"]))
        later = client.wait(client.analyze(recordings["dog_small"], _HEARD))
        client.wait(client.create_job(later.recording, ["separate"], {"separate": {"model": tiny}}))
        _teach(client, tones)
        collection = client.create_collection("Field").id
        writer = stack.new_key(owner)
        _add_endpoint(stack, writer)
        reader = stack.new_key(owner, [Scope.READ])
        yield _Team(writer, reader, job.recording, later.recording, tones[0], collection)


def _tones(client: Client, folder: Path, *hertz: float) -> list[str]:
    """The ids of tones, of which nothing but their place was found."""
    jobs = []
    for number, each in enumerate(hertz):
        path = folder / f"tone-{each}.wav"
        path.write_bytes(tone_wav(1.0, hertz=each, rate_hz=16_000, seed=number))
        jobs.append(client.analyze(path, ["embed"]))
    return [client.wait(job).recording for job in jobs]


def _teach(client: Client, tones: list[str]) -> None:
    """Has the classifier `pitch` taught; what it is not taught from is asked about."""
    low, high = tones[:2], tones[2:]
    asked = {"name": "pitch", "labels": ["low", "high"], "examples": {"low": low, "high": high}}
    client.create_classifier(ClassifierRequest.model_validate(asked))
    assert client.taught("pitch").version == 1


def _add_endpoint(stack: RunningStack, key: str) -> None:
    """Nobody listens there, and nothing is sent."""
    asked = {"url": f"http://127.0.0.1:{free_port()}/here", "events": ["job.failed"]}
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{stack.url}/v1/webhooks", json=asked, headers=headers, timeout=60, verify=authorities())
    assert answer.status_code == 201, answer.text


def _places(team: _Team) -> list[_Place]:
    first, second = f"/tracks/{team.explained}", f"/tracks/{team.separated}"
    dog = "dog_large.flac"
    return [
        _Place("/", _link(dog), _buttons("Choose files", "Record", "New collection", f"Delete {dog}")),
        _Place(
            "/?select=yes",
            _button("Export CSV"),
            _buttons("Listen again", "Take apart", "Label …", "Collect …", "Delete …"),
        ),
        _Place(
            f"/?collection={team.collection}",
            'role=combobox[name="Collection that is shown"]',
            _buttons("Rename", "Delete collection"),
        ),
        _Place("/?view=map", "text=not on the map yet", _buttons("Redraw the map")),
        _Place(
            "/search?q=dog",
            f"role=region[name='Found by sound'] >> {_link(dog)}",
            (*_buttons("Search by a sound"), "role=button[name=/^Like these/]", "role=button[name=/^Not like these/]"),
        ),
        _Place("/classifiers", _link("pitch"), _buttons("Import", "New classifier")),
        _Place(
            "/classifiers/pitch",
            _button("Export version 1"),
            (
                *_buttons("Teach it again", "Label my library", "Delete it"),
                "role=link[name=/^Review/]",
                "role=checkbox[name='teach it again when my labels change']",
            ),
        ),
        _Place(
            "/classifiers/pitch/review",
            'role=heading[name="Review"]',
            ("role=button[name=/^Yes/]", "role=button[name=/^Other/]"),
            (f"text={_ASK} answer.",),
        ),
        _Place(
            "/models",
            'role=heading[name="environment-50"]',
            ("role=link[name=/^Listen again with it/]", "role=button[name=/^Use this one/]"),
        ),
        _Place(
            "/webhooks",
            _button("Deliveries"),
            _buttons("Add an endpoint", "Send a test", "Switch off", "New secret", "Delete"),
        ),
        _Place("/jobs", _link(dog), ()),
        _Place(
            first,
            ".amber",
            (
                *_buttons("Reject dog", "Remove dog", "Teach with this", "Check the evidence"),
                *_buttons("Show the feature maps", "Separate the stems"),
                "role=textbox[name='Add a label']",
                "role=button[name=/^Confirm dog, 0:/]",
                "role=button[name=/^Like these/]",
                "text='several models'",
            ),
            ("text=The feature maps have not been computed.", "text=It has not been taken apart."),
        ),
        _Place(
            second,
            _button("All stems (ZIP)"),
            (
                *_buttons("Export this mix", "Compare by stems too"),
                "role=button[name=/^Which stem is/]",
                "role=combobox[name='Separation model']",
            ),
        ),
        _Place(
            f"/tracks/{team.new}",
            "text=This recording has not been analysed yet.",
            _buttons("Analyse it", "Show the evidence"),
        ),
        _Place(
            f"/compare?a={team.explained}&b={team.explained}&bm=genre-10",
            f"role=heading[name='B: {dog}, by genre-10']",
            _buttons("Classify by genre-10"),
        ),
    ]


def _button(name: str) -> str:
    return f'role=button[name="{name}"]'


def _buttons(*names: str) -> tuple[str, ...]:
    return tuple(map(_button, names))


def _link(name: str) -> str:
    return f'role=link[name="{name}"]'


def _opened(here: Visit, place: _Place) -> Page:
    here.go(place.path)
    # What is there is shown as soon as one comes near it.
    for section in ("inside", "stems", "similar") if place.path.startswith("/tracks/") else ():
        here.page.locator(f"#{section}").scroll_into_view_if_needed()
    expect(here.page.locator(place.there).first).to_be_visible()
    return here.page


def _signed_in(here: Visit, key: str) -> Visit:
    here.key = key
    return here


def _recorded(page: Page) -> list[str]:
    """What the page asks the service for from now on, but what reads: its methods and paths."""
    changing: list[str] = []

    def note(method: str, path: str) -> None:
        if method != "GET" and (method, path) != ("POST", "/v1/search"):
            changing.append(f"{method} {path}")

    page.on("request", lambda request: note(request.method, urlsplit(request.url).path))
    return changing


@WIDE_FIRST
def test_nothing_that_changes_something_is_offered_to_who_may_only_read(
    visit: Callable[..., Visit], team: _Team, size: ViewportSize
) -> None:
    """On each page the controls that a writer has are not there, the rest is; and the page only reads."""
    writer, reader = _signed_in(visit(size), team.writer), _signed_in(visit(size), team.reader)
    changing = _recorded(reader.page)
    for place in _places(team):
        page = _opened(writer, place)
        for control in place.writing:
            expect(page.locator(control), f"{control} of {place.path}").not_to_have_count(0)
        page = _opened(reader, place)
        for text in place.instead:
            expect(page.locator(text)).to_be_visible()
        for control in place.writing:
            expect(page.locator(control), f"{control} of {place.path}").to_have_count(0)
        reader.expect_fine()
    assert changing == []


def test_a_reader_chooses_among_what_was_computed(visit: Callable[..., Visit], team: _Team) -> None:
    """Labels, layers and methods of the evidence, models, and the menu: none that would have to be asked for."""
    writer, reader = _signed_in(visit(), team.writer), _signed_in(visit(), team.reader)
    [place] = [one for one in _places(team) if one.path == f"/tracks/{team.explained}"]
    names = ("Evidence label", "Evidence layer", "Evidence method", "Classification model")

    def choices(page: Page, name: str) -> Locator:
        return page.get_by_label(name, exact=True).locator("option")

    def menu(here: Visit) -> list[str]:
        here.page.get_by_role("button", name="Menu", exact=True).click()
        return here.page.get_by_role("menuitem").all_inner_texts()

    page = _opened(writer, place)
    for name in names:
        expect(choices(page, name).nth(1)).to_be_attached()
    written = {"Rename …", "Add notes …", "Share …", "Measure it again", "Delete …"}
    all_of_it = menu(writer)
    assert written < set(all_of_it)
    expect(page.get_by_label("What is heard")).to_contain_text("dog, confirmed with another API key")
    page = _opened(reader, place)
    for name in names:
        expect(choices(page, name)).to_have_count(1)
    expect(page.get_by_label("What is heard")).to_contain_text("dog, confirmed by its owner")
    assert menu(reader) == [one for one in all_of_it if one not in written]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Usage and sign-in").click()
    expect(page.get_by_text("This key may read and change nothing.")).to_be_visible()


@pytest.mark.main
def test_what_is_for_writers_waits_for_the_service_to_say_who_asks(visit: Callable[..., Visit], team: _Team) -> None:
    """Until it has, neither its controls are there nor words in their place; then nothing moves. A reload knows."""
    for key, writes in ((team.reader, False), (team.writer, True)):
        here = _signed_in(visit(), key)
        page = here.page
        record_shifts(page)
        held = held_at(page, "**/v1/session")
        here.go("/")
        answer = last_of(page, held, 1)
        add, delete = page.get_by_text("Choose files"), page.get_by_role("button", name="Delete dog_large.flac")
        for control in (add, delete, page.get_by_text(_ASK)):
            expect(control).to_have_count(0)
        answer.continue_()
        expect(page.get_by_role("link", name="dog_large.flac")).to_be_visible()
        expect(delete).to_have_count(int(writes))
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifted") < MOST_SHIFT
        page.reload()
        answer = last_of(page, held, 2)
        expect(page.get_by_role("link", name="dog_large.flac")).to_be_visible()
        expect(delete).to_have_count(int(writes))
        answer.continue_()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifted") < MOST_SHIFT
        assert len(held) == 2


def test_keys_and_drops_of_a_reader_do_nothing(
    visit: Callable[..., Visit], team: _Team, recordings: dict[str, Path]
) -> None:
    """A file that is dropped is not sent, and the page says why; no key answers a review."""
    reader = _signed_in(visit(), team.reader)
    page, changing = reader.page, _recorded(reader.page)
    reader.go("/classifiers/pitch/review")
    expect(page.get_by_text(f"{_ASK} answer.")).to_be_visible()
    for key in "ynosu":
        page.keyboard.press(key)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_contain_text("play or pause")
    expect(keys).not_to_contain_text("review")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Library", exact=True).click()
    field = page.get_by_role("searchbox", name="Filter by name")
    for zone in (field, page.locator("main")):
        assert drag(zone, "dragover", path=recordings["rain_roof"]) == [True]
        expect(page.get_by_text(f"{_ASK} add recordings.")).to_be_visible()
        assert drag(zone, "drop", path=recordings["rain_roof"]) == [True]
        expect(page.get_by_text(f"{_ASK} add recordings.")).to_have_count(0)
    expect(page).to_have_url(f"{reader.url}/")
    expect(page.get_by_label("Uploads")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    assert changing == []


def test_a_map_is_not_drawn_anew_for_a_reader(visit: Callable[..., Visit], stack: RunningStack, tmp_path: Path) -> None:
    """However long it stays open: a writer's page has that done by itself."""
    owner = f"owner-{uuid4()}"
    with stack.client(owner) as client:
        _tones(client, tmp_path, 200.0, 300.0)
        client.wait(client.create_job(None, ["map"]))
        _tones(client, tmp_path, 400.0)
    for scopes in ([Scope.READ], [Scope.READ, Scope.WRITE]):
        here = _signed_in(visit(), stack.new_key(owner, scopes))
        page, changing = here.page, _recorded(here.page)
        page.clock.install()
        here.go("/?view=map")
        missing, writes = page.get_by_text("1 recording is not on the map yet."), Scope.WRITE in scopes
        expect(missing).to_be_visible()
        expect(page.get_by_role("button", name="Redraw the map")).to_have_count(int(writes))
        page.wait_for_load_state("networkidle")
        page.clock.fast_forward("10:00")
        expect(missing).to_have_count(0 if writes else 1)
        page.wait_for_load_state("networkidle")
        assert changing == ["POST /v1/jobs"] * writes


def test_only_a_writer_cancels_a_job(visit: Callable[..., Visit], stack: RunningStack, team: _Team) -> None:
    """While it waits, whoever may only read sees how long. Keys go on with the recording once its button is gone."""
    writer, reader = _signed_in(visit(), team.writer), _signed_in(visit(), team.reader)
    with hung(stack, "gpu", "gpu-long"), Client(stack.url, team.writer) as client:
        job = client.create_job(team.new, ["classify"])
        for here, count in ((writer, 1), (reader, 0)):
            here.go("/jobs")
            expect(here.page.get_by_text(job.id)).to_be_visible()
            expect(here.page.get_by_role("button", name=f"Cancel {job.id}")).to_have_count(count)
        row = writer.page.get_by_role("listitem").filter(has_text=job.id)
        row.get_by_role("button", name=f"Cancel {job.id}").press("Enter")
        expect(row).to_contain_text("cancelled")
        expect(row.get_by_role("link")).to_be_focused()
        writer.expect_fine(*BOTH)


@pytest.mark.main
def test_an_empty_library_says_whom_to_ask(visit: Callable[..., Visit], stack: RunningStack) -> None:
    """In place of what adds recordings."""
    reader = _signed_in(visit(), stack.new_key(f"owner-{uuid4()}", [Scope.READ]))
    reader.go("/")
    expect(reader.page.get_by_text(f"Your library is empty. {_ASK} add recordings.")).to_be_visible()
    for name in ("Choose files", "Record", "Try an example", "New collection"):
        expect(reader.page.get_by_role("button", name=name)).to_have_count(0)
    tour = reader.page.get_by_role("complementary", name="Tour")
    expect(tour).to_contain_text("What is heard in a recording")
    expect(tour).not_to_contain_text("Drop")
    reader.expect_fine(*BOTH)
