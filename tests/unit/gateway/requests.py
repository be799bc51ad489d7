"""The types of the fixtures that ask an application without a server."""

from collections.abc import Callable

import httpx
from fastapi import Request

Ask = Callable[..., httpx.Response]
MakeRequest = Callable[..., Request]
