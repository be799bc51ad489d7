"""The declaration of a task, for the gateway, the workers, the ledger, the command line and the page."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from phonoscope.catalogue import AUTO, Catalogue, Classifier
from phonoscope.catalogue.architectures import ARCHITECTURES, Architecture
from phonoscope.errors import InvalidResult
from phonoscope.links import ArtifactLink, with_links
from phonoscope.requests import RequestModel
from phonoscope.states import Pool, TaskName

SHORTEST_COST_S = 0.01
"""No task costs less, so that no owner's turn is free."""


class TaskOptions(RequestModel):
    """The options of a task."""


class Part(BaseModel):
    """A result or a part of one: every number in it is one that JSON can hold."""

    model_config = ConfigDict(allow_inf_nan=False)


class TaskResult(Part):
    """The result of a task. ``task`` is its name, and says which kind of result it is."""

    task: Any


class ModelRef(Part):
    """The model that gave a result: its name, and the digest of its weights, ``sha256:…``."""

    name: str
    digest: str


class Cost(NamedTuple):
    """Seconds of a worker's time on a machine without a GPU."""

    fixed_s: float
    each_s: float
    """For each second of the recording."""

    def of(self, duration_s: float) -> float:
        """The estimate for a recording of this length."""
        return max(SHORTEST_COST_S, self.fixed_s + self.each_s * duration_s)


class Subject(StrEnum):
    """What a task is about."""

    TRACK = "track"
    LIBRARY = "library"


class ModelKind(StrEnum):
    """Which model a task runs; its identity is part of what the result is known by."""

    CLASSIFIER = "classifier"
    """Those of ``options.classify``: all tasks of the gpu pool share one pass of each body."""
    SEPARATOR = "separator"
    """That of ``options.separate``."""


class Writes(StrEnum):
    """What a task changes of its subject besides its own result."""

    LABEL = "label"
    EMBEDDINGS = "embeddings"
    STEMS = "stems"
    MAP = "map"
    CLASSIFIER = "classifier"


@dataclass(frozen=True)
class RequestContext:
    """What a task must know of the rest of its job's request, and of the service."""

    tasks: tuple[TaskName, ...]
    named: tuple[str, ...]
    """The names of the models of ``options.classify``, or of the service's default; ``auto`` stands alone."""
    default_model: str
    catalogue: Catalogue

    @property
    def classifiers(self) -> tuple[Classifier, ...]:
        """The models that may answer, the one that counts first. Raises ``UnknownModel`` and ``BodyAbsent``."""
        return self.catalogue.among(self.named)

    @property
    def chosen_by_itself(self) -> bool:
        """Whether what is heard decides which of them answers."""
        return self.named == (AUTO,)

    def architectures(self) -> list[Architecture]:
        """Of the models that tasks besides ``classify`` may use: all that may be chosen, else the first one."""
        used = self.classifiers if self.chosen_by_itself else self.classifiers[:1]
        return [ARCHITECTURES[model.architecture] for model in used]


Options = TypeVar("Options", bound=TaskOptions)
Result = TypeVar("Result", bound=TaskResult)


_NO_COST = Cost(0.0, 0.0)


def _as_given(options: Any, _asked: RequestContext) -> Any:
    return options


def _allowed(*_: Any) -> None:
    pass


def _none(*_: Any) -> list[str]:
    return []


def _never(_: Any) -> bool:
    return False


@dataclass(frozen=True)
class TaskSpec(Generic[Options, Result]):
    """The declaration of one task.

    Args:
        pool: the workers that run it.
        cost: an estimate, for fair turns, lanes and time limits.
        further_cost: what it costs besides where it runs a further body, which not every machine has.
        options: what a client can ask; the field of its name in ``JobOptions``.
        result: what it finds.
        revision: raised whenever its algorithm changes so that earlier results no longer stand.
        alone: whether it queues by itself in the long lane, instead of sharing a pass with its pool's other tasks.
        subject: a track, or the owner's library.
        asked_by: the call that makes its jobs, where that is not ``POST /v1/jobs``.
        model: the kind of model that decides its result, if any.
        writes: what else it changes.
        reads_stems: whether, with these options, it reads the track's stems: it waits for ``separate`` of its own job.
        variant: the option whose values are results of their own on a track, kept side by side.
        stretch: the options that ask about a part of a recording; its newest result is kept beside that of the whole.
        further: the identities of further models that, with these options, decide its result.
        unkeyed: options that do not change what is computed. The model's identity stands for its name.
        complete: fills in options that depend on the rest of the request.
        check: refuses options that cannot be carried out. Raises ``InvalidRequest`` or ``UnknownModel``.
        check_duration: refuses options that do not fit a recording of so many seconds. Raises ``InvalidRequest``.
        check_stems: refuses options that do not fit the stems that the task will read. Raises ``InvalidRequest``.
    """

    name: TaskName
    pool: Pool
    cost: Cost
    options: type[Options]
    result: type[Result]
    revision: int = 1
    further_cost: Cost = _NO_COST
    alone: bool = False
    subject: Subject = Subject.TRACK
    asked_by: str | None = None
    model: ModelKind | None = None
    writes: frozenset[Writes] = frozenset()
    reads_stems: Callable[[Options], bool] = _never
    variant: str | None = None
    stretch: tuple[str, ...] = ()
    further: Callable[[Options, Catalogue], list[str]] = _none
    unkeyed: frozenset[str] = field(default=frozenset({"model"}))
    complete: Callable[[Options, RequestContext], Options] = _as_given
    check: Callable[[Options, RequestContext], None] = _allowed
    check_duration: Callable[[Options, float], None] = _allowed
    check_stems: Callable[[Options, Collection[str]], None] = _allowed

    def key_of(self, options: Options) -> dict[str, Any]:
        """The options that the result is known by, as JSON can hold them."""
        return options.model_dump(mode="json", exclude=set(self.unkeyed))

    def read(self, body: Any) -> Result:
        """A result's body, with its links, as what it is. Raises ``pydantic.ValidationError``."""
        return self.result.model_validate({"task": str(self.name), **body} if isinstance(body, dict) else body)

    def read_stored(self, body: Any) -> Result:
        """A result's body as a worker made it; its links have the artifacts' ids and lead nowhere.

        Raises ``pydantic.ValidationError``.
        """
        return self.read(with_links(body, _unsigned))

    def check_body(self, body: dict[str, Any]) -> None:
        """Refuses a body that no client could read: one without a field, or with a number that JSON cannot hold.

        Raises ``InvalidResult``, which names the field.
        """
        try:
            self.read_stored(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidResult(f"{self.name}: {where}: {first['msg']}") from error


def _unsigned(artifact_id: str, facts: dict[str, Any]) -> ArtifactLink:
    own = {"id": artifact_id, "url": "", "expires_at": datetime.fromtimestamp(0.0, UTC)}
    return ArtifactLink.model_validate(facts | own)
