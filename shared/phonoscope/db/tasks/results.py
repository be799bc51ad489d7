"""Writing a track's state: the newest result of each task, model and variant, and the labels by each model.

The labels are those of the audio track that is read when nobody chooses.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from phonoscope.db.access.prepared import Prepared
from phonoscope.tasks import TASKS, Writes

_AUDIO_TRACK = "(jobs.options ->> 'audio_track')"
"""The audio track that was asked for, as SQL; null for the one that is read when nobody chooses."""


def _variants() -> str:
    """The value of each task's option of variants, as SQL; before it what else is kept apart, each with a line break.

    That is another audio track, and the word *stretch* where the options ask about a part of the recording.
    """
    kept = [(name, spec.variant, spec.stretch) for name, spec in TASKS.items() if spec.variant is not None]
    cases = (
        f"WHEN '{name}' THEN {_of_stretch(name, stretch)}coalesce(jobs.options -> '{name}' ->> '{option}', '')"
        for name, option, stretch in kept
    )
    own = f"CASE tasks.name {' '.join(cases)} ELSE '' END"
    return f"coalesce({_AUDIO_TRACK} || E'\\n', '') || {own}"


def _of_stretch(task: str, options: Collection[str]) -> str:
    if not options:
        return ""
    given = ", ".join(f"jobs.options -> '{task}' ->> '{option}'" for option in options)
    return f"CASE WHEN coalesce({given}) IS NULL THEN '' ELSE E'stretch\\n' END || "


def _labelling() -> str:
    """The names of the tasks that label a track, as SQL."""
    return ", ".join(f"'{name}'" for name, spec in TASKS.items() if Writes.LABEL in spec.writes)


RECORD = f"""
    WITH ended AS (
        SELECT jobs.track_id, tasks.name, coalesce(results.model_name, '') AS model,
               {_variants()} AS variant,
               tasks.id AS task_id, coalesce(tasks.source_id, tasks.id) AS produced_by,
               CASE WHEN tasks.name IN ({_labelling()}) AND {_AUDIO_TRACK} IS NULL
                    THEN results.body -> 'answers' END AS answers,
               tasks.finished_at, jobs.created_at, CAST({_AUDIO_TRACK} AS integer) AS audio_track
        FROM tasks JOIN jobs ON jobs.id = tasks.job_id JOIN results ON results.task_id = tasks.id
        WHERE tasks.finished_at = now() AND (tasks.id = ANY(:leaders) OR tasks.source_id = ANY(:leaders))
          AND tasks.status = 'succeeded' AND jobs.track_id IS NOT NULL
    ), labelled AS (
        INSERT INTO track_labels (track_id, model, position, labels, finished_at, probability)
        SELECT DISTINCT ON (track_id, answer -> 'model' ->> 'name')
               track_id, answer -> 'model' ->> 'name', place - 1,
               ARRAY(SELECT jsonb_array_elements_text(answer -> 'labels')), finished_at,
               (SELECT CAST(guess ->> 'probability' AS real) FROM jsonb_array_elements(answer -> 'top') AS guess
                WHERE guess ->> 'label' = answer #>> '{{labels,0}}' LIMIT 1)
        FROM ended, jsonb_array_elements(answers) WITH ORDINALITY AS each (answer, place)
        ORDER BY track_id, answer -> 'model' ->> 'name', created_at DESC, task_id
        ON CONFLICT (track_id, model) DO UPDATE
        SET position = excluded.position, labels = excluded.labels, finished_at = excluded.finished_at,
            probability = excluded.probability
        WHERE track_labels.finished_at <= excluded.finished_at
    )
    INSERT INTO track_results (track_id, task, model, variant, task_id, produced_by, finished_at, audio_track)
    SELECT DISTINCT ON (track_id, name, model, variant)
           track_id, name, model, variant, task_id, produced_by, finished_at, audio_track
    FROM ended
    ORDER BY track_id, name, model, variant, created_at DESC, task_id
    ON CONFLICT (track_id, task, model, variant) DO UPDATE
    SET task_id = excluded.task_id, produced_by = excluded.produced_by, finished_at = excluded.finished_at
    WHERE track_results.finished_at <= excluded.finished_at
"""  # noqa: S608 - of constants
"""Records the results of tasks that succeeded in this transaction, and of those that followed them.

Of several jobs that asked for the same, the last one made counts. A result that finished later stays.

Lock order: these rows come last, those of each table in the order of their key; one statement writes both tables, so
that all transactions take them in the same order. Nothing that another transaction may hold is waited for after them;
tasks and jobs are locked before.
"""

_RECORD = Prepared(RECORD, types={"leaders": "text[]"})


def record_results(session: Session, tasks: Collection[str]) -> None:
    """Records the results of these tasks, which have succeeded in this transaction, as their track's state."""
    _RECORD.execute(session, {"leaders": list(tasks)})
