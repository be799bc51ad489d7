"""Reads stored results as typed values."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from phonoscope.errors import OutdatedResult
from phonoscope.tasks import TaskSpec
from phonoscope.tasks.spec import Result
from phonoscope_gateway.signing import Signer


def read_result(signer: Signer, spec: TaskSpec[Any, Result], body: Any) -> Result:
    """Reads a stored result; its links are valid from now on.

    Raises ``OutdatedResult`` for a body of another form, which another version of the service stored.
    """
    try:
        return spec.read(signer.rendered(body))
    except ValidationError as error:
        raise OutdatedResult(f"{spec.name}: ask for it again with the option no_cache") from error
