"""Which model answers for which stretch of a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from phonoscope.catalogue import Auto, Classifier, Kind, domain_of
from phonoscope.errors import ModelError
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import BodyPass, Prediction, predict
from phonoscope_ml.kinds import kinds_of, overall_kind
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window


class Heard(Protocol):
    """What a body heard in the recording: in all its windows, or, if it has not run yet, in those that are wanted."""

    def __call__(self, body: Body, wanted: Callable[[Window], bool] = ...) -> BodyPass: ...


_MOST_WINDOWS = 120
"""A body other than the general one hears at most so many windows of a domain, evenly apart: six minutes of music
without a gap, every half minute of an hour."""


class Stretches:
    """The windows of a domain that a further body hears."""

    def __init__(self, windows: BodyPass, inside: NDArray[np.bool_], hop_s: float) -> None:
        self._spans_s = np.array(windows.spans_s)[inside]
        covered_s = (self._spans_s[:, 1] - self._spans_s[:, 0]).sum() / 2.0
        self._step = max(1, ceil(float(covered_s) / hop_s / _MOST_WINDOWS))
        self._count = -1

    def __call__(self, window: Window) -> bool:
        starts, ends = self._spans_s.T
        place = int(np.searchsorted(ends, window.start_s, side="right"))
        if place == len(ends) or float(starts[place]) >= window.end_s:
            return False
        self._count += 1
        return self._count % self._step == 0


@dataclass(frozen=True)
class Answer:
    """A model's prediction over all windows, and those that count in its labels for the whole."""

    model: Model
    prediction: Prediction
    counted: Prediction

    def body(self, top_k: int) -> dict[str, Any]:
        """As ``ClassifyResult.answers`` has it."""
        return {
            "model": {"name": self.model.manifest.name, "digest": self.model.digest},
            **self.counted.summary(top_k),
            "labels": self.counted.heard(several=self.model.several),
            "several": self.model.several,
            "thresholds": self.counted.thresholds_of(top_k),
        }


@dataclass(frozen=True)
class Answers:
    """The models' answers, that of the one that counts first.

    Args:
        by_window: the answer that stands for each window.
        kinds: of each window, and of the whole; ``None`` where the models were named.
        absent: why models that would have answered did not.
    """

    every: list[Answer]
    by_window: list[Answer]
    kinds: list[Kind] | None = None
    kind: Kind | None = None
    absent: tuple[str, ...] = ()

    @property
    def counting(self) -> Answer:
        return self.every[0]

    @property
    def models(self) -> list[Model]:
        """Those that answer."""
        return [answer.model for answer in self.every]

    def body(self, top_k: int) -> dict[str, Any]:
        """As ``ClassifyResult`` has it, without the recording's own fields."""
        first = self.every[0]
        return {
            "model": {"name": first.model.manifest.name, "digest": first.model.digest},
            **first.counted.summary(top_k),
            "kind": self.kind,
            "answers": [answer.body(top_k) for answer in self.every],
            "windows": [self._window(index, answer, top_k) for index, answer in enumerate(self.by_window)],
        }

    def _window(self, index: int, answer: Answer, top_k: int) -> dict[str, Any]:
        found = answer.prediction.window(index, top_k)
        if self.kinds is None:
            return found
        return found | {"kind": self.kinds[index], "model": answer.model.manifest.name}


def answer_by_name(models: Sequence[Model], heard: Heard) -> Answers:
    """Each model answers for the whole recording; the windows are the first one's."""
    found = []
    for model in models:
        prediction = predict(model, [heard(body) for body in model.bodies])
        found.append(Answer(model, prediction, prediction))
    return Answers(found, [found[0]] * len(found[0].prediction.spans_s))


def answer_by_kind(auto: Auto, general: Model, load: Callable[[str], Model], heard: Heard) -> Answers:
    """Each stretch is answered by the models whose domain it is; the windows are those of the general body.

    A model that cannot be loaded is left out, and the answers say why; the general one answers where none is left.

    Args:
        general: tells kinds apart; where none does, the first model for sounds.
        load: gives a loaded model by its name. Raises ``ModelError``.
    """
    windows = heard(general.body)
    kinds = kinds_of(predict(general, [heard(body) for body in general.bodies]), told_apart=auto.general is not None)
    kind = overall_kind(kinds)
    domains = {domain_of(each) for each in kinds} - {Kind.SILENCE} or {Kind.SILENCE}
    ordered = sorted(domains, key=lambda domain: domain is not domain_of(kind))
    found: dict[Kind, list[Answer]] = {}
    unusable: list[str] = []
    for domain in ordered:
        inside = np.array([domain_of(each) is domain for each in kinds])
        for model in loadable(auto.models_for(domain), load, unusable) or [general]:
            prediction = predict(model, [_heard(heard, body, windows, inside) for body in model.bodies], windows)
            found.setdefault(domain, []).append(Answer(model, prediction, prediction.during(inside)))
    every = [answer for domain in ordered for answer in found[domain]]
    by_window = [found.get(domain_of(each), every)[0] for each in kinds]
    absent = tuple(why for domain in ordered for why in auto.absent.get(domain, ()))
    return Answers(every, by_window, kinds, kind, (*absent, *dict.fromkeys(unusable)))


def load_general(auto: Auto, load: Callable[[str], Model]) -> tuple[Auto, Model, tuple[str, ...]]:
    """``auto`` and the model that tells kinds apart; where that cannot be loaded the first one for sounds, and why.

    Raises ``ModelError`` when neither can be loaded.
    """
    if auto.general is None:
        return auto, load(auto.models[0].name), ()
    try:
        return auto, load(auto.general.name), ()
    except ModelError as error:
        left = auto.without_general
        return left, load(left.models[0].name), (_unusable(auto.general, error),)


def loadable(models: Iterable[Classifier], load: Callable[[str], Model], unusable: list[str]) -> list[Model]:
    """Those of the models that can be loaded; why others cannot is added to ``unusable``."""
    found = []
    for manifest in models:
        try:
            found.append(load(manifest.name))
        except ModelError as error:
            unusable.append(_unusable(manifest, error))
    return found


def _unusable(manifest: Classifier, error: ModelError) -> str:
    return f"{manifest.name} cannot be used: {error.detail}"


def _heard(heard: Heard, body: Body, windows: BodyPass, inside: NDArray[np.bool_]) -> BodyPass:
    return heard(body, Stretches(windows, inside, body.front_end.settings.window_hop_s))
