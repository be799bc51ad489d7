"""What is wrong with a recording."""

from __future__ import annotations

from phonoscope.errors.base import PhonoscopeError


class RecordingError(PhonoscopeError):
    """The recording cannot be analysed."""

    status = 422


class EmptyUpload(RecordingError):
    """The upload holds no bytes."""


class NotARecording(RecordingError):
    """The upload is not a recording."""

    status = 415


class NoAudioStream(RecordingError):
    """The upload has no audio stream."""

    status = 415


class UnsupportedCodec(RecordingError):
    """The recording's codec cannot be decoded."""

    status = 415


class EncryptedRecording(RecordingError):
    """The recording is encrypted."""

    status = 415


class UndecodableRecording(RecordingError):
    """No samples could be decoded."""


class NoSuchAudioTrack(RecordingError):
    """The recording has no such audio track."""


class NonFiniteSamples(RecordingError):
    """The recording holds samples that are not numbers."""


class RecordingTooLong(RecordingError):
    """The recording is longer than this service takes."""


class SilentRecording(RecordingError):
    """The recording is silent."""


class TooCostlyToRead(RecordingError):
    """Reading the recording takes more work than its size allows."""
