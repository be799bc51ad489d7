"""What all errors have in common."""

from __future__ import annotations

import re
from typing import Any, ClassVar


class PhonoscopeError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    retry_after_s: int | None = None

    def __init__(self, detail: str, *, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []

    @property
    def code(self) -> str:
        """A stable identifier for programs: the class's name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def title(self) -> str:
        return self.title_of()

    @classmethod
    def title_of(cls) -> str:
        """The class's docstring, which is the title of all its errors."""
        return (cls.__doc__ or "").strip().rstrip(".")

    def as_problem(self) -> dict[str, Any]:
        """The members of an RFC 9457 problem that do not depend on the request."""
        problem: dict[str, Any] = {
            "type": f"urn:phonoscope:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": self.retryable,
        }
        if self.errors:
            problem["errors"] = self.errors
        return problem


def not_installed(package: str, extra: str) -> str:
    """What to do about a package that an extra of this distribution installs."""
    return f"{package} is not installed here: run `pip install 'phonoscope[{extra}]'`"
