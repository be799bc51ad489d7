"""The passes that all tasks of a job share: each body runs once over the recording, for any number of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from math import inf
from typing import TypeAlias

from phonoscope.audio.acoustic import AcousticFingerprinter
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.samples import Samples
from phonoscope.catalogue import AUTO, Classifier, HeadedManifest
from phonoscope.contract import MOST_EXPLAINED_S
from phonoscope.errors import UnknownModel
from phonoscope.states import TaskName
from phonoscope.text import ServedMeaning
from phonoscope.work import AcousticFingerprint, Space
from phonoscope_gpu.answers import Answers, answer_by_kind, answer_by_name, load_general, loadable
from phonoscope_gpu.beside import Beside, body_beside
from phonoscope_ml.bodies import Body
from phonoscope_ml.inference import BodyPass, ForwardPass, Prediction, predict, run_body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window
from phonoscope_worker import Work

_RECORDED = {TaskName.EXPLAIN, TaskName.FEATURES}
"""Tasks that need a pass's activations."""

Wanted: TypeAlias = Callable[[Window], bool]


def _all(_: Window) -> bool:
    return True


@dataclass
class Listener:
    """What bodies heard in the recording; each runs when it is first asked for."""

    work: Work
    recording: ConfinedRecording | None = None
    """The first that was decoded to its end."""
    acoustic: AcousticFingerprint | None = None
    """Taken in the first pass to the recording's end, where ``embed`` is asked for."""
    _heard: dict[str, BodyPass] = field(default_factory=dict)

    def heard(self, body: Body, wanted: Wanted = _all, forward: ForwardPass | None = None) -> BodyPass:
        """What a body heard; it runs now, over the windows that are wanted, if it has not run before.

        Raises ``RecordingError`` when the recording cannot be decoded.
        """
        if body.identity not in self._heard:
            self._heard[body.identity] = self.run(body, wanted, forward)
        return self._heard[body.identity]

    def run(
        self, body: Body, wanted: Wanted = _all, forward: ForwardPass | None = None, end_s: float = inf
    ) -> BodyPass:
        """Runs a body, through ``forward`` where it is given; see ``run_body``."""
        track = self.work.claim.track

        def report(done_s: float) -> None:
            self.work.report(min(1.0, done_s / track.duration_s), "listening")

        with self.work.recording() as recording, self.work.timed("model_s"):
            rate = body.front_end.settings.sample_rate_hz
            blocks = self._fingerprinted(recording.mono(rate), rate)
            found = run_body(body, blocks, report, forward, wanted, end_s)
        self.recording = self.recording or recording
        return found

    def has_heard(self, model: Classifier) -> bool:
        """Whether all bodies of a model have run."""
        bodies = model.bodies if isinstance(model, HeadedManifest) else (model,)
        return {body.identity for body in bodies} <= self._heard.keys()

    def _fingerprinted(self, blocks: Iterable[Samples], sample_rate_hz: int) -> Iterator[Samples]:
        if self.acoustic is not None or TaskName.EMBED not in self.work.claim.tasks:
            yield from blocks
            return
        fingerprinter = AcousticFingerprinter(sample_rate_hz)
        for block in blocks:
            fingerprinter(block)
            yield block
        self.acoustic = fingerprinter.end()


@dataclass(frozen=True)
class Pass:
    """What the models answer, and the activations recorded for evidence.

    Args:
        model: the model that counts, or another that has the label to be explained.
        prediction: that model's, over the whole recording.
        general: tells kinds of sound apart where the models are chosen by what is heard; its body's space holds all.
        heads: gives the models whose labels are kept with each window, of those whose bodies are heard anyway.
        beside: a body in whose space sentences are too.
        left_out: why such a body cannot be used.
    """

    model: Model
    recording: ConfinedRecording
    prediction: Prediction
    recorder: EvidenceRecorder
    answers: Answers
    listener: Listener
    words: ServedMeaning
    general: Model | None = None
    heads: Callable[[], list[Model]] = list
    beside: Beside | None = None
    left_out: tuple[str, ...] = ()

    @property
    def spaces(self) -> dict[Space, Body]:
        """The bodies in whose spaces the recording is embedded, that of the model that counts first."""
        models = [self.answers.counting.model, *([self.general] if self.general else [])]
        spaces = {model.space: model.body for model in models}
        return spaces | ({self.beside.space: self.beside.body} if self.beside and self.beside.embeds else {})

    @property
    def warnings(self) -> list[str]:
        """What a client should know of the recording and of models that were not there to answer."""
        return [*self.recording.warnings, *self.answers.absent, *self.left_out]


@contextmanager
def shared_pass(work: Work, models: LoadedModels, named: tuple[str, ...]) -> Iterator[Pass]:
    """Runs the bodies of the models that answer.

    Args:
        named: the models, or ``auto`` alone.

    Raises:
        RecordingError: it cannot be decoded.
        ModelError: a model cannot be served.
    """
    tasks, listener = set(work.claim.tasks), Listener(work)
    load = cache(partial(_loaded, work, models))
    answers = general = None
    if named == (AUTO,):
        auto, general, unusable = load_general(models.auto, load)
        answers = answer_by_kind(auto, general, load, listener.heard)
        answers = replace(answers, absent=(*answers.absent, *unusable))
        model = _explained(work, answers, load, auto.models)
    else:
        model = load(named[0])
    others = [listener.heard(body) for body in model.others]
    prediction = predict(model, [listener.heard(model.body), *others]) if answers else None
    with EvidenceRecorder(model, *_recorded(work, model), others) as recorder:
        forward, known = recorder if _RECORDED & tasks else None, prediction is not None
        if answers is None or prediction is None:
            listener.heard(model.body, forward=forward)
            answers = answer_by_name([load(name) for name in named], listener.heard)
            prediction = answers.counting.prediction
        if forward and (known or recorder.overran):
            _record_again(work, recorder, prediction, listener)
        assert listener.recording is not None
        heads = partial(_heads, models, answers, listener, load)
        beside, left_out = body_beside(work, models)
        words = models.words
        yield Pass(
            model,
            listener.recording,
            prediction,
            recorder,
            answers,
            listener,
            words,
            general,
            heads,
            beside,
            left_out,
        )


def _heads(models: LoadedModels, answers: Answers, listener: Listener, load: Callable[[str], Model]) -> list[Model]:
    """The models that answer and those that ``auto`` chooses from, where their bodies were heard.

    Those that cannot be loaded are left out.
    """
    with suppress(UnknownModel):
        others = [manifest for manifest in models.auto.models if listener.has_heard(manifest)]
        loaded = loadable(others, load, [])
        return list({model.manifest.name: model for model in (*answers.models, *loaded)}.values())
    return answers.models


def _loaded(work: Work, models: LoadedModels, name: str) -> Model:
    """A served model; of a name that is not served the owner's own, in whatever version is the newest."""
    with work.timed("load_s"):
        own = None if models.serves(name) else work.own_head(name)
        return models.get(name) if own is None else models.own(own)


def _explained(work: Work, answers: Answers, load: Callable[[str], Model], models: Sequence[Classifier]) -> Model:
    """The model that counts; another where only that one has the label that is asked about."""
    model, label = answers.counting.model, work.options.explain.label
    if TaskName.EXPLAIN not in work.claim.tasks or label is None or label in model.manifest.labels:
        return model
    return next((load(other.name) for other in models if label in other.labels), model)


def _record_again(work: Work, recorder: EvidenceRecorder, prediction: Prediction, listener: Listener) -> None:
    """Hears once more what is explained: the model was not known before, or which windows of a long recording."""
    assert listener.recording is not None
    long = recorder.overran or listener.recording.decoded_s > MOST_EXPLAINED_S
    if recorder.span_s is None and long:
        asked = work.options.explain.label if TaskName.EXPLAIN in work.claim.tasks else None
        labels = {prediction.label, asked or prediction.label} & set(prediction.labels)
        recorder.choose([prediction.strongest(label) for label in labels])
    listener.run(recorder.model.body, recorder.wants, recorder, recorder.end_s)


def _recorded(work: Work, model: Model) -> tuple[str | None, list[str] | None, tuple[float, float] | None]:
    """The layers and the stretch to record, as ``EvidenceRecorder`` takes them.

    A layer that this network lacks is left to the task that asks for it, which fails alone.
    """
    options, tasks, known = work.options, set(work.claim.tasks), model.network.depths
    layer = options.explain.layer if options.explain.layer in known.layers else None
    layers = options.features.layers if TaskName.FEATURES in tasks else []
    kept = None if layers is None else [name for name in layers if name in known.names]
    return layer, kept, options.explain.span_s if TaskName.EXPLAIN in tasks else None
