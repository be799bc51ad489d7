"""Chooses the space that a classifier is taught in, where its maker named none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from phonoscope.catalogue import BodyRef, Catalogue
from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope.contract.classifiers import SpaceChoice, SpaceChooser, SpaceTried
from phonoscope.db.classifiers.trials import Trial, Trials
from phonoscope.errors import SpaceGone
from phonoscope.work import Space
from phonoscope_cpu.duplicates import groups_of, shared_groups
from phonoscope_worker import Work

if TYPE_CHECKING:
    from phonoscope_ml.teaching import Examples

_MOST_LABELS = 1_000
"""Of more, some of the windows that spaces are compared by would have too few."""


@dataclass(frozen=True)
class Chosen:
    """Where a classifier is to be taught, and why.

    Args:
        why: in words.
        tried: the spaces that were compared.
        space: ``None`` for that which its maker named.
        left: the one that it had before, where that is another.
        groups: of near-duplicates in any of the spaces that were compared, by recording; of some recordings, or none.
    """

    why: str
    tried: Sequence[SpaceTried] = ()
    space: Space | None = None
    left: Space | None = None
    groups: Mapping[str, int] = field(default_factory=dict)

    def card(self, space: Space) -> SpaceChoice:
        by = SpaceChooser.MAKER if self.space is None else SpaceChooser.ITSELF
        return SpaceChoice(model=space.model, chosen_by=by, why=self.why, tried=list(self.tried))


def choose_for(work: Work, catalogue: Catalogue, name: str) -> Chosen:
    """The space that its maker named, or the one that its examples are told apart in best.

    Compared are the spaces of served bodies that served models embed in.

    Raises ``SpaceGone`` when the body of the space that it has is no longer served, and as ``read_trials`` does.
    """
    from phonoscope_ml.teaching import NO_OTHER, choose_space

    spaces = [body.space for body in catalogue.bodies.values() if body.architecture in ARCHITECTURES]
    # One that nothing embeds in would label nothing that is added from now on.
    trials = work.trials(name, [space for space in spaces if space in catalogue.embedders])
    if trials is None:
        return Chosen("its maker named it")
    body_of(catalogue, trials.own)
    if not trials.spaces:
        return Chosen(NO_OTHER, space=trials.own)
    if len(trials.labels) > _MOST_LABELS:
        return Chosen(f"spaces are compared by {_MOST_LABELS:,} labels at most", space=trials.own)
    groups = _groups(trials)
    numbers = {track: number for number, track in enumerate(groups)}
    examples = {trial.space.model: _examples(trial, numbers, groups) for trial in trials.spaces}
    found = choose_space(len(trials.labels), examples, several=trials.several, settled=trials.settled)
    by_name = {trial.space.model: trial.space for trial in trials.spaces}
    tried = [
        SpaceTried(model=one.name, digest=by_name[one.name].digest, accuracy=one.accuracy, recordings=one.recordings)
        for one in found.tried
    ]
    space = by_name[found.name]
    return Chosen(found.reason, tried, space, trials.own if space != trials.own else None, groups)


def body_of(catalogue: Catalogue, space: Space) -> BodyRef:
    """The body whose vectors a space has. Raises ``SpaceGone``."""
    found = next((body for body in catalogue.bodies.values() if body.space == space), None)
    if found is None:
        raise SpaceGone.field("space", f"the body {space.model!r} is no longer served as it was: teach it again")
    return BodyRef(name=found.name, digest=found.digest)


def _groups(trials: Trials) -> dict[str, int]:
    """A number for each recording, which near-duplicates share; those of the first space first."""
    tracks = list(dict.fromkeys(track for trial in trials.spaces for track in trial.known.tracks))
    numbers = {track: number for number, track in enumerate(tracks)}
    parts = []
    for trial in trials.spaces:
        if not trial.known.tracks:
            continue
        fingerprints = trials.fingerprints if trial is trials.spaces[0] else {}
        rows = np.array([numbers[track] for track in trial.known.tracks], np.int64)
        parts.append((rows, groups_of(trial.track_vectors, fingerprints)))
    return dict(zip(tracks, shared_groups(len(tracks), parts).tolist(), strict=True)) if tracks else {}


def _examples(trial: Trial, numbers: Mapping[str, int], groups: Mapping[str, int]) -> Examples | None:
    """What is heard of them; ``None`` where that is nothing, or nothing to teach from."""
    from phonoscope_ml.teaching import Examples

    known, facts = trial.known, trial.facts
    rows = np.array([numbers[track] for track in known.tracks], np.int64)[known.recordings]
    shared = np.array([groups[track] for track in known.tracks], np.int64)[known.recordings]
    try:
        return Examples(known.vectors, rows, shared, facts[:, 0], facts[:, 1], facts[:, 2] == 1)
    except ValueError:
        return None
