"""Conditions of requests that change something: ``If-Match`` (RFC 9110, 13.1.1)."""

from __future__ import annotations

import re

from phonoscope.errors import InvalidRequest, PreconditionFailed

_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
_TAGS = re.compile(rf"\*|{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")


def check_match(if_match: str | None, revision: int, what: str) -> None:
    """Checks that the client knows the newest revision, whose number is the entity tag.

    Args:
        if_match: the header; without it nothing is checked.
        what: what has the revision, for the error.

    Raises ``InvalidRequest`` for what is no entity tag, and ``PreconditionFailed`` when another change came first.
    """
    if if_match is None:
        return
    if not _TAGS.fullmatch(if_match.strip()):
        raise InvalidRequest.field("if-match", 'must be entity tags, such as "3"')
    # A weak tag never matches.
    strong = [tag for tag in re.findall(_TAG, if_match) if not tag.startswith("W/")]
    if if_match.strip() != "*" and f'"{revision}"' not in strong:
        raise PreconditionFailed(f'{what} the ETag "{revision}" now: read again')
