"""Versions of classifiers: which are kept, what erased recordings take with them, and how many there may be."""

from __future__ import annotations

from threading import Event

import pytest
from sqlalchemy import event, text

from phonoscope.contract.classifiers import MOST_CLASSIFIERS
from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, try_lock
from phonoscope.db.classifiers import versions
from phonoscope.db.classifiers.teaching import find_classifier
from phonoscope.db.classifiers.versions import check_room
from phonoscope.db.service.usage import Limits
from phonoscope.db.tasks import teachings
from phonoscope.db.tasks.teachings import MOST_VERSIONS
from phonoscope.errors import (
    ClassifierQuotaExceeded,
    NameTaken,
)
from phonoscope.waker import Waker
from phonoscope_courier.teaching import Teacher
from tests.integration.lessons import Owner, new_owner
from tests.integration.life import CPU, claimed, empty
from tests.integration.rounds import TEACHING, end, erase, made, quiet, step


@pytest.fixture
def owner(database: Database) -> Owner:
    empty(database)
    return new_owner(database)


@pytest.mark.long
def test_the_newest_versions_are_kept(owner: Owner) -> None:
    tracks = owner.two_labels(1)
    owner.asks()
    for version in range(1, MOST_VERSIONS + 3):
        assert end(owner, claimed(owner.database, CPU), made(owner, tracks, version))
        owner.asks_again()
    with owner.database.transaction() as session:
        kept = session.scalars(text("SELECT version FROM classifier_versions ORDER BY version")).all()
    assert kept == list(range(3, MOST_VERSIONS + 3))


def versions_of(owner: Owner) -> list[int]:
    with owner.database.transaction() as session:
        return list(session.scalars(text("SELECT version FROM classifier_versions ORDER BY classifier_id, version")))


def test_what_was_learned_from_an_erased_recording_goes(owner: Owner) -> None:
    """Older versions at once, the newest when it is taught again, which it says; others stay."""
    tracks = owner.two_labels()
    owner.asks()
    for version, of in enumerate((tracks, tracks[:3], tracks[:2]), start=1):
        assert end(owner, claimed(owner.database, CPU), made(owner, of, version))
        owner.asks_again()
    erase(owner, tracks[3])
    assert versions_of(owner) == [2, 3]
    newest = owner.sees().newest
    assert newest is not None
    assert newest.erased_at is None
    erase(owner, tracks[0])
    marked = owner.sees().newest
    assert versions_of(owner) == [3]
    assert marked is not None
    assert marked.erased_at is not None
    assert end(owner, claimed(owner.database, CPU), made(owner, [tracks[1]], 4))
    assert versions_of(owner) == [4]
    step(owner)
    assert step(owner) == 0


def test_a_version_that_was_imported_stays(owner: Owner) -> None:
    """It is between two that were taught from the recording, and was taught elsewhere."""
    tracks = owner.two_labels()
    owner.asks()
    for version, figures in enumerate(({"accuracy": 0.5}, {}, {"accuracy": 0.5}, {"accuracy": 0.5}), start=1):
        of = tracks[1:] if version in (2, 4) else tracks
        assert end(owner, claimed(owner.database, CPU), made(owner, of, version, figures=figures))
        owner.asks_again()
    erase(owner, tracks[0])
    assert versions_of(owner) == [2, 4]


def test_a_recording_that_is_erased_is_taught_away(owner: Owner) -> None:
    """Of a classifier that is taught again when labels change, without anybody's asking."""
    tracks = owner.two_labels()
    owner.asks(reteach=True)
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks))
    assert step(owner) == 0
    erase(owner, tracks[0])
    quiet(owner, 11.0)
    assert step(owner) == 1
    assert owner.sees().state is TEACHING


def test_no_version_keeps_the_id_of_an_erased_recording(owner: Owner) -> None:
    """Those without vectors are named by the newest version alone, as long as they are there."""
    tracks = owner.two_labels()
    gone, left = owner.track("mute", 0), owner.track("mute", 0)
    figures = {"left_out": [{"track_id": track, "silent": False} for track in (gone, left)]}
    owner.asks()
    for version in (1, 2):
        assert end(owner, claimed(owner.database, CPU), made(owner, tracks, version, figures=figures))
        owner.asks_again()
    erase(owner, gone)
    with owner.database.transaction() as session:
        kept = session.scalars(text("SELECT figures FROM classifier_versions ORDER BY version")).all()
    assert kept == [{}, {"left_out": [{"track_id": left, "silent": False}]}]


def test_weights_are_bounded(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all classifiers of an owner together: the newest version of each stays, and of others the last ones."""
    tracks = owner.two_labels(1)
    monkeypatch.setattr(teachings, "MOST_WEIGHT_BYTES", 3)
    for name in ("own", "second"):
        owner.asks(name)
        for version in (1, 2, 3):
            assert end(owner, claimed(owner.database, CPU), made(owner, tracks, version, name))
            owner.asks_again(name)
        claimed(owner.database, CPU)
    with owner.database.transaction() as session:
        kept = session.execute(
            text("SELECT name, kept.version FROM classifier_versions AS kept JOIN classifiers ON id = classifier_id")
        )
        assert sorted(tuple(row) for row in kept) == [("own", 3), ("second", 2), ("second", 3)]
    with owner.database.transaction() as session:
        monkeypatch.setattr(versions, "MOST_LABELS", 5)
        check_room(session, owner.id, 1)
        check_room(session, owner.id, 3, find_classifier(session, owner.id, "own"))
        with pytest.raises(ClassifierQuotaExceeded, match="5 labels together"):
            check_room(session, owner.id, 2)


def test_the_lock_is_taken_before_anything_is_read(owner: Owner) -> None:
    """A courier beside one that is at it asks for one lock, and reads no classifiers."""
    sent: list[str] = []
    engine = owner.database.transaction
    with engine() as held:
        assert try_lock(held, Lock.TEACH)
        listen = lambda _conn, _cursor, statement, *_: sent.append(statement)  # noqa: E731
        event.listen(held.get_bind(), "before_cursor_execute", listen)
        assert Teacher(owner.database, Waker("redis://127.0.0.1:1"), Limits()).teach(Event()) == 0
        event.remove(held.get_bind(), "before_cursor_execute", listen)
    assert not [statement for statement in sent if "classifiers" in statement]


def test_an_owner_has_a_hundred_at_most(owner: Owner, database: Database) -> None:
    """Each by a name of its own; another owner may have one of the same name."""
    owner.two_labels(1)
    owner.asks("c0")
    with pytest.raises(NameTaken):
        owner.asks("c0")
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO classifiers (id, owner_id, name, state, model, digest, several, spec) "
                "SELECT 'cls_' || n, :owner, 'c' || n, 'ready', 'm', 'd', false, '{}' "
                "FROM generate_series(1, :most) AS n"
            ),
            {"owner": owner.id, "most": MOST_CLASSIFIERS - 1},
        )
    with pytest.raises(ClassifierQuotaExceeded):
        owner.asks("one-more")
    other = new_owner(database)
    other.two_labels(1)
    other.asks("c0")
