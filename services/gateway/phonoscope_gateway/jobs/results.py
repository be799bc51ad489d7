"""Stored results, read as what they are."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from phonoscope.errors import OutdatedResult
from phonoscope.tasks import TaskSpec
from phonoscope.tasks.spec import Result
from phonoscope_gateway.signing import Signer


def read_result(signer: Signer, spec: TaskSpec[Any, Result], body: Any) -> Result:
    """A result with links that are good from now on.

    Raises ``OutdatedResult`` for a body that is not of the task's shape: another version of the service stored it.
    """
    try:
        return spec.read(signer.rendered(body))
    except ValidationError as error:
        raise OutdatedResult(f"{spec.name}: ask for it again with the option no_cache") from error
