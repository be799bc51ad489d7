"""The shapes that travel over HTTP, for gateway and client alike. Times are UTC, ``*_s`` seconds, ``*_hz`` hertz."""

from phonoscope.catalogue.cards import AnyModelCard, BodyCard, ModelCard, StemModelCard
from phonoscope.contract.events import (
    CompletedEvent,
    JobEvent,
    JobProgress,
    ProgressEvent,
    StatusEvent,
    TaskProgress,
)
from phonoscope.contract.jobs import DEFAULT_TASKS, Job, JobRequest, Task, Waiting
from phonoscope.contract.library import LibraryMap, MapPoint
from phonoscope.contract.metadata import MAX_METADATA_BYTES
from phonoscope.contract.options import JobOptions
from phonoscope.contract.results import TrackResult, TrackResults
from phonoscope.contract.service import Problem, QueueDepth, Queues, Readiness, Worker
from phonoscope.contract.tracks import (
    ColourMap,
    Neighbour,
    Neighbours,
    Page,
    Peaks,
    SpectrogramAxes,
    SpectrogramLook,
    Stems,
    Track,
)
from phonoscope.contract.webhooks import (
    JOB_EVENTS,
    Attempt,
    AttemptError,
    DefaultSecret,
    Delivery,
    DeliveryStatus,
    DisabledNotice,
    EventType,
    JobNotice,
    NewSecret,
    NewWebhook,
    Redelivery,
    RedeliveryRequest,
    SecretRotation,
    TrialNotice,
    Webhook,
    WebhookChange,
    WebhookRequest,
)
from phonoscope.links import ArtifactLink, SignedLink
from phonoscope.tasks.classify import MAX_TOP_K, ClassifyOptions
from phonoscope.tasks.describe import DescribeOptions
from phonoscope.tasks.embed import EmbedOptions
from phonoscope.tasks.explain import EXPLAIN_ARTIFACTS, MOST_EXPLAINED_S, ExplainArtifact, ExplainOptions
from phonoscope.tasks.features import FEATURES_ARTIFACTS, MOST_LAYERS, FeaturesArtifact, FeaturesOptions
from phonoscope.tasks.map import MOST_ON_MAP, MapMethod, MapOptions
from phonoscope.tasks.mixdown import QUIETEST_GAIN_DB, MixdownOptions
from phonoscope.tasks.separate import Precision, SeparateOptions, Stem, StemFormat

__all__ = [
    "DEFAULT_TASKS",
    "EXPLAIN_ARTIFACTS",
    "FEATURES_ARTIFACTS",
    "JOB_EVENTS",
    "MAX_METADATA_BYTES",
    "MAX_TOP_K",
    "MOST_EXPLAINED_S",
    "MOST_LAYERS",
    "MOST_ON_MAP",
    "QUIETEST_GAIN_DB",
    "AnyModelCard",
    "ArtifactLink",
    "Attempt",
    "AttemptError",
    "BodyCard",
    "ClassifyOptions",
    "ColourMap",
    "CompletedEvent",
    "DefaultSecret",
    "Delivery",
    "DeliveryStatus",
    "DescribeOptions",
    "DisabledNotice",
    "EmbedOptions",
    "EventType",
    "ExplainArtifact",
    "ExplainOptions",
    "FeaturesArtifact",
    "FeaturesOptions",
    "Job",
    "JobEvent",
    "JobNotice",
    "JobOptions",
    "JobProgress",
    "JobRequest",
    "LibraryMap",
    "MapMethod",
    "MapOptions",
    "MapPoint",
    "MixdownOptions",
    "ModelCard",
    "Neighbour",
    "Neighbours",
    "NewSecret",
    "NewWebhook",
    "Page",
    "Peaks",
    "Precision",
    "Problem",
    "ProgressEvent",
    "QueueDepth",
    "Queues",
    "Readiness",
    "Redelivery",
    "RedeliveryRequest",
    "SecretRotation",
    "SeparateOptions",
    "SignedLink",
    "SpectrogramAxes",
    "SpectrogramLook",
    "StatusEvent",
    "Stem",
    "StemFormat",
    "StemModelCard",
    "Stems",
    "Task",
    "TaskProgress",
    "Track",
    "TrackResult",
    "TrackResults",
    "TrialNotice",
    "Waiting",
    "Webhook",
    "WebhookChange",
    "WebhookRequest",
    "Worker",
]
