"""What an owner corrects of a recording's labels, wherever the page says what is heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from phonoscope.contract import LabelState
from tests.browser.axis import axis, seconds_of
from tests.browser.visit import BOTH, WIDE_FIRST, Visit


def _listened(here: Visit, recording: Path) -> str:
    """A recording that was classified and measured; its id."""
    return here.client.wait(here.client.analyze(recording, ["classify", "describe"])).recording


def _opened(here: Visit, recording: Path) -> str:
    """As `_listened`, on its page."""
    track = _listened(here, recording)
    here.go(f"/tracks/{track}")
    return track


@WIDE_FIRST
def test_what_is_heard_is_what_was_confirmed(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Rejected, the model's label is named as such; a confirmed one is said first; undone, all is as it was."""
    here = visit(size)
    page = here.page
    track = _opened(here, recordings["dog_large"])
    heard, own = page.get_by_role("region", name="What is heard"), page.get_by_role("region", name="Your labels")
    counts = heard.locator(".heard__label")
    expect(counts).to_have_text(re.compile(r"^dog [> ]*\d+ %$"))
    before = heard.inner_text()
    own.get_by_role("button", name="Reject dog").press("Enter")
    expect(heard).to_contain_text(re.compile(r"model: dog [> ]*\d+ %, rejected by you"))
    expect(own.get_by_role("button", name="Remove dog")).to_be_focused()
    expect(counts).to_have_count(0)
    own.get_by_label("Add a label").fill("wolf")
    own.get_by_label("Add a label").press("Enter")
    expect(counts).to_have_text("wolf, confirmed by you")
    assert re.search(r"wolf.*model: dog [> ]*\d+ %, rejected by you", heard.inner_text(), re.DOTALL)
    expect(page.locator("#what .bars > li").filter(has_text="dog").locator("s")).to_have_text("dog")
    here.expect_fine()
    shown = here.client.track(track)
    assert (shown.label, shown.label_confirmed) == ("wolf", True)
    own.get_by_role("button", name="Undo").click()
    expect(counts).to_have_count(0)
    own.get_by_role("button", name="Undo").click()
    expect(counts).to_have_text(re.compile(r"^dog [> ]*\d+ %$"))
    assert heard.inner_text() == before


@WIDE_FIRST
def test_a_confirmed_stretch_lies_among_the_labels_over_time(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """At its seconds, where the model's label was rejected; the legend and the list say that it is confirmed."""
    here = visit(size)
    page = here.page
    track = _listened(here, recordings["dog_large"])
    here.client.say_label(track, "dog", LabelState.REJECTED, 0.5, 1.5)
    here.client.say_label(track, "wolf", LabelState.CONFIRMED, 0.5, 1.5)
    here.go(f"/tracks/{track}")
    strip = page.get_by_role("list", name="Labels over time")
    wolf = strip.get_by_role("listitem").filter(has_text="wolf, confirmed, 0:00.5 to 0:01.5")
    expect(wolf).to_have_count(1)
    zero_s, px_per_s = axis(page)
    [box, plot] = [wolf.bounding_box(), strip.bounding_box()]
    assert box
    assert plot
    assert abs(box["x"] - plot["x"] - (0.5 - zero_s) * px_per_s) < 1.5
    assert abs(box["width"] - px_per_s) < 1.5
    legend = page.get_by_role("list", name="Colours of the labels").get_by_role("listitem")
    expect(legend.filter(has_text="wolf")).to_have_count(1)
    expect(legend.filter(has_text="confirmed")).to_have_count(1)
    row = page.get_by_role("list", name="Stretches of one label each").get_by_role("listitem").filter(has_text="wolf")
    expect(row).to_contain_text("confirmed")
    expect(row).to_contain_text("0:00.5 – 0:01.5")
    here.expect_fine()


@WIDE_FIRST
def test_a_predicted_stretch_is_confirmed_and_rejected_in_the_list(
    visit: Callable[..., Visit], long: Path, size: ViewportSize
) -> None:
    """For its seconds; a second press, or undo, takes it back. Keys go on where they were; buttons can be touched."""
    here = visit(size)
    page = here.page
    track = _opened(here, long)
    rows = page.get_by_role("list", name="Stretches of one label each").get_by_role("listitem")
    dog = rows.filter(has_text="dog").last
    times = dog.locator(".segment__time")
    confirm, reject = (dog.get_by_role("button", name=re.compile(f"^{verb} dog")) for verb in ("Confirm", "Reject"))
    expect(confirm).to_have_attribute("aria-pressed", "false")
    place = times.inner_text()
    start_s, end_s = (seconds_of(each) for each in place.split(" – "))
    for button in (confirm, reject):
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24
    name = dog.locator(".segment__name")
    assert name.evaluate("name => name.scrollWidth <= name.clientWidth")

    confirm.press("Enter")
    expect(confirm).to_have_attribute("aria-pressed", "true")
    expect(confirm).to_be_focused()
    expect(times).to_have_text(place)
    [said] = here.client.labels(track).labels
    assert (said.label, said.state) == ("dog", LabelState.CONFIRMED)
    assert said.start_s is not None
    assert said.end_s is not None
    assert abs(said.start_s - start_s) <= 0.051
    assert abs(said.end_s - end_s) <= 0.051
    here.expect_fine()
    page.locator(".segments").get_by_role("button", name="Undo").click()
    expect(confirm).to_have_attribute("aria-pressed", "false")
    assert here.client.labels(track).labels == []

    expect(reject).to_be_enabled()
    reject.press("Enter")
    expect(rows.filter(has_text=place)).to_have_count(0)
    expect(rows.locator(".segment:focus")).to_have_count(1)
    [said] = here.client.labels(track).labels
    assert (said.label, said.state) == ("dog", LabelState.REJECTED)
    own = page.get_by_role("region", name="Your labels")
    own.get_by_role("button", name="Undo").click()
    expect(rows.filter(has_text=place)).to_have_count(1)
    assert here.client.labels(track).labels == []
    confirm.click()
    expect(confirm).to_have_attribute("aria-pressed", "true")
    confirm.click()
    expect(confirm).to_have_attribute("aria-pressed", "false")
    assert here.client.labels(track).labels == []


@WIDE_FIRST
def test_a_label_is_changed_in_one_action(visit: Callable[..., Visit], long: Path, size: ViewportSize) -> None:
    """Of the whole recording, and of a stretch: one is rejected, the other confirmed, and one Undo takes back both."""
    here = visit(size)
    page = here.page
    track = _opened(here, long)
    own, heard = page.get_by_role("region", name="Your labels"), page.get_by_role("region", name="What is heard")
    here.client.say_label(track, "rain")
    page.reload()
    expect(heard).to_contain_text("rain, confirmed by you")

    def said() -> set[tuple[str, LabelState, bool]]:
        return {(one.label, one.state, one.start_s is None) for one in here.client.labels(track).labels}

    own.get_by_role("button", name="Change rain …").press("Enter")
    dialog = page.get_by_role("dialog", name="Change rain")
    expect(dialog.get_by_label("Another label")).to_be_focused()
    here.expect_fine()
    page.keyboard.type("hail")
    page.keyboard.press("Enter")
    expect(heard).to_contain_text("hail, confirmed by you")
    expect(own.locator("button:focus")).to_have_count(1)
    assert said() == {("rain", LabelState.REJECTED, True), ("hail", LabelState.CONFIRMED, True)}
    own.get_by_role("button", name="Undo").click()
    expect(heard).to_contain_text("rain, confirmed by you")
    expect(own.get_by_role("button", name="Undo")).to_have_count(0)
    assert said() == {("rain", LabelState.CONFIRMED, True)}

    stretches = page.locator(".segments")
    dog = stretches.get_by_role("listitem").filter(has_text="dog").last
    place = dog.locator(".segment__time").inner_text()
    dog.get_by_role("button", name=re.compile("^Change dog")).click()
    page.get_by_label("Another label").fill("wolf")
    page.get_by_role("dialog").get_by_role("button", name="Change", exact=True).click()
    wolf = stretches.get_by_role("listitem").filter(has_text="wolf")
    expect(wolf).to_contain_text(place)
    expect(wolf).to_contain_text("confirmed")
    own_stretches = {("dog", LabelState.REJECTED, False), ("wolf", LabelState.CONFIRMED, False)}
    assert said() == {("rain", LabelState.CONFIRMED, True), *own_stretches}
    here.expect_fine()
    stretches.get_by_role("button", name="Undo").click()
    expect(wolf).to_have_count(0)
    assert said() == {("rain", LabelState.CONFIRMED, True)}


@WIDE_FIRST
def test_a_visitor_and_a_report_have_what_was_corrected(
    visit: Callable[..., Visit], recordings: dict[str, Path], tmp_path: Path, size: ViewportSize
) -> None:
    """By a link a rejected label is named as such and is nowhere over time; stretches keep their seconds in both."""
    owner, visitor = visit(size), visit(size)
    track = _listened(owner, recordings["dog_large"])
    address = owner.client.address(owner.client.share_track(track).url)
    owner.client.say_label(track, "dog", LabelState.REJECTED)
    owner.client.say_label(track, "wolf", LabelState.CONFIRMED, 0.5, 1.5)
    there = visitor.page
    there.goto("about:blank")
    there.goto(address)
    heard, strip = there.locator(".heard"), there.get_by_role("list", name="Labels over time")
    expect(heard).to_contain_text(re.compile(r"model: dog [> ]*\d+ %, rejected by its owner"))
    expect(strip.get_by_role("listitem").filter(has_text="wolf, confirmed, 0:00.5 to 0:01.5")).to_have_count(1)
    expect(strip).not_to_contain_text("dog")
    rows = there.get_by_role("list", name="Stretches of one label each").get_by_role("listitem")
    expect(rows.filter(has_text="wolf")).to_contain_text("0:00.5 – 0:01.5")
    expect(rows.filter(has_text="dog")).to_have_count(0)
    labels = there.get_by_role("region", name="Labels", exact=True)
    expect(labels).to_contain_text("Confirmed: wolf (in parts)")
    expect(labels.locator(".bars > li").filter(has_text="dog").locator("s")).to_have_text("dog")
    expect(there.get_by_role("button", name=re.compile("^(Confirm|Reject|Undo)"))).to_have_count(0)
    visitor.expect_fine()

    owner.go(f"/tracks/{track}")
    page = owner.page
    expect(page.get_by_role("region", name="What is heard")).to_contain_text("rejected by you")
    expect(page.get_by_role("list", name="Labels over time")).to_contain_text("wolf")
    page.get_by_role("button", name="Menu", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Report (HTML)").click()
    assert download.value.suggested_filename == "dog_large - report.html"
    path = tmp_path / "report.html"
    download.value.save_as(path)
    reader = page.context.new_page()
    reader.goto(path.as_uri())
    stretch = reader.get_by_role("row").filter(has_text="wolf")
    expect(stretch).to_contain_text("confirmed")
    expect(stretch).to_contain_text("0:00.5")
    expect(stretch).to_contain_text("0:01.5")
    expect(reader.get_by_role("row").filter(has_text=re.compile(r"^dog[>\s]*\d+ %"))).to_contain_text(
        "rejected by its owner"
    )


@WIDE_FIRST
def test_a_neighbour_that_nobody_listened_to_says_so(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """As the library does, among similar recordings and in a search."""
    here = visit(size)
    page, client = here.page, here.client
    client.wait(client.analyze(recordings["dog_small"], ["embed"]))
    track = client.wait(client.analyze(recordings["dog_large"], ["classify", "embed"])).recording
    here.go(f"/tracks/{track}")
    page.locator("#similar").scroll_into_view_if_needed()
    expect(page.locator(".alike > li").filter(has_text="dog_small")).to_contain_text("not listened to")
    here.go(f"/search?track={track}")
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem")
    expect(found.filter(has_text="dog_small")).to_contain_text("not listened to")
    here.expect_fine()


def test_the_only_stretch_of_a_recording_is_the_whole_of_it(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """Confirmed in the list it is the label that counts; a second press takes it back."""
    here = visit()
    page = here.page
    track = _opened(here, recordings["dog_large"])
    row = page.get_by_role("list", name="Stretches of one label each").get_by_role("listitem")
    expect(row).to_have_count(1)
    confirm = row.get_by_role("button", name="Confirm dog")
    confirm.click()
    expect(page.get_by_role("region", name="What is heard")).to_contain_text("dog, confirmed by you")
    expect(confirm).to_have_attribute("aria-pressed", "true")
    [said] = here.client.labels(track).labels
    assert (said.label, said.start_s, said.end_s) == ("dog", None, None)
    confirm.click()
    expect(confirm).to_have_attribute("aria-pressed", "false")
    assert here.client.labels(track).labels == []


def test_keys_go_on_after_the_last_stretch_of_the_list(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """Rejected, it leaves what undoes that, which has the focus; undone, the list is back, and keys are in it."""
    here = visit()
    page = here.page
    track = _opened(here, recordings["dog_large"])
    stretches = page.locator(".segments")
    rows = stretches.get_by_role("listitem")
    expect(rows).to_have_count(1)
    rows.get_by_role("button", name="Reject dog").press("Enter")
    expect(rows).to_have_count(0)
    expect(stretches.get_by_role("button", name="Undo")).to_be_focused()
    expect(stretches).to_contain_text("No stretch of the labels over time")
    here.expect_fine(*BOTH)
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    expect(stretches.locator("button:focus")).to_have_count(1)
    assert here.client.labels(track).labels == []
    here.client.say_label(track, "dog", LabelState.REJECTED)
    page.reload()
    page.get_by_label("Add a label").fill("wolf")
    page.get_by_label("Add a label").press("Enter")
    expect(page.get_by_role("region", name="What is heard")).to_contain_text("wolf, confirmed by you")
    expect(stretches).to_have_count(0)


@WIDE_FIRST
def test_labels_that_others_change_are_read_when_the_page_is_in_front_again(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """As its window gets the focus: those of the whole recording and of stretches, without a reload."""
    here = visit(size)
    page = here.page
    track = _opened(here, recordings["dog_large"])
    own, heard = page.get_by_role("region", name="Your labels"), page.get_by_role("region", name="What is heard")
    expect(own.get_by_role("button", name="Reject dog")).to_be_visible()
    here.client.say_label(track, "wolf")
    here.client.say_label(track, "howl", LabelState.CONFIRMED, 0.5, 1.5)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(heard).to_contain_text("wolf, confirmed by you")
    expect(own.get_by_role("list", name="Labels of stretches")).to_contain_text("howl")
    expect(page.get_by_role("list", name="Labels over time")).to_contain_text("howl")
    here.expect_fine()
    here.go(f"/compare?a={track}&b={track}")
    labels = page.locator(".side__labels")
    expect(labels.first).to_contain_text("wolf, confirmed by you")
    here.client.say_label(track, "night")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(labels.first).to_contain_text("night, confirmed by you")
