"""The tree of all errors. A class's docstring is its title; ``detail`` says what was found.

PhonoscopeError
├── MalformedRequest            400
├── UnsupportedChecksum         400
├── Unauthorized                401
│   └── SessionEnded
├── InvalidSignature            403
├── SignatureExpired            403
├── MissingScope                403
├── NotShared                   403
├── SignInExpired               400
├── SignInRefused               403
├── InvalidIdToken              403
├── CrossSiteRequest            403
├── NotFound                    404
│   ├── ShareEnded
│   └── SignInOff
├── NotAcceptable               406
├── RequestTimeout              408
├── JobEnded                    409
├── SpaceInUse                  409
├── NameTaken                   409
├── RequestInFlight             409
├── NothingToUndo               409
├── NoPublicStore               409
├── PartsMissing                409
├── OffsetConflict              409
├── UploadEnded                 410
├── PreconditionFailed          412
├── UnsupportedTusVersion       412
├── UnsupportedMediaType        415
├── InvalidRequest              422
│   ├── InvalidCursor
│   ├── DigestMismatch
│   ├── IdempotencyKeyReused
│   ├── UnknownLayer
│   ├── UnknownLabel
│   ├── NoStems
│   ├── TooManyLabels
│   ├── TooManyShares
│   ├── ContradictoryLabels
│   ├── TooFewExamples
│   ├── SpaceGone
│   ├── InvalidImport
│   ├── RefusedUrl
│   └── NoDefaultSecret
├── BodyTooLarge                413
├── UploadTooLarge              413
├── UploadBusy                  423
├── ChecksumMismatch            460
├── TooManyUploads              429
├── TooManySearches             429
├── TooManyTiles                429
├── RangeNotSatisfiable         416
├── MisdirectedRequest          421
├── TooManyRequests             429
├── HeadTooLarge                431
├── LimitReached                429
│   ├── TooManyWrongKeys
│   ├── RequestQuotaExceeded
│   ├── UploadQuotaExceeded
│   ├── UploadBytesQuotaExceeded
│   ├── OpenUploadsQuotaExceeded
│   ├── StoredBytesQuotaExceeded
│   ├── StoredTracksQuotaExceeded
│   ├── QueuedAudioQuotaExceeded
│   ├── QueuedJobsQuotaExceeded
│   ├── OpenStreamQuotaExceeded
│   ├── DeliveryTestQuotaExceeded
│   ├── ClassifierQuotaExceeded
│   └── CollectionQuotaExceeded
├── RecordingError              422
│   ├── EmptyUpload
│   ├── NotARecording           415
│   ├── NoAudioStream           415
│   ├── UnsupportedCodec        415
│   ├── EncryptedRecording      415
│   ├── UndecodableRecording
│   ├── NoSuchAudioTrack
│   ├── NonFiniteSamples
│   ├── RecordingTooLong
│   ├── SilentRecording
│   └── TooCostlyToRead
├── ModelError                  500
│   ├── UnknownModel            422
│   ├── ModelNotPulled
│   ├── BodyAbsent              422
│   ├── ExtraAbsent
│   ├── DownloadFailed
│   ├── UnreadableWeights
│   ├── InvalidManifest
│   ├── WeightsMismatch
│   └── DeviceUnavailable
├── Unavailable                 503
│   ├── DatabaseUnavailable
│   │   ├── TransactionConflict
│   │   ├── LockTimeout
│   │   └── TooManyConnections
│   ├── BrokerUnavailable
│   ├── StoreUnavailable
│   ├── SpoolFull
│   ├── Overloaded
│   └── ProviderUnavailable
├── ProviderFault               502
├── SearchTimeout               504
├── TaskFailed                  500
│   ├── WorkerLost
│   ├── TimedOut
│   ├── OutOfMemory
│   ├── DiskFull
│   ├── InvalidResult
│   ├── OutdatedResult          410
│   ├── UnsupportedTask
│   ├── OutdatedTeaching
│   └── UnstorableResult
├── BackupError                 500
│   ├── BackupBusy
│   ├── BackupUnwritable
│   ├── BackupKept
│   ├── BackupIncomplete
│   ├── BackupDamaged
│   ├── BackupTooNew
│   ├── BackupSealed
│   └── RestoreRefused
├── PackageAbsent               500
└── StackError                  500
"""

from phonoscope.errors.backups import (
    BackupBusy,
    BackupDamaged,
    BackupError,
    BackupIncomplete,
    BackupKept,
    BackupSealed,
    BackupTooNew,
    BackupUnwritable,
    RestoreRefused,
)
from phonoscope.errors.base import PhonoscopeError
from phonoscope.errors.limits import (
    ClassifierQuotaExceeded,
    CollectionQuotaExceeded,
    DeliveryTestQuotaExceeded,
    LimitReached,
    OpenStreamQuotaExceeded,
    OpenUploadsQuotaExceeded,
    QueuedAudioQuotaExceeded,
    QueuedJobsQuotaExceeded,
    RequestQuotaExceeded,
    StoredBytesQuotaExceeded,
    StoredTracksQuotaExceeded,
    TooManyRequests,
    TooManySearches,
    TooManyTiles,
    TooManyUploads,
    TooManyWrongKeys,
    UploadBytesQuotaExceeded,
    UploadQuotaExceeded,
)
from phonoscope.errors.models import (
    BodyAbsent,
    DeviceUnavailable,
    DownloadFailed,
    ExtraAbsent,
    InvalidManifest,
    ModelError,
    ModelNotPulled,
    UnknownModel,
    UnreadableWeights,
    WeightsMismatch,
)
from phonoscope.errors.outages import (
    BrokerUnavailable,
    DatabaseUnavailable,
    LockTimeout,
    Overloaded,
    PackageAbsent,
    SearchTimeout,
    SpoolFull,
    StackError,
    StoreUnavailable,
    TooManyConnections,
    TransactionConflict,
    Unavailable,
)
from phonoscope.errors.recordings import (
    EmptyUpload,
    EncryptedRecording,
    NoAudioStream,
    NonFiniteSamples,
    NoSuchAudioTrack,
    NotARecording,
    RecordingError,
    RecordingTooLong,
    SilentRecording,
    TooCostlyToRead,
    UndecodableRecording,
    UnsupportedCodec,
)
from phonoscope.errors.requests import (
    BodyTooLarge,
    ChecksumMismatch,
    ContradictoryLabels,
    DigestMismatch,
    HeadTooLarge,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidImport,
    InvalidRequest,
    InvalidSignature,
    JobEnded,
    MalformedRequest,
    MisdirectedRequest,
    MissingScope,
    NameTaken,
    NoDefaultSecret,
    NoPublicStore,
    NoStems,
    NotAcceptable,
    NotFound,
    NothingToUndo,
    NotShared,
    OffsetConflict,
    PartsMissing,
    PreconditionFailed,
    RangeNotSatisfiable,
    RefusedUrl,
    RequestInFlight,
    RequestTimeout,
    ShareEnded,
    SignatureExpired,
    SpaceGone,
    SpaceInUse,
    TooFewExamples,
    TooManyLabels,
    TooManyShares,
    Unauthorized,
    UnknownLabel,
    UnknownLayer,
    UnsupportedChecksum,
    UnsupportedMediaType,
    UnsupportedTusVersion,
    UploadBusy,
    UploadEnded,
    UploadTooLarge,
)
from phonoscope.errors.sign_in import (
    CrossSiteRequest,
    InvalidIdToken,
    ProviderFault,
    ProviderUnavailable,
    SessionEnded,
    SignInExpired,
    SignInOff,
    SignInRefused,
)
from phonoscope.errors.tasks import (
    DiskFull,
    InvalidResult,
    OutdatedResult,
    OutdatedTeaching,
    OutOfMemory,
    TaskFailed,
    TimedOut,
    UnstorableResult,
    UnsupportedTask,
    WorkerLost,
)

__all__ = [
    "BackupBusy",
    "BackupDamaged",
    "BackupError",
    "BackupIncomplete",
    "BackupKept",
    "BackupSealed",
    "BackupTooNew",
    "BackupUnwritable",
    "BodyAbsent",
    "BodyTooLarge",
    "BrokerUnavailable",
    "ChecksumMismatch",
    "ClassifierQuotaExceeded",
    "CollectionQuotaExceeded",
    "ContradictoryLabels",
    "CrossSiteRequest",
    "DatabaseUnavailable",
    "DeliveryTestQuotaExceeded",
    "DeviceUnavailable",
    "DigestMismatch",
    "DiskFull",
    "DownloadFailed",
    "EmptyUpload",
    "EncryptedRecording",
    "ExtraAbsent",
    "HeadTooLarge",
    "IdempotencyKeyReused",
    "InvalidCursor",
    "InvalidIdToken",
    "InvalidImport",
    "InvalidManifest",
    "InvalidRequest",
    "InvalidResult",
    "InvalidSignature",
    "JobEnded",
    "LimitReached",
    "LockTimeout",
    "MalformedRequest",
    "MisdirectedRequest",
    "MissingScope",
    "ModelError",
    "ModelNotPulled",
    "NameTaken",
    "NoAudioStream",
    "NoDefaultSecret",
    "NoPublicStore",
    "NoStems",
    "NoSuchAudioTrack",
    "NonFiniteSamples",
    "NotARecording",
    "NotAcceptable",
    "NotFound",
    "NotShared",
    "NothingToUndo",
    "OffsetConflict",
    "OpenStreamQuotaExceeded",
    "OpenUploadsQuotaExceeded",
    "OutOfMemory",
    "OutdatedResult",
    "OutdatedTeaching",
    "Overloaded",
    "PackageAbsent",
    "PartsMissing",
    "PhonoscopeError",
    "PreconditionFailed",
    "ProviderFault",
    "ProviderUnavailable",
    "QueuedAudioQuotaExceeded",
    "QueuedJobsQuotaExceeded",
    "RangeNotSatisfiable",
    "RecordingError",
    "RecordingTooLong",
    "RefusedUrl",
    "RequestInFlight",
    "RequestQuotaExceeded",
    "RequestTimeout",
    "RestoreRefused",
    "SearchTimeout",
    "SessionEnded",
    "ShareEnded",
    "SignInExpired",
    "SignInOff",
    "SignInRefused",
    "SignatureExpired",
    "SilentRecording",
    "SpaceGone",
    "SpaceInUse",
    "SpoolFull",
    "StackError",
    "StoreUnavailable",
    "StoredBytesQuotaExceeded",
    "StoredTracksQuotaExceeded",
    "TaskFailed",
    "TimedOut",
    "TooCostlyToRead",
    "TooFewExamples",
    "TooManyConnections",
    "TooManyLabels",
    "TooManyRequests",
    "TooManySearches",
    "TooManyShares",
    "TooManyTiles",
    "TooManyUploads",
    "TooManyWrongKeys",
    "TransactionConflict",
    "Unauthorized",
    "Unavailable",
    "UndecodableRecording",
    "UnknownLabel",
    "UnknownLayer",
    "UnknownModel",
    "UnreadableWeights",
    "UnstorableResult",
    "UnsupportedChecksum",
    "UnsupportedCodec",
    "UnsupportedMediaType",
    "UnsupportedTask",
    "UnsupportedTusVersion",
    "UploadBusy",
    "UploadBytesQuotaExceeded",
    "UploadEnded",
    "UploadQuotaExceeded",
    "UploadTooLarge",
    "WeightsMismatch",
    "WorkerLost",
]
