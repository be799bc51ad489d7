"""A worker chooses the space of a classifier whose maker named none, among those of two bodies."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Catalogue
from phonoscope.contract.classifiers import ClassifierState, SpaceChoice, SpaceChooser
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.classifiers import ClassifierVersionRow
from phonoscope.paths import bundled
from phonoscope.settings import Settings
from phonoscope.work import Space
from phonoscope_cpu import choosing
from tests.integration.lessons import YES, Owner, body_space, new_owner
from tests.integration.life import empty
from tests.integration.rounds import run_teaching

Run = Callable[..., None]
EACH = 8
DIGEST = "1" * 64


@pytest.fixture
def owner(database: Database) -> Owner:
    empty(database)
    return new_owner(database)


@pytest.fixture
def run(database: Database, server_settings: Settings) -> Run:
    return partial(run_teaching, database, server_settings)


@pytest.fixture
def both(tmp_path: Path) -> Catalogue:
    """The models that every installation has, with a further body, and a model on it."""
    further_body(tmp_path)
    name, head = "musical-50", json.loads((bundled("models") / "environment-50" / "manifest.json").read_text())
    on = head["on"][0] | {"bodies": [{"name": "musical", "digest": DIGEST}]}
    (tmp_path / name).mkdir()
    (tmp_path / name / "manifest.json").write_text(json.dumps(head | {"name": name, "on": [on]}))
    return Catalogue(bundled("models"), tmp_path)


def further_body(folder: Path) -> None:
    manifest = json.loads((bundled("models") / "mobilenet" / "manifest.json").read_text())
    manifest["name"], manifest["weights"]["sha256"] = "musical", DIGEST
    (folder / "musical").mkdir()
    (folder / "musical" / "manifest.json").write_text(json.dumps(manifest))


def heard(owner: Owner, space: Space, label: str, general: str, other: str | None) -> str:
    """A new track with a confirmed label, around these kinds in the general space and in another one."""
    track = owner.track(general)
    owner.says(track, Annotation(label, YES))
    if other is not None:
        owner.hears(track, other, space)
    return track


def told_apart_in(owner: Owner, space: Space, *, heard_in: int = EACH) -> None:
    """Tracks of two labels, which only another space tells apart, and of each label so many are heard in it."""
    for label in ("low", "high"):
        for number in range(EACH):
            heard(owner, space, label, f"apart-{label}-{number}", label if number < heard_in else None)


def versions(owner: Owner) -> list[tuple[str, SpaceChoice]]:
    """The body of each version, and why it is that one."""
    row = owner.sees().row
    with owner.database.transaction() as session:
        kept = [session.get_one(ClassifierVersionRow, (row.id, number)) for number in range(1, row.version + 1)]
        bodies = [made.manifest["on"][0]["bodies"][0]["name"] for made in kept]
        return list(zip(bodies, [SpaceChoice.model_validate(made.figures["space"]) for made in kept], strict=True))


def test_the_better_space_is_taken_and_kept(owner: Owner, run: Run, both: Catalogue) -> None:
    """The version is in it, with its figure before that of the other; the next one is compared with it."""
    musical = both.bodies["musical"].space
    told_apart_in(owner, musical)
    owner.asks()
    assert owner.sees().row.model == "mobilenet"
    run(models=both)
    seen = owner.sees()
    assert (seen.state, seen.asked.chooses) == (ClassifierState.READY, True)
    assert Space(seen.row.model, seen.row.digest) == musical
    ((body, chosen),) = versions(owner)
    assert (body, chosen.model, chosen.chosen_by) == ("musical", "musical", SpaceChooser.ITSELF)
    assert [(one.model, one.recordings) for one in chosen.tried] == [("mobilenet", 16), ("musical", 16)]
    shares = {one.model: one.accuracy or 0.0 for one in chosen.tried}
    assert shares["musical"] > 0.9 > shares["mobilenet"]
    assert chosen.why.endswith("a first version takes the best space")
    assert seen.newest is not None
    assert seen.newest.figures["accuracy"] > 0.9
    owner.asks_again()
    run(models=both)
    (_, first), (body, second) = versions(owner)
    assert first == chosen
    assert (body, [one.model for one in second.tried]) == ("musical", ["musical", "mobilenet"])


@pytest.mark.long
def test_the_space_moves_back_where_another_one_becomes_better(owner: Owner, run: Run, both: Catalogue) -> None:
    """With the model that embeds in it; versions of before stay in theirs."""
    told_apart_in(owner, both.bodies["musical"].space)
    owner.asks()
    run(models=both)
    assert owner.sees().row.spec["embedder"] == "musical-50"
    for number in range(6 * EACH):
        label = ("low", "high")[number % 2]
        heard(owner, both.bodies["musical"].space, label, label, f"apart-{number}")
    owner.asks_again()
    run(models=both)
    row = owner.sees().row
    assert (Space(row.model, row.digest), row.spec["embedder"]) == (
        body_space(),
        both.embedders[body_space()],
    )
    assert [body for body, _ in versions(owner)] == ["musical", "mobilenet"]
    assert versions(owner)[-1][1].why.endswith(": more than chance explains")


def test_a_space_that_nothing_embeds_in(owner: Owner, run: Run, tmp_path: Path) -> None:
    """Its head would label nothing that is added from then on: it is not compared."""
    further_body(tmp_path)
    alone = Catalogue(bundled("models"), tmp_path)
    told_apart_in(owner, alone.bodies["musical"].space)
    owner.asks()
    run(models=alone)
    ((body, chosen),) = versions(owner)
    assert (body, chosen.tried) == ("mobilenet", [])


def test_more_labels_than_spaces_are_compared_by(
    owner: Owner, run: Run, both: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classifier stays where it is, and says why."""
    monkeypatch.setattr(choosing, "_MOST_LABELS", 1)
    told_apart_in(owner, both.bodies["musical"].space)
    owner.asks()
    run(models=both)
    ((body, chosen),) = versions(owner)
    assert (body, chosen.tried, chosen.why) == ("mobilenet", [], "spaces are compared by 1 labels at most")


@pytest.mark.long
def test_a_named_space_stays(owner: Owner, run: Run, both: Catalogue) -> None:
    """Whatever another one is worth, until it is asked to choose."""
    told_apart_in(owner, both.bodies["musical"].space)
    owner.asks(space="mobilenet")
    run(models=both)
    ((body, chosen),) = versions(owner)
    assert (body, chosen.chosen_by, chosen.tried) == ("mobilenet", SpaceChooser.MAKER, [])
    assert not owner.sees().asked.chooses
    owner.gives(reteach=True)
    owner.asks_again()
    run(models=both)
    assert [body for body, _ in versions(owner)] == ["mobilenet", "mobilenet"]
    owner.gives(space=None)
    owner.asks_again()
    run(models=both)
    assert versions(owner)[-1][0] == "musical"


@pytest.mark.long
def test_a_space_that_is_named_while_another_one_is_taught(owner: Owner, run: Run, both: Catalogue) -> None:
    """It is that of the next teaching."""
    told_apart_in(owner, both.bodies["musical"].space)
    owner.asks()

    def name() -> None:
        owner.gives(space="mobilenet")

    run(name, models=both)
    row = owner.sees().row
    assert (row.model, row.spec["embedder"], versions(owner)[-1][0]) == ("mobilenet", "environment-50", "musical")
    owner.asks_again()
    run(models=both)
    assert [body for body, _ in versions(owner)] == ["musical", "mobilenet"]


def test_a_choice_that_is_asked_for_anew_while_one_is_made(owner: Owner, run: Run, both: Catalogue) -> None:
    """It begins where it was asked for, such as in the body of the same name that is served now."""
    told_apart_in(owner, both.bodies["musical"].space)
    owner.asks()
    newer = Space("mobilenet", "2" * 64)
    run(lambda: owner.gives(space="auto", now_in=newer), models=both)
    row = owner.sees().row
    assert (Space(row.model, row.digest), row.spec["embedder"]) == (newer, "environment-50")
    assert [body for body, _ in versions(owner)] == ["musical"]


@pytest.mark.long
def test_a_space_in_which_few_examples_are_heard(owner: Owner, run: Run, both: Catalogue) -> None:
    """Its recordings are counted, and it is not compared; without another body nothing is."""
    told_apart_in(owner, both.bodies["musical"].space, heard_in=3)
    owner.asks()
    run(models=both)
    run_again = versions(owner)[0]
    assert run_again[0] == "mobilenet"
    assert [(one.model, one.accuracy, one.recordings) for one in run_again[1].tried] == [
        ("mobilenet", None, 16),
        ("musical", None, 6),
    ]
    owner.asks_again()
    run()
    (_, chosen) = versions(owner)[-1]
    assert (chosen.why, chosen.tried) == ("its examples are heard in no other space", [])
