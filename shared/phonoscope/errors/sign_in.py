"""What is wrong with a sign-in through an identity provider, or with a session."""

from __future__ import annotations

from phonoscope.errors.base import PhonoscopeError
from phonoscope.errors.outages import Unavailable
from phonoscope.errors.requests import NotFound, Unauthorized


class SessionEnded(Unauthorized):
    """The session has ended."""


class SignInOff(NotFound):
    """This service has no identity provider."""


class SignInExpired(PhonoscopeError):
    """The sign-in was not begun in this browser, is over, or took too long."""

    status = 400


class SignInRefused(PhonoscopeError):
    """This user is not let in."""

    status = 403


class InvalidIdToken(PhonoscopeError):
    """What the identity provider says of the user cannot be trusted."""

    status = 403


class CrossSiteRequest(PhonoscopeError):
    """A session takes requests from this service's own page alone."""

    status = 403


class ProviderFault(PhonoscopeError):
    """The identity provider gives a wrong answer."""

    status = 502


class ProviderUnavailable(Unavailable):
    """The identity provider does not answer."""

    retry_after_s = 5
