"""Sends one request: resolves the host, checks its addresses, connects to one of them and reads the answer, within
limits.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import httpx

from phonoscope.contract import AttemptError
from phonoscope.errors import RefusedUrl
from phonoscope.webhooks.rules import Resolver, Rules, Target, resolve
from phonoscope_courier.exchange import Answer, Disconnected, Exchange, InvalidAnswer, request_bytes

_RESOLVERS = 64
_MAX_ADDRESSES = 4


@dataclass(frozen=True)
class Limits:
    """Limits in seconds: for resolving and connecting, and for the whole attempt."""

    connect_s: float = 5.0
    total_s: float = 20.0


class AttemptFailed(Exception):
    """The attempt failed before there was an answer."""

    def __init__(self, error: AttemptError, detail: str, address: str | None = None) -> None:
        super().__init__(detail)
        self.error = error
        self.detail = detail
        self.address = address


class Sender:
    """Sends requests, with shared resolver threads and TLS settings.

    Args:
        rules: which addresses are allowed.
        trust: the certificate authorities for https; the usual ones when left out.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        resolver: Resolver = resolve,
        trust: ssl.SSLContext | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._rules = rules
        self._parse = lru_cache(4096)(rules.parse)
        self._resolver = resolver
        self._trust = trust or httpx.create_ssl_context()
        self._limits = limits
        # A slow name server occupies a thread, and the loop's own executor has few.
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[str, Answer]:
        """The address of the connection, and the answer from it. Raises ``AttemptFailed``."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        target = self._target(url)
        addresses = await self._addresses(target, self._limits.connect_s)
        request = request_bytes(target.authority, target.path, headers, body)
        left_s = self._limits.connect_s - (loop.time() - started)
        address, transport, exchange = await self._connect(target, addresses, request, left_s)
        try:
            async with asyncio.timeout_at(started + self._limits.total_s):
                answer = await exchange.answer
        except InvalidAnswer as error:
            raise AttemptFailed(AttemptError.INVALID_ANSWER, str(error), address) from error
        except Disconnected as error:
            raise AttemptFailed(AttemptError.DISCONNECTED, str(error), address) from error
        except TimeoutError as error:
            detail = f"no whole answer within {self._limits.total_s:g} s"
            raise AttemptFailed(AttemptError.TIMED_OUT, detail, address) from error
        finally:
            transport.abort()
        return address, answer

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _target(self, url: str) -> Target:
        try:
            return self._parse(url)
        except RefusedUrl as error:
            raise AttemptFailed(AttemptError.REFUSED_ADDRESS, error.detail) from error

    async def _addresses(self, target: Target, limit_s: float) -> Sequence[str]:
        """The host's addresses, all of them checked."""
        if target.address is not None:
            return [str(target.address)]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit_s):
                found = await loop.run_in_executor(self._threads, self._resolver, target.host, target.port)
            self._rules.check(target, found)
        except RefusedUrl as error:
            raise AttemptFailed(AttemptError.REFUSED_ADDRESS, error.detail) from error
        except TimeoutError as error:
            raise AttemptFailed(
                AttemptError.UNRESOLVABLE, f"no address of {target.host} within {limit_s:g} s"
            ) from error
        except OSError as error:
            raise AttemptFailed(AttemptError.UNRESOLVABLE, f"{target.host}: {error.strerror or error}") from error
        if not found:
            raise AttemptFailed(AttemptError.UNRESOLVABLE, f"{target.host} has no address")
        return found[:_MAX_ADDRESSES]

    async def _connect(
        self, target: Target, addresses: Sequence[str], request: bytes, left_s: float
    ) -> tuple[str, asyncio.Transport, Exchange]:
        """A connection to the first address that accepts one; each has an equal share of the remaining seconds."""
        failure: AttemptFailed | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(left_s / len(addresses)):
                    return address, *await self._open(target, address, request)
            except (ssl.SSLError, ssl.CertificateError) as error:
                failure = AttemptFailed(AttemptError.TLS_FAILED, _reason(error), address)
            except TimeoutError:
                failure = failure or AttemptFailed(AttemptError.UNREACHABLE, "no connection in time", address)
            except OSError as error:
                failure = failure or AttemptFailed(AttemptError.UNREACHABLE, error.strerror or str(error), address)
        assert failure is not None
        raise failure

    async def _open(self, target: Target, address: str, request: bytes) -> tuple[asyncio.Transport, Exchange]:
        encrypted = target.scheme == "https"
        transport, exchange = await asyncio.get_running_loop().create_connection(
            lambda: Exchange(request),
            address,
            target.port,
            ssl=self._trust if encrypted else None,
            server_hostname=target.host if encrypted else None,
        )
        return transport, exchange


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", None) or error.reason or str(error)
