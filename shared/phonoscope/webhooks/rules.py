"""The rules for addresses of events: URLs as given, and addresses as resolved.

The service resolves a host itself, checks every address and connects to a checked one, so that a name server cannot
give another address after the check.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeAlias

import httpx

from phonoscope.addresses import Address, Allowed, parse_address, why_refused
from phonoscope.errors import RefusedUrl
from phonoscope.settings import Settings

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""Every address of a host, as text. Raises ``OSError`` when there is none."""

_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LONGEST_NAME = 253
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_RESOLVE_S = 2.0
_resolving = ThreadPoolExecutor(16, thread_name_prefix="resolve")


@dataclass(frozen=True)
class Target:
    """A parsed URL: ``path`` includes the query, ``address`` is set when the host is an IP address."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    address: Address | None

    @property
    def authority(self) -> str:
        """Host and port as in the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True)
class Rules:
    """The addresses that this deployment allows. Every method raises ``RefusedUrl`` for others."""

    allowed: Allowed = field(default_factory=Allowed)
    http: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        return cls(Allowed.parse(settings.webhook_allow), settings.webhook_http)

    def parse(self, text: str) -> Target:
        """Parses a URL and checks what can be checked without a name server."""
        target = _parsed(text)
        if target.scheme == "http" and not self.http:
            raise _refused("must be https")
        if target.address is not None:
            self.check(target, [str(target.address)])
        return target

    def check(self, target: Target, addresses: Sequence[str]) -> None:
        """Checks a host's addresses, each of which must be allowed."""
        if self.allowed.has_host(target.host):
            return
        for address in map(ip_address, addresses):
            if self.allowed.has_address(address):
                continue
            kind = why_refused(address)
            if kind is not None:
                raise _refused(f"leads to an address outside the public internet: {kind}")
            if target.port < _FIRST_FREE_PORT and target.port not in _PORTS.values():
                raise _refused(f"port {target.port} is not 80, 443, or 1024 and above")

    def admit(self, text: str, resolver: Resolver | None = None) -> Target:
        """Parses a URL and checks the host's present addresses; a host without one is allowed, for it may get one."""
        target = self.parse(text)
        if target.address is None and not self.allowed.has_host(target.host):
            found = _resolving.submit(resolver or resolve, target.host, target.port)
            try:
                self.check(target, found.result(_RESOLVE_S))
            except (OSError, LateError):
                self.check(target, [])
        return target


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host. Raises ``OSError`` when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is not a host name") from error
    return list(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found))


def _parsed(text: str) -> Target:
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise _refused("is not a URL") from error
    if url.scheme not in _PORTS:
        raise _refused("must be https")
    if url.userinfo:
        raise _refused("holds credentials")
    if url.fragment or "#" in text:
        raise _refused("holds a fragment")
    port = _PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 1 << 16:
        raise _refused("has no such port")
    target = Target(str(url), url.scheme, host, port, url.raw_path.decode("ascii"), _literal(host))
    if target.address is None and not (len(host) <= _LONGEST_NAME and _NAME.fullmatch(host)):
        raise _refused("has no host with a valid name")
    return target


def _literal(host: str) -> Address | None:
    """The IP address that a host is, ``None`` for a name; raises ``RefusedUrl`` for an unusual spelling."""
    address = parse_address(host)
    if address is None and _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise _refused("spells an address in an unusual way")
    if address is not None and "%" in host:
        raise _refused("names an interface")
    return address


def _refused(why: str) -> RefusedUrl:
    return RefusedUrl.field("url", why)
