"""Why a model cannot be served."""

from __future__ import annotations

from typing import Self

from phonoscope.errors.base import PhonoscopeError, not_installed


class ModelError(PhonoscopeError):
    """A model cannot be served."""


class UnknownModel(ModelError):
    """There is no such model."""

    status = 422


class ModelNotPulled(ModelError):
    """The model is not on the worker's machine."""

    retryable = True


class BodyAbsent(ModelError):
    """The model needs a body that is not on this machine."""

    status = 422


class ExtraAbsent(ModelError):
    """The model needs packages that are not installed on this machine."""

    @classmethod
    def of(cls, extra: str, package: str) -> Self:
        """Of an extra of this distribution, by a package that it installs."""
        return cls(not_installed(package, extra))


class DownloadFailed(ModelError):
    """A model could not be fetched."""

    retryable = True


class UnreadableWeights(ModelError):
    """A model's published file cannot be read."""


class InvalidManifest(ModelError):
    """A model's manifest is not valid."""


class WeightsMismatch(ModelError):
    """A model's weights are not those its manifest names."""


class DeviceUnavailable(ModelError):
    """The device that was asked for is not there."""
