"""How PostgreSQL finds the classifiers that something is to be done for: by indices, and not by what was said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import event

from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.rounds import due
from tests.integration.life import empty

LARGE = frozenset({"classifiers", "label_changes", "classifier_versions"})
# All are taught again when labels change; what was said lately is about other labels, and one in a thousand is due.
FILL = """
    INSERT INTO owners (id, name) SELECT 'own_' || n, 'own_' || n FROM generate_series(0, 199) AS n;
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT 'trk_' || n, 'own_' || n, n, 'a', 1, 'a', 'a', 'a', 1, 1, 1, '[]', 'a' FROM generate_series(0, 199) AS n;
    INSERT INTO classifiers (id, owner_id, name, state, model, digest, several, spec, reteach, version)
    SELECT 'cls_' || n, 'own_' || n %% 200, 'c' || n, 'ready', 'm', 'd', false, '{"labels": ["a", "b"]}', true, 1
    FROM generate_series(0, 9999) AS n;
    INSERT INTO classifier_versions (classifier_id, version, manifest, weights, figures, read_at)
    SELECT id, 1, '{"labels": ["a", "b"]}', 'w', '{}', now() - interval '1 day' FROM classifiers;
    INSERT INTO label_changes (id, track_id, owner_id, revision, created_at, action, added, removed)
    SELECT 'chg_' || n, 'trk_' || n %% 200, 'own_' || n %% 200, n, now() - n * interval '1 s', 'said',
           '[{"label": "c"}]', '[]'
    FROM generate_series(0, 19999) AS n;
    INSERT INTO classifier_label_changes (classifier_id, changed_at)
    SELECT 'cls_' || n * 1000, now() - interval '1 minute' FROM generate_series(0, 9) AS n;
    ANALYZE owners, tracks, classifiers, classifier_versions, label_changes, classifier_label_changes
"""


@pytest.fixture
def taught(database_url: str) -> Iterator[Database]:
    database = Database(database_url, pool_size=1)
    empty(database)
    with database.transaction() as session:
        session.connection().exec_driver_sql(FILL)
    yield database
    empty(database)
    with database.autocommit() as session:
        session.connection().exec_driver_sql("ANALYZE owners, tracks, classifiers, classifier_versions, label_changes")
    database.close()


def scanned(plan: Mapping[str, Any]) -> set[str]:
    """The large tables that a plan reads from one end to the other."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return (own & LARGE).union(*(scanned(part) for part in plan.get("Plans", [])))


def relations(plan: Mapping[str, Any]) -> set[str]:
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return own.union(*(relations(part) for part in plan.get("Plans", [])))


def test_a_round_looks_up_what_is_due(taught: Database) -> None:
    """It reads few pages, and nothing of what was said."""
    sent: list[tuple[str, Any]] = []
    with taught.transaction() as session:
        engine = session.get_bind()
        listen = lambda _conn, _cursor, statement, values, *_: sent.append((statement, values))  # noqa: E731
        event.listen(engine, "before_cursor_execute", listen)
        assert {one.classifier_id for one in due(session)} == {f"cls_{n * 1000}" for n in range(10)}
        event.remove(engine, "before_cursor_execute", listen)
        ((statement, values),) = sent
        asked = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        plan = session.connection().exec_driver_sql(asked, values).scalar_one()[0]["Plan"]
    assert scanned(plan) == set()
    assert "label_changes" not in relations(plan)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100
